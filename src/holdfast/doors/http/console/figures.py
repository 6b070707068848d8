"""Numbers and times as the console's pages write them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from markupsafe import Markup

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def now() -> datetime:
    """The present, in UTC: what "ago" counts from."""
    return datetime.now(UTC)


def ago(at: datetime | None) -> Markup | str:
    """How long since, as an element that keeps the exact time: `3 min ago`; nothing for no time."""
    if at is None:
        return ""
    seconds = int((now() - at).total_seconds())
    said = f"in {rough(-seconds)}" if seconds < 0 else f"{rough(seconds)} ago" if seconds else "now"
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(at.isoformat(), exact(at), said)


def rough(seconds: float) -> str:
    """A span in its largest unit: `3 min`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def exact(at: datetime | None) -> str:
    """A time to the second, in UTC."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(span: timedelta | float | None) -> str:
    """A span, given in seconds or as a timedelta: `840 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    if span is None:
        return ""
    seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return _two_units(round(seconds))


def _two_units(seconds: int) -> str:
    for (size, unit), (smaller, next_unit) in pairwise(_UNITS):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit} {rest} {next_unit}" if rest else f"{seconds // size} {unit}"
    return f"{seconds} s"


def money(usd: Decimal | float | None) -> str:
    """Dollars: to the cent from one on, below to a hundredth of a cent."""
    if usd is None:
        return ""
    amount = Decimal(usd)
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(amount):,.2f}" if abs(amount) >= 1 or not amount else f"{sign}${abs(amount):,.4f}"


def tokens(count: float | Decimal | None) -> str:
    """A count of tokens: `840`, `12.4k`, `3.1M`."""
    if count is None:
        return ""
    for size, unit in ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")):
        if abs(count) >= size:
            return f"{float(count) / (1_000 if unit == 'k' else size):.1f}{unit}"
    return f"{count:,.0f}"


def share(part: float | Decimal | None) -> str:
    """A part of 1 in percent; a dash where there is none."""
    return "-" if part is None else f"{float(part) * 100:.0f} %"


def short_id(given: str | None) -> str:
    """The end of an id: ids begin with the time, so their ends differ soonest."""
    return "" if given is None else given if len(given) <= 12 else f"…{given[-8:]}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 execution`, `2 executions`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
