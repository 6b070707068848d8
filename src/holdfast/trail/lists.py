"""Threads, tool calls and agents out of the record, a page at a time; each page reads a bounded part of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Text, bindparam, cast, exists, or_, select, text, tuple_

from holdfast.trail import glance, queries
from holdfast.trail.parts import Parts
from holdfast.trail.reader import columns, rows
from holdfast.trail.schema import events, executions, tool_calls
from holdfast.types import CallStatus, Execution, Line, Status, ToolCall, Wanted

_C: Final = executions.c
_LOOKED_AT: Final = (50, 250, 700)
"""Executions that one page of calls looks through, one query after the other; most pages are full after the first."""
_LIVE: Final[Sequence[Status]] = ("pending", "running", "awaiting_review")
"""Statuses of calls whose execution has not ended, and of such executions."""
_NAMES: Final = text(
    "WITH RECURSIVE known(name) AS ("
    " SELECT min(agent_type) FROM agent_executions UNION ALL"
    # From name to name along the index, without the rows between.
    " SELECT (SELECT min(agent_type) FROM agent_executions WHERE agent_type > known.name)"
    " FROM known WHERE known.name IS NOT NULL"
    ") SELECT name FROM known WHERE name IS NOT NULL"
)
_WHOLE: Final = select(*columns(executions))
_IDS: Final = select(_C.id, _C.created_at)


class ListSide:
    """Lists what executions have in common, and what they did."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def threads(self, wanted: Wanted, *, limit: int, after: str | None) -> Sequence[Line]:
        """The newest execution of each thread, the newest first; `after` is the id of the last one seen."""
        wanted = self._as_recorded(wanted)
        return await self._parts.reader.run(partial(threads, wanted=wanted, limit=limit, after=after))

    async def calls(
        self, wanted: Wanted, *, status: CallStatus | None, tool: str | None, limit: int, after: str | None
    ) -> tuple[Sequence[ToolCall], str | None]:
        """Tool calls of the wanted executions, the newest execution first, and what the next page begins behind."""
        wanted = self._as_recorded(wanted)
        return await self._parts.reader.run(
            partial(calls, wanted=wanted, status=status, tool=tool, limit=limit, after=after)
        )

    async def calls_of(self, execution_id: str) -> Sequence[ToolCall]:
        """All calls of one execution, in order."""
        return await self._parts.reader.run(lambda c: _calls(c, [execution_id], status=None, tool=None))

    async def newest_of_agents(self, *, user: str | None) -> Sequence[Line]:
        """The newest execution of each agent on record, by the agents' names; of `user` alone if one is given."""
        return await self._parts.reader.run(partial(newest_of_agents, user=self._parts.prepare.user(user)))

    async def refers(self, execution_id: str, digest: str) -> bool:
        """Whether a payload is part of an execution's record."""
        return await self._parts.reader.run(partial(refers, execution_id=execution_id, digest=digest))

    def _as_recorded(self, wanted: Wanted) -> Wanted:
        prepare = self._parts.prepare
        return replace(wanted, user=prepare.user(wanted.user), thread=prepare.thread(wanted.thread))


def recent(connection: Connection, *, wanted: Wanted, limit: int, after: str | None) -> list[Execution]:
    """Executions, newest first, whole but for their tool calls."""
    found = glance.newest(connection, _WHOLE, wanted=wanted, limit=limit, after=after)
    return queries.as_executions(connection, found)


def threads(connection: Connection, *, wanted: Wanted, limit: int, after: str | None) -> list[Line]:
    """The newest execution of each thread."""
    newer = executions.alias("newer")
    reached = [newer.c.user_id == wanted.user] if wanted.user is not None else []
    reached += [newer.c.agent_type.in_(wanted.agents)] if wanted.agents else []
    has_newer = exists().where(
        newer.c.thread_id == _C.thread_id,
        tuple_(newer.c.created_at, newer.c.id) > tuple_(_C.created_at, _C.id),
        *reached,
    )
    # Said in the words of the index: SQLite finds it by them.
    query = glance.LINES.where(text("agent_executions.thread_id IS NOT NULL"), ~has_newer)
    return [glance.as_line(row) for row in glance.newest(connection, query, wanted=wanted, limit=limit, after=after)]


def calls(  # noqa: PLR0913 - one filter each
    connection: Connection,
    *,
    wanted: Wanted,
    status: CallStatus | None,
    tool: str | None,
    limit: int,
    after: str | None,
) -> tuple[list[ToolCall], str | None]:
    """Calls of one page. One that is short looked through as many executions as a page may; the next one goes on."""
    found: list[ToolCall] = []
    seen, _, call = (after or "").partition(" ")
    place = seen or None
    if call:  # in the middle of this execution's calls
        rest = _behind(_calls(connection, [seen], status=status, tool=tool), call)
        if len(rest) > limit:
            return rest[:limit], _mark(rest[limit - 1])
        found = rest
    for at_once in _LOOKED_AT:
        ids = _ids(connection, wanted, live=status in _LIVE, limit=at_once, after=place)
        found += _calls(connection, ids, status=status, tool=tool)
        if len(found) > limit:
            return found[:limit], _mark(found[limit - 1])
        if len(ids) < at_once:
            return found, None
        place = ids[-1]
    return found, place


def newest_of_agents(connection: Connection, *, user: str | None) -> list[Line]:
    """One look along an index for each agent; of one user, among the newest of theirs."""
    if user is not None:
        theirs = glance.lines(connection, wanted=Wanted(user=user), limit=sum(_LOOKED_AT), after=None)
        newest = {line.agent_type: line for line in reversed(theirs)}
        return [newest[name] for name in sorted(newest)]
    found: list[Line] = []
    for name in connection.execute(_NAMES).scalars():
        wanted = Wanted(agents=(str(name),))
        found += glance.lines(connection, wanted=wanted, limit=1, after=None)
    return found


def refers(connection: Connection, *, execution_id: str, digest: str) -> bool:
    """Whether an event, a call or the execution itself names a payload; reads no other execution."""
    named = f'%"{digest}"%'
    e, c = events.c, tool_calls.c
    looks = (
        select(_C.id).where(_C.id == execution_id, _any_like((_C.input_data, _C.state, _C.result), named)),
        select(e.seq).where(e.execution_id == execution_id, _any_like((e.data,), named)),
        select(c.id).where(c.execution_id == execution_id, _any_like((c.tool_input, c.tool_output), named)),
    )
    return any(connection.execute(look.limit(1)).first() for look in looks)


def _any_like(among: Sequence[ColumnElement[Any]], named: str) -> ColumnElement[bool]:
    return or_(*(cast(column, Text).like(named) for column in among))


def _ids(connection: Connection, wanted: Wanted, *, live: bool, limit: int, after: str | None) -> list[str]:
    """The next executions to look through. Of live ones one walk along an index for each of their statuses."""
    statuses: Sequence[Status | None] = _LIVE if live and wanted.status is None else (wanted.status,)
    found = list[Mapping[str, Any]]()
    for status in statuses:
        narrow = replace(wanted, status=status)
        found += glance.newest(connection, _IDS, wanted=narrow, limit=limit, after=after)
    return [row["id"] for row in glance.in_order(found)[:limit]]


def _calls(
    connection: Connection, ids: Sequence[str], *, status: CallStatus | None, tool: str | None
) -> list[ToolCall]:
    values = {name: value for name, value in (("status", status), ("tool", tool)) if value is not None}
    found = rows(connection, _calls_query(frozenset(values)), {**values, "ids": list(ids)})
    place = {execution_id: number for number, execution_id in enumerate(ids)}
    return sorted(queries.as_tool_calls(connection, found), key=lambda call: place[call.execution_id])


@cache
def _calls_query(by: frozenset[str]) -> Select[*tuple[Any, ...]]:
    c = tool_calls.c
    filters = {
        "status": c.status == bindparam("status", type_=Text),
        "tool": c.tool_name == bindparam("tool", type_=Text),
    }
    query = select(*columns(tool_calls)).where(c.execution_id.in_(bindparam("ids", expanding=True)))
    return query.where(*(filters[name] for name in sorted(by)))


def _behind(found: Sequence[ToolCall], call: str) -> list[ToolCall]:
    at = next((number for number, one in enumerate(found) if one.id == call), len(found))
    return list(found[at + 1 :])


def _mark(call: ToolCall) -> str:
    return f"{call.execution_id} {call.id}"
