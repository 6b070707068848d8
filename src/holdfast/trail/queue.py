"""The trail as a queue: `ports.Queue`, who is next, who is dead, when to look again."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from holdfast.errors import UnknownRecord
from holdfast.trail import queries
from holdfast.trail.batch import Result
from holdfast.trail.codec import stamp
from holdfast.trail.parts import Parts
from holdfast.trail.requests import Claim, Release, Retire, Sweep
from holdfast.trail.worker_requests import Register, Renew
from holdfast.types import Claimed, Execution, Offer, Swept

SWEEP_LIMIT: Final = 1_000
"""Executions or approvals that one transaction of a sweep changes at most."""
NO_OFFER: Final = Offer()
_UNREADABLE_PAUSE: Final = timedelta(minutes=1)
KEPT: Final = timedelta(days=30)
"""For how long deliveries stay that are done with."""
_FORGET_EVERY: Final = timedelta(hours=1)


class QueueSide:
    """Leases, claims and sweeps."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen: WeakKeyDictionary[asyncio.Task[object], int] = WeakKeyDictionary()
        self._putting_back: set[asyncio.Task[Result]] = set()
        self._forgot_at: datetime | None = None

    async def register(self, worker_id: str, *, host: str, pid: int, lease_s: float, offer: Offer = NO_OFFER) -> None:
        """Announce a worker with a live lease, and what it offers."""
        now = self._parts.clock.now()
        await self._parts.write(
            Register(worker_id=worker_id, host=host, pid=pid, lease_s=lease_s, now=now, offer=offer)
        )

    async def renew(self, worker_id: str, *, lease_s: float) -> bool:
        """Prolong the lease; `False` when it had already been given up for dead."""
        return bool(await self._parts.write(Renew(worker_id=worker_id, lease_s=lease_s, now=self._parts.clock.now())))

    async def retire(self, worker_id: str) -> None:
        """End the lease; executions it still holds become claimable at once."""
        await self._parts.write(Retire(worker_id=worker_id, at=self._parts.prepare.now()))

    async def claim(
        self, worker_id: str, *, agents: Sequence[str], limit: int, only: str | None = None
    ) -> Sequence[Claimed]:
        """Take due executions: see `ports.Queue.claim`. A worker without a live lease gets none."""
        if (task := asyncio.current_task()) is not None:
            self._seen[task] = self._parts.bell.works
        if not agents or limit < 1:
            return ()
        request = Claim(worker_id=worker_id, agents=tuple(agents), limit=limit, only=only, at=self._parts.prepare.now())
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
        forget_before = self._forget_before()
        while True:
            at = self._parts.prepare.now()
            asked = Sweep(dead=tuple(dead), limit=SWEEP_LIMIT, at=at, forget_before=forget_before)
            swept = await self._parts.write(asked)
            assert isinstance(swept, Swept)  # noqa: S101 - what a sweep comes to
            taken_over += swept.taken_over
            expired += swept.expired
            if max(swept.taken_over, swept.expired) < SWEEP_LIMIT:
                return Swept(taken_over=taken_over, expired=expired, peers=swept.peers)

    def _forget_before(self) -> str | None:
        """Until when deliveries are forgotten, once an hour."""
        now = self._parts.clock.now()
        if self._forgot_at and now < self._forgot_at + _FORGET_EVERY:
            return None
        self._forgot_at = now
        return stamp(now - KEPT)

    async def workers(self) -> Sequence[tuple[str, str, int]]:
        """Workers with an unexpired lease: id, host, pid."""
        now = self._parts.prepare.now()
        return await self._parts.reader.run(lambda c: queries.live_workers(c, now))

    async def holders(self, agents: Sequence[str]) -> Mapping[str, datetime]:
        """Workers that hold running executions of these agents, and when their leases end."""
        return await self._parts.reader.run(lambda c: queries.holders(c, tuple(agents)))

    async def next_due(self, agents: Sequence[str]) -> datetime | None:
        """When the next parked execution or open approval needs attention, if any."""
        return await self._parts.reader.run(lambda c: queries.next_due(c, tuple(agents)))

    async def wait_for_work(self, *, timeout_s: float) -> bool:
        """Return when something may have become claimable since this task's last claim, or after `timeout_s`.

        Says whether something may have.
        """
        task = asyncio.current_task()
        since = self._seen.get(task, self._parts.bell.works) if task is not None else self._parts.bell.works
        return await self._parts.bell.wait_for_work(since=since, timeout_s=timeout_s)

    async def _claim(self, request: Claim) -> Sequence[Claimed]:
        ids = await self._parts.write(request)
        if not ids:
            return ()
        assert isinstance(ids, list)  # noqa: S101 - what a claim comes to
        executions, journals = await self._parts.patiently(
            lambda c: (queries.executions_by_id(c, ids), queries.journals(c, ids))
        )
        claimed: list[Claimed] = []
        for execution in executions:
            if execution.lease_owner != request.worker_id:
                continue  # taken over before it could be read: the fence is another worker's by now
            events = journals[execution.id]
            if isinstance(events, UnknownRecord):
                await self._parts.write(self._release([execution], "UNKNOWN_RECORD", pause=_UNREADABLE_PAUSE))
            else:
                claimed.append(Claimed(execution=execution, events=tuple(events)))
        return claimed

    def _release(self, executions: Sequence[Execution], reason: str, *, pause: timedelta | None = None) -> Release:
        return Release(
            held=[(execution.id, execution.fence) for execution in executions],
            reason=reason,
            wake_at=stamp(self._parts.clock.now() + pause) if pause else None,
            at=self._parts.prepare.now(),
        )

    def _put_back(self, claiming: asyncio.Future[Sequence[Claimed]]) -> None:
        if claiming.cancelled() or claiming.exception() is not None or not claiming.result():
            return
        held = [claimed.execution for claimed in claiming.result()]
        task = asyncio.ensure_future(self._parts.write(self._release(held, "RELEASED")))
        self._putting_back.add(task)
        task.add_done_callback(self._putting_back.discard)
