"""Many executions at a glance: lists, counts and failures, each bounded by an index however large the record is."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    tuple_,
)

from holdfast.trail.parts import Parts
from holdfast.trail.reader import as_stored, moment, money, rows
from holdfast.trail.schema import approvals, executions
from holdfast.types import ENDED, Failing, Line, Status, StatusCounts, Wanted

_C = executions.c
_ONE: Final = literal_column("1", Integer).label("one")
_BEGINNING: Final = 1_000
"""Characters of an input or error: enough for a line."""
MOST: Final = 10_000
"""Nothing is counted further."""
_SAMPLE: Final = 2_000
"""Newest executions by which it is judged who fails."""
_MOMENTS: Final = ("wake_at", "cancel_requested_at", "created_at", "updated_at", "completed_at", "pruned_at")
_PLAIN: Final = (
    _C.id, _C.parent_id, _C.thread_id, _C.user_id, _C.agent_type, _C.agent_version, _C.status, _C.status_reason,
    _C.step_count, _C.token_count, _C.cost_usd, _C.lease_owner, _C.last_seq, *(_C[name] for name in _MOMENTS),
)  # fmt: skip
LINES: Final = select(
    *_PLAIN,
    func.substr(cast(_C.input_data, Text), 1, _BEGINNING).label("asked"),
    func.substr(_C.error, 1, _BEGINNING).label("error"),
)
_BY_ID: Final = LINES.where(_C.id.in_(bindparam("ids", expanding=True)))
"""Asked before whatever is asked about one execution: made once, for making it takes longer than answering it."""


class GlanceSide:
    """Lists and counts executions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def lines(self, wanted: Wanted, *, limit: int, after: str | None) -> Sequence[Line]:
        """Executions, newest first; `after` is the id of the last one seen."""
        prepare = self._parts.prepare
        wanted = replace(wanted, user=prepare.user(wanted.user), thread=prepare.thread(wanted.thread))
        return await self._parts.reader.run(partial(lines, wanted=wanted, limit=limit, after=after))

    async def lines_of(self, ids: Sequence[str], wanted: Wanted) -> Sequence[Line]:
        """Those of these executions that are wanted, in the order of `ids`."""
        return await self._parts.reader.run(partial(lines_of, ids=ids, wanted=wanted))

    async def children(self, execution_id: str, *, limit: int) -> Sequence[Line]:
        """Executions that this one started, oldest first."""
        return await self._parts.reader.run(partial(children, parent=execution_id, limit=limit))

    async def standing(self, wanted: Wanted, *, since: datetime) -> StatusCounts:
        """How many of the wanted stand how; ended ones of those that started since then."""
        return await self._parts.reader.run(partial(standing, wanted=wanted, since=since))

    async def failing(self, wanted: Wanted, *, since: datetime) -> Sequence[Failing]:
        """How each agent's newest executions ended, the one with the most failures first."""
        return await self._parts.reader.run(partial(failing, wanted=wanted, since=since))

    async def open_questions(self, wanted: Wanted, *, most: int) -> int:
        """How many approvals are open, counted up to `most`."""
        return await self._parts.reader.run(partial(open_questions, wanted=wanted, most=most))

    def stirs(self, ids: Sequence[str]) -> AsyncIterator[None]:
        """Ticks at once, then when one of these executions changed, or work came up."""
        return self._parts.bell.watch_all(ids)


def lines(connection: Connection, *, wanted: Wanted, limit: int, after: str | None) -> list[Line]:
    """Executions, newest first."""
    return [as_line(row) for row in newest(connection, LINES, wanted=wanted, limit=limit, after=after)]


def newest(
    connection: Connection, query: Select[*tuple[Any, ...]], *, wanted: Wanted, limit: int, after: str | None
) -> list[Mapping[str, Any]]:
    """Rows of a query of executions (with `id` and `created_at`), narrowed to the wanted ones behind `after`.

    A query that is made once is narrowed once for each set of filters: that takes longer than answering it.
    """
    given = {"status": wanted.status, "user": wanted.user, "thread": wanted.thread, "after": after}
    moments = {"since": wanted.since, "until": wanted.until}
    given |= {name: None if at is None else as_stored(connection, at) for name, at in moments.items()}
    found: list[Mapping[str, Any]] = []
    # One walk along an index for each agent: for several at once the databases sort all that these ever did.
    for agent in wanted.agents or [None]:
        values = {name: value for name, value in {**given, "agent": agent}.items() if value is not None}
        found += rows(connection, _narrowed(query, frozenset(values)), {**values, "most": limit})
    return in_order(found)[:limit]


@lru_cache(maxsize=128)
def _narrowed(query: Select[*tuple[Any, ...]], by: frozenset[str]) -> Select[*tuple[Any, ...]]:
    seen = select(_C.created_at, _C.id).where(_C.id == bindparam("after", type_=Text))
    filters = {
        "status": _C.status == bindparam("status", type_=Text),
        "agent": _C.agent_type == bindparam("agent", type_=Text),
        "user": _C.user_id == bindparam("user", type_=Text),
        "thread": _C.thread_id == bindparam("thread", type_=Text),
        "since": _C.created_at >= bindparam("since", type_=_C.created_at.type),
        "until": _C.created_at < bindparam("until", type_=_C.created_at.type),
        "after": tuple_(_C.created_at, _C.id) < seen.scalar_subquery(),
    }
    narrow = query.where(*(filters[name] for name in sorted(by)))
    return narrow.order_by(_C.created_at.desc(), _C.id.desc()).limit(bindparam("most", type_=Integer))


def in_order(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of executions, newest first."""
    return sorted(found, key=_moment_of, reverse=True)


def _moment_of(row: Mapping[str, Any]) -> tuple[Any, str]:
    return row["created_at"], row["id"]


def lines_of(connection: Connection, *, ids: Sequence[str], wanted: Wanted) -> list[Line]:
    """By primary key, in the order of `ids`."""
    found = {row["id"]: as_line(row) for row in rows(connection, _BY_ID, {"ids": list(ids)})}
    return [found[one] for one in ids if one in found and _is_wanted(found[one], wanted)]


def _is_wanted(line: Line, wanted: Wanted) -> bool:
    return (
        wanted.status in {None, line.status}
        and wanted.user in {None, line.user_id}
        and wanted.thread in {None, line.thread_id}
        and (not wanted.agents or line.agent_type in wanted.agents)
        and (wanted.since is None or line.created_at >= wanted.since)
        and (wanted.until is None or line.created_at < wanted.until)
    )


def children(connection: Connection, *, parent: str, limit: int) -> list[Line]:
    """What an execution started."""
    query = LINES.where(_C.parent_id == parent, _C.parent_id.is_not(None)).order_by(_C.created_at, _C.id)
    return _read(connection, query.limit(limit))


def standing(connection: Connection, *, wanted: Wanted, since: datetime) -> StatusCounts:
    """Counts by status; each is one walk along an index that ends at `MOST`."""
    counts: dict[Status, int] = {}
    for status in get_args(Status):
        bounded = replace(wanted, status=status, since=since if status in ENDED else None)
        # Nothing but a constant is selected: the index alone answers.
        some = select(_ONE).where(*_bounds(connection, bounded)).limit(MOST).subquery()
        counts[status] = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return StatusCounts(counts=counts, most=MOST, since=since)


def failing(connection: Connection, *, wanted: Wanted, since: datetime) -> list[Failing]:
    """Completed and failed by agent, among the newest."""
    newest = select(_C.agent_type, _C.status, _C.status_reason).where(
        *_bounds(connection, replace(wanted, since=since))
    )
    sample = connection.execute(newest.order_by(_C.created_at.desc(), _C.id.desc()).limit(_SAMPLE)).all()
    completed = Counter(agent for agent, status, _ in sample if status == "completed")
    reasons: dict[str, Counter[str]] = {}
    for agent, status, reason in sample:
        if status == "failed":
            reasons.setdefault(agent, Counter())[reason or "FAILED"] += 1
    found = [
        Failing(agent=agent, completed=completed[agent], failed=of.total(), reasons=dict(of.most_common(3)))
        for agent, of in reasons.items()
    ]
    return sorted(found, key=lambda one: (-one.failed, one.agent))


def open_questions(connection: Connection, *, wanted: Wanted, most: int) -> int:
    """Open approvals of the wanted executions."""
    some = select(approvals.c.id).where(approvals.c.status == "open").limit(most)
    if wanted.agents:
        some = some.where(approvals.c.agent_type.in_(wanted.agents))
    if wanted.user is not None:
        some = some.join(executions, _C.id == approvals.c.execution_id).where(_C.user_id == wanted.user)
    return connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()


def spent(connection: Connection, *, wanted: Wanted) -> Decimal:
    """What the wanted executions cost; added here, where it stays exact on both databases."""
    found = connection.execute(select(_C.cost_usd).where(*_bounds(connection, wanted)))
    return sum((money(usd) for (usd,) in found), Decimal(0))


def _bounds(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    given: list[ColumnElement[bool]] = []
    for column, value in ((_C.status, wanted.status), (_C.user_id, wanted.user), (_C.thread_id, wanted.thread)):
        if value is not None:
            given.append(column == value)
    if wanted.agents:
        given.append(_C.agent_type == wanted.agents[0] if len(wanted.agents) == 1 else _C.agent_type.in_(wanted.agents))
    if wanted.since is not None:
        given.append(_C.created_at >= as_stored(connection, wanted.since))
    if wanted.until is not None:
        given.append(_C.created_at < as_stored(connection, wanted.until))
    return given


def _read(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[Line]:
    return [as_line(row) for row in rows(connection, query)]


def as_line(row: Mapping[str, Any]) -> Line:
    """A row of `LINES` in the words of `types`."""
    values: dict[str, Any] = {**row, **{name: moment(row[name]) for name in _MOMENTS}}
    values |= {"cost_usd": money(row["cost_usd"]), "asked": row["asked"] or "null"}
    return Line(**values)
