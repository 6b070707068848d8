"""The record, as the loop and the doors see it."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.types import (
    Append,
    Appended,
    Approval,
    ApprovalStatus,
    DeadLetter,
    Event,
    Execution,
    GoodResult,
    Health,
    NewExecution,
    Ruling,
    SetAside,
    Status,
)


class Journal(Protocol):
    """The truth about executions: append-only, fenced, group-committed."""

    async def append(self, append: Append) -> Appended:
        """Make one step durable. Returns after the commit; waits while the database is away.

        Raises:
            StaleFence: Another worker holds the execution.
            CancelRequested: `refuse_if_cancelled` was set and somebody asked to cancel.
            IllegalTransition: The status may not follow the present one.
            ApprovalUnusable: A used approval is not decided, was used before, or covers something else.
            ApprovalWithdrawn: Somebody said no after the yes.
        """
        ...

    async def events(self, execution_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Events with a sequence number above `after`, in order."""
        ...

    async def cancel_requested(self, execution_id: str) -> bool:
        """Whether somebody asked to cancel: for when a call begins without a commit that would tell."""
        ...

    async def blob(self, digest: str) -> bytes:
        """A stored payload by its SHA-256.

        Raises:
            NotFound: There is none.
        """
        ...

    async def put_blob(self, content: bytes, *, media_type: str) -> str:
        """Store a payload once, durably, and return its SHA-256."""
        ...

    async def keep_result(self, result: GoodResult, *, max_age_s: float) -> None:
        """Keep a tool's good result in the place of an older one; results of that tool past `max_age_s` go."""
        ...

    async def last_result(self, tool: str, key: str, *, schema_hash: str, max_age_s: float) -> GoodResult | None:
        """The kept result of a tool under a key, with its age, unless it is older than `max_age_s`."""
        ...


class Store(Protocol):
    """What doors may ask about and do to executions."""

    async def start(self, new: NewExecution) -> Execution:
        """Store a pending execution. The same idempotency key and input give the first one back.

        Raises:
            IdempotencyConflict: The key was used for another input.
        """
        ...

    async def get(self, execution_id: str) -> Execution:
        """One execution with its tool calls.

        Raises:
            NotFound: There is none.
        """
        ...

    async def list(  # noqa: PLR0913 - one filter each
        self,
        *,
        status: Status | None = None,
        agent: str | None = None,
        user: str | None = None,
        thread: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Sequence[Execution]:
        """Newest first, without tool calls; `after` is the id of the last one seen."""
        ...

    async def approvals(
        self, *, status: ApprovalStatus | None = "open", execution_id: str | None = None
    ) -> Sequence[Approval]:
        """Oldest first."""
        ...

    async def approval(self, approval_id: str) -> Approval:
        """One approval.

        Raises:
            NotFound: There is none.
        """
        ...

    async def decide(self, ruling: Ruling) -> Approval:
        """Record an answer and, when it was the last open question, wake the execution: one commit.

        Where several people must agree, a yes is one vote; a no decides at once, also over a yes not used yet.

        Raises:
            AlreadyDecided: It was answered, expired or withdrawn, or that person said so before; the message says
                by whom and when.
        """
        ...

    async def cancel(self, execution_id: str, *, by: str) -> Execution:
        """Cancel what does not run at once, withdrawing its open approvals; ask the worker of what runs.

        Raises:
            IllegalTransition: It has ended.
        """
        ...

    async def retry(self, execution_id: str, *, by: str, back: SetAside | None = None) -> Execution:
        """Make a failed execution pending again, to go on after its last durable step, or before turns set aside.

        Raises:
            IllegalTransition: It has not failed, or went on since `back` was worked out.
        """
        ...

    async def dead_letters(
        self, *, agent: str | None = None, reason: str | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[DeadLetter]:
        """Executions that ended failed, the newest failure first."""
        ...

    def health(self) -> Health:
        """Whether writes are taken now. Never blocks."""
        ...

    def watch(self, execution_id: str) -> AsyncGenerator[None]:
        """Ticks after each commit that may have touched the execution; may tick too often, never too seldom."""
        ...

    def settle(self, execution_ids: Iterable[str]) -> AsyncGenerator[None]:
        """Ticks at once, then whenever one of these may have ended or begun to wait for a person."""
        ...

    async def unended(self, execution_id: str) -> Mapping[str, bool]:
        """Executions below this one that have not ended, and whether each waits for a person or for others."""
        ...

    async def close(self) -> None:
        """Write what is queued, then let go of the database."""
        ...
