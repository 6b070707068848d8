"""What was had from models, added up by the database: exactly, though SQLite keeps money as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, bindparam, text

from holdfast.trail.reader import as_stored
from holdfast.types import Cost, CostBy, DayCost

_DIGITS: Final = 9
"""Of a fraction in one sum: nine digits of nine billion rows still fit a 64-bit integer."""
_FRACTION: Final = "CASE WHEN instr(u.cost_usd, '.') THEN substr(u.cost_usd, instr(u.cost_usd, '.') + 1) ELSE '' END"
_ODD: Final = f"(instr(u.cost_usd, 'E') OR length({_FRACTION}) > {2 * _DIGITS})"
"""Written as 1E-7, or with more digits than two sums take: seldom, and added here."""
_HALF: Final = (
    f"coalesce(sum(CASE WHEN NOT {_ODD} THEN CAST(substr({_FRACTION} || '{'0' * 2 * _DIGITS}', "
    f"{{}}, {_DIGITS}) AS INTEGER) END), 0)"
)
_SQLITE_MONEY: Final = (
    f"coalesce(sum(CASE WHEN NOT {_ODD} THEN CAST(u.cost_usd AS INTEGER) END), 0), {_HALF.format(1)}, "
    f"{_HALF.format(_DIGITS + 1)}, group_concat(CASE WHEN {_ODD} THEN u.cost_usd END, ' ')"
)
_MODEL: Final = "u.model"
_DAY: Final = "substr(CAST(e.created_at AS text), 1, 10)"
_POSTGRES_DAY: Final = "to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
_GROUPS: Final[Mapping[CostBy, str]] = {
    "model": _MODEL,
    # Not the bare columns: SQLite would walk their indexes in the order of the groups, four times as slow.
    "agent": "coalesce(e.agent_type, '')",
    "user": "coalesce(e.user_id, '')",
    "day": _DAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Whose spending, and since when."""

    since: datetime | None = None
    """Of executions that were started then or later; `None`: of all."""
    user: str | None = None
    """Only this one's; `None`: everybody's."""
    agents: Sequence[str] = ()
    """Only these; empty: all."""


def costs(connection: Connection, *, by: CostBy, span: Span) -> list[Cost]:
    """In groups, the dearest first; days in order."""
    found = [
        Cost(name=row[0], executions=row[1], calls=row[2], input_tokens=row[3], output_tokens=row[4], cost_usd=usd)
        for row, usd in _summed(connection, [_GROUPS[by]], span)
    ]
    return sorted(found, key=lambda one: (one.name if by == "day" else "", -one.cost_usd, one.name))


def by_day(connection: Connection, span: Span) -> list[DayCost]:
    """Each model on each day (UTC, of the execution's start), in order of days."""
    found = [
        DayCost(
            day=row[0], model=row[1], executions=row[2], calls=row[3], input_tokens=row[4], output_tokens=row[5],
            cost_usd=usd,
        )
        for row, usd in _summed(connection, [_DAY, _MODEL], span)
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.day, one.model))


def _summed(connection: Connection, groups: Sequence[str], span: Span) -> list[tuple[Sequence[Any], Decimal]]:
    """A row of each group without its money, and its money."""
    conditions, values = _within(connection, span)
    # An execution has one row of each model: where models stay apart there is nothing to count twice.
    count = "count(*)" if _MODEL in groups else "count(DISTINCT e.id)"
    money = _SQLITE_MONEY
    if connection.dialect.name == "postgresql":
        # By the day in UTC, whatever time zone the session has: behind a pooler it is anybody's.
        money, groups = "sum(u.cost_usd)", [_POSTGRES_DAY if group == _DAY else group for group in groups]
    # CROSS JOIN: SQLite reads executions first, by their time, and looks each one's few rows up.
    query = text(
        f"SELECT {', '.join(groups)}, {count}, sum(u.calls), sum(u.input_tokens), sum(u.output_tokens), {money} "  # noqa: S608 - constants
        f"FROM agent_executions e CROSS JOIN agent_model_usage u WHERE {' AND '.join(conditions)} "
        f"GROUP BY {', '.join(str(place + 1) for place in range(len(groups)))}"
    )
    bound = query.bindparams(bindparam("agents", expanding=True)) if span.agents else query
    width = len(groups) + 4
    return [(row[:width], _money(row[width:])) for row in connection.execute(bound, values)]


def _within(connection: Connection, span: Span) -> tuple[list[str], dict[str, Any]]:
    conditions, values = ["u.execution_id = e.id"], dict[str, Any]()
    if span.since is not None:
        conditions.append("e.created_at >= :since")
        values["since"] = as_stored(connection, span.since)
    if span.user is not None:
        conditions.append("e.user_id = :user")
        values["user"] = span.user
    if span.agents:
        conditions.append("e.agent_type IN :agents")
        values["agents"] = list(span.agents)
    return conditions, values


def _money(sums: Sequence[Any]) -> Decimal:
    if len(sums) == 1:
        return Decimal(sums[0])
    whole, high, low, odd = sums
    total = Decimal(whole) + Decimal(high).scaleb(-_DIGITS) + Decimal(low).scaleb(-2 * _DIGITS)
    return _plain(sum((Decimal(one) for one in (odd or "").split()), total))


def _plain(amount: Decimal) -> Decimal:
    """Without the zeros that the sums bring."""
    return Decimal(f"{amount.normalize():f}")
