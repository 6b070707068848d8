"""Looking at many executions at once, as one caller may see them: `app.glance`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from holdfast.composition import Parts
from holdfast.errors import NotFound, Pruned
from holdfast.types import (
    Approval,
    Caller,
    CallStatus,
    Event,
    Failing,
    Line,
    Outline,
    StatusCounts,
    ToolCall,
    Wanted,
    WantedApprovals,
)

PAGE = 100
_DAY = timedelta(hours=24)
_ANYTHING = Wanted()
_ANY_APPROVAL = WantedApprovals()


class Glance:
    """What lists and overviews ask. Nobody sees here what they do not reach."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def lines(
        self, caller: Caller, wanted: Wanted = _ANYTHING, *, limit: int = PAGE, after: str | None = None
    ) -> Sequence[Line]:
        """Executions, newest first; `after` is the id of the last one seen."""
        if (allowed := within(caller, wanted)) is None:
            return ()
        return await (await self._parts.trail()).lines(allowed, limit=limit, after=after)

    async def lines_of(self, caller: Caller, ids: Sequence[str]) -> Sequence[Line]:
        """These executions, in this order; those that there are not are left out."""
        allowed = within(caller, _ANYTHING)
        return () if allowed is None or not ids else await (await self._parts.trail()).lines_of(ids, allowed)

    async def pruned(self, caller: Caller, execution_id: str) -> Pruned | None:
        """The word about an execution that is not there any more; `None`: there never was one, or it may be another's.

        Whose it was is gone with it: who reaches only some is told of none.
        """
        if caller.user is not None or caller.agents:
            return None
        return await (await self._parts.trail()).pruned(execution_id)

    async def children(self, execution_id: str, *, limit: int = PAGE) -> Sequence[Line]:
        """What an execution started, oldest first; who reaches the one reaches the others."""
        return await (await self._parts.trail()).children(execution_id, limit=limit)

    async def standing(self, caller: Caller, wanted: Wanted = _ANYTHING) -> StatusCounts:
        """How many stand how: live ones all, ended ones of the last 24 hours."""
        allowed, since = within(caller, wanted), self._since()
        if allowed is None:
            return StatusCounts(counts={}, most=0, since=since)
        return await (await self._parts.trail()).standing(allowed, since=since)

    async def failing(self, caller: Caller) -> Sequence[Failing]:
        """Which agents fail, by the newest executions of the last 24 hours."""
        allowed = within(caller, _ANYTHING)
        return () if allowed is None else await (await self._parts.trail()).failing(allowed, since=self._since())

    async def open_approvals(self, caller: Caller, *, most: int = 100) -> int:
        """How many questions are open, counted up to `most`."""
        allowed = within(caller, _ANYTHING)
        return 0 if allowed is None else await (await self._parts.trail()).open_questions(allowed, most=most)

    async def waiting(
        self, caller: Caller, wanted: WantedApprovals = _ANY_APPROVAL, *, limit: int = PAGE, after: str | None = None
    ) -> Sequence[Approval]:
        """Open questions, oldest first; `after` is the id of the last one seen."""
        allowed = _asked_within(caller, wanted)
        return () if allowed is None else await (await self._parts.trail()).waiting(allowed, limit=limit, after=after)

    async def decided(
        self, caller: Caller, wanted: WantedApprovals = _ANY_APPROVAL, *, limit: int = PAGE, after: str | None = None
    ) -> Sequence[Approval]:
        """Questions that are closed, the newest decision first; `after` is the id of the last one seen."""
        allowed = _asked_within(caller, wanted)
        return () if allowed is None else await (await self._parts.trail()).decided(allowed, limit=limit, after=after)

    async def tools_asked(self, caller: Caller) -> Sequence[tuple[str, str | None, str | None]]:
        """Agents, tools and groups of the open questions, each combination once."""
        allowed = _asked_within(caller, _ANY_APPROVAL)
        return () if allowed is None else await (await self._parts.trail()).tools_asked(allowed)

    async def approval(self, caller: Caller, approval_id: str) -> Approval:
        """One question, open or closed.

        Raises:
            NotFound: There is none, or the caller does not reach it.
        """
        found = await (await self._parts.trail()).approval(approval_id)
        if not await self.lines_of(caller, [found.execution_id]):
            raise NotFound(f"no approval {approval_id!r}")
        return found

    # --- threads, calls, agents

    async def threads(
        self, caller: Caller, wanted: Wanted = _ANYTHING, *, limit: int = PAGE, after: str | None = None
    ) -> Sequence[Line]:
        """The newest execution of each thread, the newest first; `after` is the id of the last one seen."""
        allowed = within(caller, wanted)
        return () if allowed is None else await (await self._parts.trail()).threads(allowed, limit=limit, after=after)

    async def calls(  # noqa: PLR0913 - one filter each
        self,
        caller: Caller,
        wanted: Wanted = _ANYTHING,
        *,
        status: CallStatus | None = None,
        tool: str | None = None,
        limit: int = PAGE,
        after: str | None = None,
    ) -> tuple[Sequence[ToolCall], str | None]:
        """Tool calls, the newest execution first, and what the next page begins behind (`None`: nothing is left).

        A page looks through 1,000 executions at most, and may be short though there is more.
        """
        if (allowed := within(caller, wanted)) is None:
            return (), None
        return await (await self._parts.trail()).calls(allowed, status=status, tool=tool, limit=limit, after=after)

    async def calls_of(self, caller: Caller, execution_id: str) -> Sequence[ToolCall]:
        """All tool calls of one execution, in order; none of one that the caller does not reach."""
        reached = await self.lines_of(caller, [execution_id])
        return () if not reached else await (await self._parts.trail()).calls_of(execution_id)

    async def agents(self, caller: Caller) -> Sequence[Line]:
        """The newest execution of each agent on record, by the agents' names."""
        found = await (await self._parts.trail()).newest_of_agents(user=caller.user)
        return [line for line in found if not caller.agents or line.agent_type in caller.agents]

    async def blob(self, caller: Caller, execution_id: str, digest: str) -> bytes:
        """A payload that an execution's record names.

        Raises:
            NotFound: It names none of that digest, or the caller does not reach the execution.
        """
        trail = await self._parts.trail()
        if not await self.lines_of(caller, [execution_id]) or not await trail.refers(execution_id, digest):
            raise NotFound(f"execution {execution_id!r} has no blob {digest!r}")
        return await trail.blob(digest)

    # --- one journal in parts; for executions that the caller is known to reach

    async def outline(self, execution_id: str) -> Outline:
        """Where its turns begin."""
        return await (await self._parts.trail()).outline(execution_id)

    async def stretch(self, execution_id: str, *, after: int, until: int) -> Sequence[Event]:
        """Events above `after`, up to `until`; blobs stay references, `{"$blob": digest, "bytes": n}`."""
        return await (await self._parts.trail()).stretch(execution_id, after=after, until=until)

    async def changes_of(self, execution_id: str) -> Sequence[Event]:
        """What happened to it as a whole: start, claims, parkings, retries, end."""
        return await (await self._parts.trail()).changes_of(execution_id)

    async def stirs(self, ids: Sequence[str]) -> AsyncIterator[None]:
        """Ticks at once, then when one of these executions changed or work came up; ends when the app closes."""
        async for _ in (await self._parts.trail()).stirs(ids):
            yield

    def _since(self) -> datetime:
        return self._parts.clock.now() - _DAY


def within(caller: Caller, wanted: Wanted) -> Wanted | None:
    """The wanted ones that the caller reaches; `None`: none of them. Pure."""
    if caller.user is not None:
        if wanted.user not in {None, caller.user}:
            return None
        wanted = replace(wanted, user=caller.user)
    if caller.agents:
        agents = tuple(agent for agent in wanted.agents or caller.agents if agent in caller.agents)
        if not agents:
            return None
        wanted = replace(wanted, agents=agents)
    return wanted


def _asked_within(caller: Caller, wanted: WantedApprovals) -> WantedApprovals | None:
    allowed = within(caller, Wanted(agents=wanted.agents, user=wanted.user))
    return None if allowed is None else replace(wanted, agents=allowed.agents, user=allowed.user)
