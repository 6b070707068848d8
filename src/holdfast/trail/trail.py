"""The trail: one object that is journal, store and queue over one database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from holdfast.errors import StoreUnavailable, UnknownRecord, UsageError
from holdfast.ports import Clock
from holdfast.trail import queries
from holdfast.trail.batch import Result
from holdfast.trail.bell import Bell
from holdfast.trail.codec import NewBlob, stamp
from holdfast.trail.listen import Listener
from holdfast.trail.prepare import Preparer
from holdfast.trail.reader import Reader
from holdfast.trail.requests import Cancel, Claim, KeepBlob, Register, Release, Renew, Request, Retire, Retry, Sweep
from holdfast.trail.writer import Writer
from holdfast.types import (
    Append,
    Appended,
    Approval,
    ApprovalStatus,
    Claimed,
    Event,
    Execution,
    Health,
    NewExecution,
    Ruling,
    Status,
    Swept,
)

SWEEP_LIMIT: Final = 1_000
"""Executions or approvals that one transaction of a sweep changes at most."""
_UNREADABLE_PAUSE: Final = timedelta(minutes=1)
T = TypeVar("T")


class Trail:
    """Everything durable. Satisfies `ports.Journal`, `ports.Store` and `ports.Queue`; made by `open_trail`."""

    def __init__(  # noqa: PLR0913 - the parts it is made of
        self,
        *,
        writer: Writer | None,
        reader: Reader,
        preparer: Preparer,
        bell: Bell,
        listener: Listener,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._prepare = preparer
        self._bell = bell
        self._listener = listener
        self._clock = clock
        self._seen: WeakKeyDictionary[asyncio.Task[object], int] = WeakKeyDictionary()
        self._putting_back: set[asyncio.Task[Result]] = set()

    # --- journal

    async def append(self, append: Append) -> Appended:
        """Make one step durable: see `ports.Journal.append`."""
        result = await self._write(self._prepare.append(append))
        assert isinstance(result, Appended)  # noqa: S101 - what an append comes to
        return result

    async def events(self, execution_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Events with a sequence number above `after`, in order.

        Raises:
            UnknownRecord: One of them was written by a newer Holdfast.
        """
        return await self._reader.run(lambda c: queries.journal(c, execution_id, after=after, limit=limit))

    async def blob(self, digest: str) -> bytes:
        """A stored payload by its SHA-256."""
        return await self._reader.run(lambda c: queries.blob(c, digest))

    async def put_blob(self, content: bytes, *, media_type: str) -> str:
        """Store a payload once, durably, and return its SHA-256."""
        digest = sha256(content).hexdigest()
        if not await self._reader.run(lambda c: queries.has_blob(c, digest)):
            blob = NewBlob(digest=digest, content=content, media_type=media_type)
            await self._write(KeepBlob(blob=blob, at=self._prepare.now()))
        return digest

    # --- store

    async def start(self, new: NewExecution) -> Execution:
        """Store a pending execution: see `ports.Store.start`."""
        return await self._patiently(partial(_execution, await self._write(self._prepare.start(new))))

    async def get(self, execution_id: str) -> Execution:
        """One execution with its tool calls."""
        return await self._reader.run(lambda c: queries.execution(c, execution_id))

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
        """Newest first, without tool calls."""
        return await self._reader.run(
            partial(queries.recent, status=status, agent=agent, user=user, thread=thread, limit=limit, after=after)
        )

    async def approvals(
        self, *, status: ApprovalStatus | None = "open", execution_id: str | None = None
    ) -> Sequence[Approval]:
        """Oldest first."""
        return await self._reader.run(lambda c: queries.asked(c, status=status, execution_id=execution_id))

    async def approval(self, approval_id: str) -> Approval:
        """One approval."""
        return await self._reader.run(lambda c: queries.approval(c, approval_id))

    async def decide(self, ruling: Ruling) -> Approval:
        """Record an answer: see `ports.Store.decide`.

        Raises:
            AlreadyDecided: Somebody or something was faster.
            NotFound: There is no such approval.
            UsageError: That is no answer to this kind of question.
        """
        await self._write(self._prepare.decide(ruling))
        return await self._patiently(lambda c: queries.approval(c, ruling.approval_id))

    async def cancel(self, execution_id: str, *, by: str) -> Execution:
        """Cancel what does not run; ask the worker of what runs."""
        await self._write(Cancel(execution_id=execution_id, by=by, at=self._prepare.now()))
        return await self._patiently(lambda c: queries.execution(c, execution_id))

    async def retry(self, execution_id: str, *, by: str) -> Execution:
        """Make a failed execution pending again."""
        await self._write(Retry(execution_id=execution_id, by=by, at=self._prepare.now()))
        return await self._patiently(lambda c: queries.execution(c, execution_id))

    def health(self) -> Health:
        """Whether writes are taken now."""
        return self._writer.health() if self._writer else Health(ok=True, detail="read-only", queued=0)

    def watch(self, execution_id: str) -> AsyncIterator[None]:
        """Ticks at once, then after each commit that may have touched the execution."""
        return self._bell.watch(execution_id)

    async def close(self) -> None:
        """Write what is queued, then let go of the database. Closing twice is fine."""
        if self._writer is not None:
            await self._writer.close()
        self._bell.close()
        await asyncio.to_thread(self._listener.close)
        await asyncio.to_thread(self._reader.close)

    # --- queue

    async def register(self, worker_id: str, *, host: str, pid: int, lease_s: float) -> None:
        """Announce a worker with a live lease."""
        await self._write(Register(worker_id=worker_id, host=host, pid=pid, lease_s=lease_s, now=self._clock.now()))

    async def renew(self, worker_id: str, *, lease_s: float) -> bool:
        """Prolong the lease; `False` when it had already been given up for dead."""
        return bool(await self._write(Renew(worker_id=worker_id, lease_s=lease_s, now=self._clock.now())))

    async def retire(self, worker_id: str) -> None:
        """End the lease; executions it still holds become claimable at once."""
        await self._write(Retire(worker_id=worker_id, at=self._prepare.now()))

    async def claim(
        self, worker_id: str, *, agents: Sequence[str], limit: int, only: str | None = None
    ) -> Sequence[Claimed]:
        """Take due executions: see `ports.Queue.claim`. A worker without a live lease gets none."""
        if (task := asyncio.current_task()) is not None:
            self._seen[task] = self._bell.works
        if not agents or limit < 1:
            return ()
        request = Claim(worker_id=worker_id, agents=tuple(agents), limit=limit, only=only, at=self._prepare.now())
        claiming = asyncio.ensure_future(self._claim(request))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # Held under a live lease by nobody, they would wait until this worker dies.
            claiming.add_done_callback(self._put_back)
            raise

    async def sweep(self, *, dead: Sequence[str] = ()) -> Swept:
        """Release what dead workers hold, expire what nobody answered."""
        taken_over = expired = 0
        while True:
            swept = await self._write(Sweep(dead=tuple(dead), limit=SWEEP_LIMIT, at=self._prepare.now()))
            assert isinstance(swept, Swept)  # noqa: S101 - what a sweep comes to
            taken_over += swept.taken_over
            expired += swept.expired
            if max(swept.taken_over, swept.expired) < SWEEP_LIMIT:
                return Swept(taken_over=taken_over, expired=expired)

    async def workers(self) -> Sequence[tuple[str, str, int]]:
        """Workers with an unexpired lease: id, host, pid."""
        now = self._prepare.now()
        return await self._reader.run(lambda c: queries.live_workers(c, now))

    async def next_due(self, agents: Sequence[str]) -> datetime | None:
        """When the next parked execution or open approval needs attention, if any."""
        return await self._reader.run(lambda c: queries.next_due(c, tuple(agents)))

    async def wait_for_work(self, *, timeout_s: float) -> None:
        """Return when something may have become claimable since this task's last claim, or after `timeout_s`."""
        task = asyncio.current_task()
        since = self._seen.get(task, self._bell.works) if task is not None else self._bell.works
        await self._bell.wait_for_work(since=since, timeout_s=timeout_s)

    # --- how

    async def _write(self, request: Request) -> Result:
        if self._writer is None:
            raise UsageError("this trail was opened to read only")
        return await self._writer.write(request)

    async def _patiently(self, read: Callable[[Connection], T]) -> T:
        """Read the outcome of a write that is durable already: waits while the database is away."""
        pause_s = 0.05
        while True:
            try:
                return await self._reader.run(read)
            except StoreUnavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)

    async def _claim(self, request: Claim) -> Sequence[Claimed]:
        ids = await self._write(request)
        if not ids:
            return ()
        assert isinstance(ids, list)  # noqa: S101 - what a claim comes to
        executions, journals = await self._patiently(
            lambda c: (queries.executions_by_id(c, ids), queries.journals(c, ids))
        )
        claimed: list[Claimed] = []
        for execution in executions:
            events = journals[execution.id]
            if isinstance(events, UnknownRecord):
                await self._write(self._release([execution], "UNKNOWN_RECORD", pause=_UNREADABLE_PAUSE))
            else:
                claimed.append(Claimed(execution=execution, events=tuple(events)))
        return claimed

    def _release(self, executions: Sequence[Execution], reason: str, *, pause: timedelta | None = None) -> Release:
        return Release(
            held=[(execution.id, execution.fence) for execution in executions],
            reason=reason,
            wake_at=stamp(self._clock.now() + pause) if pause else None,
            at=self._prepare.now(),
        )

    def _put_back(self, claiming: asyncio.Future[Sequence[Claimed]]) -> None:
        if claiming.cancelled() or claiming.exception() is not None or not claiming.result():
            return
        held = [claimed.execution for claimed in claiming.result()]
        task = asyncio.ensure_future(self._write(self._release(held, "RELEASED")))
        self._putting_back.add(task)
        task.add_done_callback(self._putting_back.discard)


def _execution(result: Result, connection: Connection) -> Execution:
    return queries.execution(connection, str(result))
