"""What a budget has room for: accounts over calendar and rolling windows. Pure, in whole numbers.

Amounts are tokens, or picodollars (1e-12 US dollars), so that sums are exact: the cheapest listed price of one cached
token is some thousands of them.

A rolling window is kept as sixty buckets; a bucket counts until all of it has left the window, so that the sum over
any window is never more than the ceiling.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from holdfast.errors import BudgetExhausted, UsageError
from holdfast.trail.controls.cell import Data
from holdfast.types import Account, Budget

PICO: Final = Decimal(10) ** 12
BUCKETS: Final = 60
HELD_WAIT: Final = timedelta(seconds=3)
"""When to look again where only calls under way stand against it: most of them use less than they hold."""
_ROLLING = re.compile(r"([1-9]\d{0,5})(m|h|d)")
_UNIT_S: Final = {"m": 60, "h": 3_600, "d": 86_400}


def in_units(budget: Budget, amount: Decimal | int) -> int:
    """An amount of the budget's unit as a whole number; money is rounded up."""
    return int(amount) if budget.usd is None else pico(Decimal(amount))


def pico(usd: Decimal) -> int:
    """US dollars in picodollars, rounded up."""
    return int((usd * PICO).to_integral_value(ROUND_CEILING))


def from_units(budget: Budget, amount: int) -> Decimal:
    """The other way round."""
    return Decimal(amount) if budget.usd is None else Decimal(amount) / PICO


def ceiling(budget: Budget) -> int:
    """What it allows, without what was topped up."""
    return budget.tokens if budget.tokens is not None else pico(budget.usd or Decimal(0))


def window_s(window: str) -> int | None:
    """Seconds of a rolling window; `None`: it is a calendar's.

    Raises:
        UsageError: It is neither.
    """
    if window in {"hour", "day", "month"}:
        return None
    match = _ROLLING.fullmatch(window)
    if not match:
        raise UsageError(f"window {window!r}: use hour, day or month (by the calendar), or rolling 90m, 6h, 7d")
    return int(match[1]) * _UNIT_S[match[2]]


def calendar(window: str, now: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the calendar window around `now`, in UTC."""
    now = now.astimezone(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    if window == "hour":
        return hour, hour + timedelta(hours=1)
    if window == "day":
        return day, day + timedelta(days=1)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True, slots=True)
class _Standing:
    """An account at one moment, outdated buckets and top-ups gone."""

    buckets: dict[str, int]
    """By the epoch second at which each begins."""
    reserved: int
    extra: list[list[int]]
    """Top-ups: until when (epoch), how much."""
    begin: int
    """Of the present bucket."""
    resets_at: int
    """Epoch second at which room appears by itself."""

    @property
    def spent(self) -> int:
        return sum(self.buckets.values())

    @property
    def topped_up(self) -> int:
        return sum(amount for _, amount in self.extra)


def _standing(budget: Budget, account: Data | None, now: datetime) -> _Standing:
    known = account or {"reserved": 0, "buckets": {}, "extra": []}
    epoch = int(now.timestamp())
    rolling = window_s(budget.window)
    if rolling is None:
        begin, end = (int(moment.timestamp()) for moment in calendar(budget.window, now))
        buckets = {key: used for key, used in known["buckets"].items() if int(key) >= begin}
        resets_at = end
    else:
        size = max(1, rolling // BUCKETS)
        begin = epoch // size * size
        buckets = {key: used for key, used in known["buckets"].items() if int(key) + size + rolling > epoch}
        resets_at = min((int(key) + size + rolling for key in buckets), default=epoch)
    extra = [top_up for top_up in known["extra"] if top_up[0] > epoch]
    return _Standing(buckets, known["reserved"], extra, begin, resets_at)


def charge(  # noqa: PLR0913 - one booking
    budget: Budget, account: Data | None, *, subject: str, reserve: int, spend: int, now: datetime, must_fit: bool
) -> Data:
    """Book a change of what is reserved and what is spent.

    Args:
        budget: Whose account.
        account: As it stood; `None`: nothing yet.
        subject: For the error's words.
        reserve: More (or less) held for calls under way.
        spend: More spent.
        now: When.
        must_fit: Refuse what goes over the ceiling; a settlement is booked in any case.

    Raises:
        BudgetExhausted: There is no room.
    """
    at = _standing(budget, account, now)
    if must_fit and 0 < reserve + spend > _room(budget, at):
        _refuse(budget, at, subject=subject, wanted=reserve + spend, now=now)
    buckets, key = dict(at.buckets), str(at.begin)
    if spend:
        buckets[key] = max(buckets.get(key, 0) + spend, 0)
    return {"reserved": max(at.reserved + reserve, 0), "buckets": buckets, "extra": at.extra}


def _refuse(budget: Budget, at: _Standing, *, subject: str, wanted: int, now: datetime) -> None:
    room = _room(budget, at)
    never, held = wanted > room + at.reserved + at.spent, wanted <= room + at.reserved
    until = now + HELD_WAIT if held else datetime.fromtimestamp(at.resets_at, UTC)
    if never:
        why = "that is more than it ever allows: raise it, or lower max_output_tokens"
    elif held:
        why = f"{_words(budget, at.reserved)} are held for calls under way"
    else:
        why = f"it has room again at {until:%Y-%m-%d %H:%M} UTC, or when somebody tops it up"
    whose, left = f" of {subject}" if subject else "", _words(budget, max(room, 0))
    raise BudgetExhausted(
        f"budget {budget.name!r}{whose}: the next model call may cost {_words(budget, wanted)}, {left} are left; {why}",
        until=until,
        budget=budget.name,
        on_exhausted="park" if held else "fail" if never and budget.on_exhausted == "park" else budget.on_exhausted,
    )


def _room(budget: Budget, at: _Standing) -> int:
    return ceiling(budget) + at.topped_up - at.spent - at.reserved


def _words(budget: Budget, amount: int) -> str:
    return f"{amount:,} tokens" if budget.usd is None else f"${Decimal(amount) / PICO:.6f}"


def top_up(budget: Budget, account: Data | None, *, amount: int, now: datetime) -> Data:
    """Raise the ceiling of one account until its window is over."""
    at = _standing(budget, account, now)
    rolling = window_s(budget.window)
    until = at.resets_at if rolling is None else int(now.timestamp()) + rolling
    return {"reserved": at.reserved, "buckets": at.buckets, "extra": [*at.extra, [until, amount]]}


def show(budget: Budget, account: Data | None, *, subject: str, now: datetime) -> Account:
    """An account as people see it."""
    at = _standing(budget, account, now)
    amount = ceiling(budget) + at.topped_up
    return Account(
        budget=budget,
        subject=subject,
        amount=from_units(budget, amount),
        spent=from_units(budget, at.spent),
        reserved=from_units(budget, at.reserved),
        left=from_units(budget, max(amount - at.spent - at.reserved, 0)),
        resets_at=datetime.fromtimestamp(at.resets_at, UTC),
    )


def covers(budget: Budget, *, user: str | None, agent: str) -> str | None:
    """The subject of the account that an execution is charged to; `None`: this budget is none of its."""
    if budget.scope == "global":
        return ""
    name = user if budget.scope == "user" else agent
    if name is None or (budget.subject is not None and budget.subject != name):
        return None
    return name


def as_data(budget: Budget) -> Data:
    """A definition as it is stored."""
    return {
        "scope": budget.scope,
        "subject": budget.subject,
        "tokens": budget.tokens,
        "usd": None if budget.usd is None else str(budget.usd),
        "window": budget.window,
        "on_exhausted": budget.on_exhausted,
        "source": budget.source,
    }


def from_data(name: str, data: Data) -> Budget:
    """A stored definition."""
    fields: Data = {**data, "name": name, "usd": None if data["usd"] is None else Decimal(data["usd"])}
    return Budget(**fields)
