"""Looking at executions: one, many, their journals, and those that failed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Final

from holdfast.composition import Parts
from holdfast.errors import StoreError
from holdfast.trail.follow import follow_events
from holdfast.types import DeadLetter, Event, Execution, Line, Readiness, Status

UNREADY: Final = {
    "store_unavailable": "the database is away",
    "schema_outdated": "the tables are older than this version: run holdfast migrate",
    "unknown_record": "the tables are newer than this version: upgrade",
}


class Lookup:
    """The part of an app that reads and changes nothing."""

    _parts: Parts

    async def get(self, execution_id: str) -> Execution:
        """One execution with its tool calls.

        Raises:
            NotFound: There is no such execution.
        """
        return await (await self._parts.trail()).get(execution_id)

    async def children(self, execution_id: str, *, limit: int = 1_000) -> Sequence[Line]:
        """What an execution started, in the order of their starts, at most `limit`."""
        return await (await self._parts.trail()).children(execution_id, limit=limit)

    async def list(  # noqa: PLR0913 - one filter each
        self,
        *,
        status: Status | None = None,
        agent: str | None = None,
        agents: Sequence[str] = (),
        user: str | None = None,
        thread: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Sequence[Execution]:
        """Executions, newest first, without their tool calls: started `since` or later, and before `until`.

        `agents` are any of these; `after` is the id of the last one seen.

        Raises:
            UsageError: There is no such status, or `limit` is below 1.
        """
        trail = await self._parts.trail()
        return await trail.list(
            status=status,
            agents=(agent,) if agent else agents,
            user=user,
            thread=thread,
            since=since,
            until=until,
            limit=limit,
            after=after,
        )

    async def ids_like(self, part: str) -> Sequence[str]:
        """Ids of executions that start or end with `part`, newest first, at most 1,000."""
        return await (await self._parts.trail()).ids_like(part)

    async def events(self, execution_id: str, *, after: int = 0, follow: bool = True) -> AsyncGenerator[Event]:
        """Events above the sequence number `after`, then live ones, until the execution ends.

        Args:
            execution_id: Whose.
            after: Resume behind this sequence number. Default: 0, from the beginning.
            follow: `False` stops at the newest one there is.

        Raises:
            NotFound: There is no such execution.
            Pruned: There was one, and its journal is gone.
        """
        trail = await self._parts.trail()
        await self._refuse_pruned(await trail.get(execution_id))
        async with aclosing(follow_events(trail, execution_id, after=after, follow=follow)) as following:
            async for event in following:
                yield event

    async def journal(self, execution_id: str, *, after: int, limit: int) -> Sequence[Event]:
        """So many events above the sequence number `after`, in order; none of an execution that is not there.

        Raises:
            Pruned: Its journal is gone.
        """
        trail = await self._parts.trail()
        found = await trail.events(execution_id, after=after, limit=limit)
        if not found and (word := await trail.pruned(execution_id)):
            raise word
        return found

    async def remains(self, execution_id: str) -> Sequence[Event]:
        """What stays of a pruned journal: who decided what, and a `journal.pruned` in the place of the rest."""
        return await (await self._parts.trail()).remains(execution_id)

    async def _refuse_pruned(self, execution: Execution) -> None:
        if execution.pruned_at is not None and (word := await (await self._parts.trail()).pruned(execution.id)):
            raise word

    async def follow(self, execution_id: str, *, after: int = 0) -> AsyncGenerator[Event]:
        """As `events`, of an execution that is known to be there."""
        trail = await self._parts.trail()
        async with aclosing(follow_events(trail, execution_id, after=after, follow=True)) as following:
            async for event in following:
                yield event

    async def dead_letters(
        self, *, agent: str | None = None, reason: str | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[DeadLetter]:
        """Executions that ended failed, the newest failure first, with the step after which a retry goes on.

        Args:
            agent: Only this one's, by name.
            reason: Only those that failed for this reason, e.g. `"LOOP_DETECTED"`.
            since: Only those that failed at this time or later.
            limit: How many at most. Default: 100.
        """
        return await (await self._parts.trail()).dead_letters(agent=agent, reason=reason, since=since, limit=limit)

    async def readiness(self) -> Readiness:
        """Whether requests can be served now: the database answers, takes writes and has tables of this version."""
        try:
            trail = await self._parts.trail()
            return await trail.readiness()
        except StoreError as error:
            return Readiness(ready=False, reasons=(UNREADY.get(error.code, "the database cannot serve"),), workers=0)
