"""What all executions came to so far: counted once, then carried on with what ended since.

Counting 100,000 ended executions anew at every scrape is what this avoids. Whatever ended more than five minutes ago
is added to the sums for good; the rest, and what live executions have spent, is counted at each look. A sum that would
fall (a failed execution was retried) stays where it is: counters never go back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, TextClause, text

from holdfast.trail.codec import stamp

BUCKETS_S: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400)
_LATE: Final = timedelta(minutes=5)
"""An end may be committed so much later than it is dated: the database was away."""

Sums: TypeAlias = tuple[float, ...]
Ends: TypeAlias = Mapping[tuple[str, str, str], Sums]
"""By agent, status and (of failures) reason: how many, seconds, and how many took at most each of `BUCKETS_S`."""
Spent: TypeAlias = Mapping[tuple[str, str], Sums]
"""By agent and model: calls, failed calls, tokens in, out, read from and written to caches, US dollars."""

_ENDED: Final = """
SELECT agent_type, status, CASE WHEN status = 'failed' THEN coalesce(status_reason, 'FAILED') ELSE '' END AS reason,
    count(*), sum(elapsed_s), {buckets}
FROM (
    SELECT agent_type, status, status_reason, {elapsed} AS elapsed_s FROM agent_executions
    WHERE completed_at > {after} AND completed_at <= {until}
) AS ended
GROUP BY 1, 2, 3
"""
_SPENT: Final = """
SELECT e.agent_type, u.model, sum(u.calls), sum(u.failed_calls), sum(u.input_tokens), sum(u.output_tokens),
    sum(u.cache_read_tokens), sum(u.cache_write_tokens), sum(CAST(u.cost_usd AS DOUBLE PRECISION))
FROM agent_executions e JOIN agent_model_usage u ON u.execution_id = e.id
WHERE {which} GROUP BY e.agent_type, u.model
"""
_ENDED_BETWEEN: Final = "e.completed_at > {after} AND e.completed_at <= {until}"
_NOT_ENDED: Final = "e.status IN ('pending', 'running', 'awaiting_review')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What all executions came to."""

    ends: Ends = field(default_factory=dict[tuple[str, str, str], Sums])
    spent: Spent = field(default_factory=dict[tuple[str, str], Sums])

    def plus(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(ends=_added(self.ends, other.ends), spent=_added(self.spent, other.spent))

    def at_least(self, other: "Totals") -> "Totals":
        """The same, but nothing smaller than there."""
        return Totals(ends=_highest(self.ends, other.ends), spent=_highest(self.spent, other.spent))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """The questions in the words of one database."""

    ended: TextClause
    spent: TextClause
    live: TextClause
    first: str
    """Before any time."""


class Counting:
    """Keeps the sums between scrapes. Used by one thread at a time."""

    def __init__(self) -> None:
        self._settled = Totals()
        self._until: datetime | None = None
        self._shown = Totals()

    def look(self, connection: Connection, now: datetime) -> Totals:
        """What all executions came to so far. The first look reads them all: 0.3 s of 100,000."""
        asking = _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE
        settle = now - _LATE
        if self._until is None or settle > self._until:
            self._settled = self._settled.plus(_between(connection, asking, self._until, settle))
            self._until = settle
        recent = _between(connection, asking, self._until, now + timedelta(days=1))
        live = Totals(spent=_sums(connection.execute(asking.live), 2))
        self._shown = self._settled.plus(recent).plus(live).at_least(self._shown)
        return self._shown


def _between(connection: Connection, asking: _Asking, after: datetime | None, until: datetime) -> Totals:
    span = {"after": asking.first if after is None else stamp(after), "until": stamp(until)}
    return Totals(
        ends=_sums(connection.execute(asking.ended, span), 3), spent=_sums(connection.execute(asking.spent, span), 2)
    )


def _sums(found: Any, names: int) -> dict[Any, Sums]:
    return {tuple(row[:names]): tuple(float(value) for value in row[names:]) for row in found}


def _added(one: Mapping[Any, Sums], other: Mapping[Any, Sums]) -> dict[Any, Sums]:
    return {**one, **{key: _each(one.get(key), sums, add=True) for key, sums in other.items()}}


def _highest(one: Mapping[Any, Sums], other: Mapping[Any, Sums]) -> dict[Any, Sums]:
    return {**one, **{key: _each(one.get(key), sums, add=False) for key, sums in other.items()}}


def _each(one: Sums | None, other: Sums, *, add: bool) -> Sums:
    if one is None:
        return other
    return tuple(a + b if add else max(a, b) for a, b in zip(one, other, strict=True))


def _asking(*, elapsed: str, moment: str, first: str) -> _Asking:
    span = {"after": moment.format(":after"), "until": moment.format(":until")}
    buckets = ", ".join(f"sum(CASE WHEN elapsed_s <= {seconds} THEN 1 ELSE 0 END)" for seconds in BUCKETS_S)
    return _Asking(
        ended=text(_ENDED.format(buckets=buckets, elapsed=elapsed, **span)),
        spent=text(_SPENT.format(which=_ENDED_BETWEEN.format(**span))),
        live=text(_SPENT.format(which=_NOT_ENDED)),
        first=first,
    )


_SQLITE: Final = _asking(elapsed="(julianday(completed_at) - julianday(created_at)) * 86400.0", moment="{}", first="")
_POSTGRES: Final = _asking(
    elapsed="extract(epoch FROM completed_at - created_at)", moment="CAST({} AS timestamptz)", first="-infinity"
)
