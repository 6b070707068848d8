"""The trail as a store: `ports.Store`, what doors ask about and do to executions."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, get_args

from holdfast.errors import UsageError
from holdfast.trail import queries
from holdfast.trail.lists import recent
from holdfast.trail.migrate import refuse_other
from holdfast.trail.parts import Parts, patiently
from holdfast.trail.requests import Cancel
from holdfast.trail.shared import Shared, Together
from holdfast.types import (
    Approval,
    ApprovalStatus,
    DeadLetter,
    Execution,
    Feedback,
    Health,
    Json,
    NewExecution,
    Readiness,
    Ruling,
    SetAside,
    Status,
    Wanted,
)

_AT_ONCE: Final = 100
"""Executions that one query gives with all of their calls."""


class StoreSide:
    """Starts, shows, answers, cancels and retries."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._executions = Together(self._found)
        self._lessons: Shared[Sequence[Feedback]] = Shared()

    async def start(self, new: NewExecution) -> Execution:
        """Store a pending execution: see `ports.Store.start`."""
        return await self._after(await self.begin(new))

    async def begin(self, new: NewExecution) -> str:
        """As `start`, for who needs no more than its id."""
        return str(await self._parts.write(self._parts.prepare.start(new)))

    async def get(self, execution_id: str) -> Execution:
        """One execution with its tool calls."""
        if (found := await self._executions.ask(execution_id)) is not None:
            return found
        return await self._parts.reader.run(lambda c: queries.execution(c, execution_id))  # to say why there is none

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
        """Newest first, without tool calls."""
        _refuse_unknown(status, get_args(Status))
        if limit < 1:
            raise UsageError(f"limit={limit}: give 1 or more")
        wanted = Wanted(
            status=status,
            agents=(agent,) if agent is not None else tuple(agents),
            user=self._parts.prepare.user(user),
            thread=self._parts.prepare.thread(thread),
            since=since,
            until=until,
        )
        return await self._parts.reader.run(partial(recent, wanted=wanted, limit=limit, after=after))

    async def ids_like(self, part: str, *, limit: int = 1_000) -> Sequence[str]:
        """Ids of executions that start or end with `part`, newest first."""
        return await self._parts.reader.run(lambda c: queries.ids_like(c, part, limit=limit))

    async def approvals(
        self, *, status: ApprovalStatus | None = "open", execution_id: str | None = None
    ) -> Sequence[Approval]:
        """Oldest first."""
        _refuse_unknown(status, get_args(ApprovalStatus))
        return await self._parts.reader.run(lambda c: queries.asked(c, status=status, execution_id=execution_id))

    async def approval(self, approval_id: str) -> Approval:
        """One approval."""
        return await self._parts.reader.run(lambda c: queries.approval(c, approval_id))

    async def decide(self, ruling: Ruling) -> Approval:
        """Record an answer: see `ports.Store.decide`.

        Raises:
            AlreadyDecided: Somebody or something was faster.
            NotFound: There is no such approval.
            UsageError: That is no answer to this kind of question.
        """
        await self._parts.write(self._parts.prepare.decide(ruling))
        return await self._parts.patiently(lambda c: queries.approval(c, ruling.approval_id))

    async def feedback(self, *, agent: str | None = None, limit: int = 100) -> Sequence[Feedback]:
        """What people corrected, newest first."""
        if limit < 1:
            raise UsageError(f"limit={limit}: give 1 or more")
        return await self._lessons.ask(
            (agent, limit),
            lambda: self._parts.reader.run(lambda c: queries.feedback_rows(c, agent=agent, limit=limit)),
        )

    async def cancel(self, execution_id: str, *, by: str) -> Execution:
        """Cancel what does not run; ask the worker of what runs."""
        prepare = self._parts.prepare
        await self._parts.write(Cancel(execution_id=execution_id, by=prepare.who(by), at=prepare.now()))
        return await self._after(execution_id)

    async def send(self, execution_id: str, name: str, payload: Json, *, by: str, signal_id: str) -> bool:
        """Send something to an execution; `False`: it was sent before.

        Raises:
            NotFound: There is no such execution.
            IllegalTransition: It has ended.
            UsageError: It has no name, no id, or does not say who sends it.
        """
        sent = self._parts.prepare.send(execution_id, name, payload, by=by, signal_id=signal_id)
        return bool(await self._parts.write(sent))

    async def retry(self, execution_id: str, *, by: str, back: SetAside | None = None) -> Execution:
        """Make a failed execution pending again: see `ports.Store.retry`."""
        await self._parts.write(self._parts.prepare.retry(execution_id, by=by, back=back))
        return await self._after(execution_id)

    async def dead_letters(
        self,
        *,
        agent: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> Sequence[DeadLetter]:
        """Executions that ended failed, the newest failure first."""
        return await self._parts.reader.run(
            partial(queries.dead_letters, agent=agent, reason=reason, since=since, limit=limit)
        )

    def health(self) -> Health:
        """Whether writes are taken now."""
        if (writer := self._parts.writer) is None:
            return Health(ok=True, detail="read-only", queued=0)
        return writer.health()

    async def readiness(self) -> Readiness:
        """Whether the database serves now.

        Raises:
            StoreError: It is away, or its tables are not of this version.
        """
        now = self._parts.prepare.now()
        await self._parts.reader.run(refuse_other)
        workers = len(await self._parts.reader.run(lambda c: queries.live_workers(c, now)))
        health = self.health()
        reasons = () if health.ok else ("the database does not take writes now",)
        return Readiness(ready=health.ok, reasons=reasons, workers=workers)

    def watch(self, execution_id: str) -> AsyncGenerator[None]:
        """Ticks at once, then after each commit that may have touched the execution."""
        return self._parts.bell.watch(execution_id)

    def settle(self, execution_ids: Iterable[str]) -> AsyncGenerator[None]:
        """Ticks at once, then whenever one of these may have ended or begun to wait for a person."""
        return self._parts.bell.settle(execution_ids)

    async def unended(self, execution_id: str) -> Mapping[str, bool]:
        """Executions below this one that have not ended, and whether each waits for a person or for others."""
        return await self._parts.reader.run(lambda c: queries.unended(c, execution_id))

    async def _after(self, execution_id: str) -> Execution:
        return await patiently(lambda: self.get(execution_id))

    async def _found(self, ids: Sequence[str]) -> Mapping[str, Execution]:
        found: dict[str, Execution] = {}
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            for execution in await self._parts.reader.run(partial(queries.executions_by_id, ids=some)):
                found[execution.id] = execution
        return found


def _refuse_unknown(status: str | None, known: Sequence[str]) -> None:
    if status is not None and status not in known:
        raise UsageError(f"there is no status {status!r}: use one of {', '.join(known)}, or None for all")
