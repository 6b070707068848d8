"""Questions to people, a page at a time: what waits, oldest first, and what was decided, newest first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select, text, tuple_

from holdfast.trail import queries
from holdfast.trail.parts import Parts
from holdfast.trail.reader import columns, rows
from holdfast.trail.schema import approvals, executions
from holdfast.types import Approval, WantedApprovals

_C = approvals.c


class QuestionSide:
    """Lists approvals."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def waiting(self, wanted: WantedApprovals, *, limit: int, after: str | None) -> Sequence[Approval]:
        """Open ones, oldest first; `after` is the id of the last one seen."""
        return await self._parts.reader.run(lambda c: waiting(c, wanted, limit=limit, after=after))

    async def decided(self, wanted: WantedApprovals, *, limit: int, after: str | None) -> Sequence[Approval]:
        """Closed ones, the newest decision first; `after` is the id of the last one seen."""
        return await self._parts.reader.run(lambda c: decided(c, wanted, limit=limit, after=after))

    async def tools_asked(self, wanted: WantedApprovals) -> Sequence[tuple[str, str | None, str | None]]:
        """Agents, tools and groups that open questions are about, each combination once."""
        return await self._parts.reader.run(lambda c: tools_asked(c, wanted))


def waiting(connection: Connection, wanted: WantedApprovals, *, limit: int, after: str | None) -> list[Approval]:
    """Open approvals, oldest first."""
    query = _within(select(*columns(approvals)), wanted).where(_C.status == "open")
    if after is not None:
        seen = select(_C.asked_at, _C.id).where(_C.id == after)
        query = query.where(tuple_(_C.asked_at, _C.id) > seen.scalar_subquery())
    return queries.as_approvals(connection, rows(connection, query.order_by(_C.asked_at, _C.id).limit(limit)))


def decided(connection: Connection, wanted: WantedApprovals, *, limit: int, after: str | None) -> list[Approval]:
    """Closed approvals, the newest decision first. The status stands in the text: SQLite finds the index by it."""
    query = _within(select(*columns(approvals)), wanted).where(text("agent_approvals.status <> 'open'"))
    if after is not None:
        seen = select(_C.decided_at, _C.id).where(_C.id == after)
        query = query.where(tuple_(_C.decided_at, _C.id) < seen.scalar_subquery())
    newest = query.order_by(_C.decided_at.desc(), _C.id.desc()).limit(limit)
    return queries.as_approvals(connection, rows(connection, newest))


def tools_asked(connection: Connection, wanted: WantedApprovals) -> list[tuple[str, str | None, str | None]]:
    """What open questions are about."""
    query = _within(select(_C.agent_type, _C.tool_name, _C.reviewers), wanted).where(_C.status == "open").distinct()
    return [(agent, tool, group) for agent, tool, group in connection.execute(query.limit(1_000))]


def _within(query: Select[*tuple[Any, ...]], wanted: WantedApprovals) -> Select[*tuple[Any, ...]]:
    if wanted.agents:
        query = query.where(_C.agent_type.in_(wanted.agents))
    if wanted.tool is not None:
        query = query.where(_C.tool_name == wanted.tool)
    if wanted.group is not None:
        query = query.where(_C.reviewers == wanted.group)
    if wanted.user is not None:
        query = query.join(executions, executions.c.id == _C.execution_id).where(executions.c.user_id == wanted.user)
    return query
