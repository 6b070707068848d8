"""The embedded engine: claims executions from the queue and runs their activations in this process."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from holdfast.engine.attention import Attention
from holdfast.engine.backoff import after_failure
from holdfast.engine.clock import new_id
from holdfast.engine.lease import KEEP, LOOK, Host, Lease, is_dead
from holdfast.engine.signals import install_signal_handlers
from holdfast.errors import CancelRequested, HoldfastError, Refused, StaleFence
from holdfast.ports import Clock, Queue
from holdfast.trail.traces.ids import log_ids
from holdfast.types import Claimed, Offer, Peer
from holdfast.version import __version__

__all__ = ["LocalEngine", "install_signal_handlers"]

log = structlog.get_logger("holdfast.engine")

SOON_S: Final = 60.0
"""While draining: work that is due within this time is waited for."""
_SOONEST_S: Final = 0.25
"""Pause when something is due that this engine could not take: another one is at it."""
_LONGEST_TROUBLE_S: Final = 5.0
_LAST_TRY_S: Final = 0.5
"""A database that is there takes a last word within this time."""


class LocalEngine:
    """Runs activations, as many at once as it has slots; several engines may share one queue.

    Args:
        queue: Who is next, who is dead, when to look again.
        activate: Works on a claimed execution until it parks or ends. What it raises, short of a lost fence, gives the
            execution back for another attempt.
        agents: Names of the agents it can work for, with the version that it has of each.
        clock: Time.
        concurrency: Activations at once. Default: 100.
        lease_s: Seconds after its death within which its executions are taken over. Default: 10.
        grace_s: Seconds that running activations get to reach their next commit when it stops. Default: 10.
        only: Work on this execution and those below it alone. Default: on all.
        worker_id: Its name in the record. Default: made from host and process.
        stopping: Set when it stops; activations may look at it between turns. Default: its own.
        app_version: Of what is deployed, as its people name it. Default: not said.
        drains: Take only what is pinned to its versions, and stop when nothing is left of it. Default: take all.
    """

    def __init__(  # noqa: PLR0913 - each can be configured
        self,
        queue: Queue,
        activate: Callable[[Claimed], Awaitable[None]],
        *,
        agents: Mapping[str, str],
        clock: Clock,
        app_version: str = "",
        concurrency: int = 100,
        lease_s: float = 10,
        grace_s: float = 10,
        only: str | None = None,
        worker_id: str | None = None,
        stopping: asyncio.Event | None = None,
        drains: bool = False,
    ) -> None:
        self.stopping = stopping or asyncio.Event()
        self._queue, self._activate, self._clock = queue, activate, clock
        self._agents, self._only, self._concurrency = tuple(agents), only, concurrency
        capacity = concurrency if only is None else 0
        self._offer = Offer(
            version=__version__, app_version=app_version, serves=dict(agents), capacity=capacity, drains=drains
        )
        self._lease_s, self._grace_s = lease_s, grace_s
        self._host = Host.here()
        self._name = worker_id or f"{self._host.name}-{os.getpid()}-{new_id()[-6:]}"
        self._worker_id = self._name
        self._registrations = 0
        self._lease: Lease | None = None
        self._lost = asyncio.Event()
        self._nudge = asyncio.Event()
        """Something happened here that the loop should look at."""
        self._resting: asyncio.Timeout | None = None
        """The wait that such a thing cuts short."""
        self._running: set[asyncio.Task[None]] = set()
        self._look_at = 0.0
        """When to look for the dead and the expired next, by `monotonic`."""
        self._leases: dict[str, datetime] = {}
        """While draining: when the leases of other workers would have ended, as first seen."""
        self._stop_by: float | None = None
        """When its grace period ends, by `monotonic`, once it stops."""
        self.before_leaving: Callable[[], Awaitable[None]] | None = None
        """What a drain waits for when it has nothing left to do."""
        self._full = False
        """The last claim filled every slot: there may be more."""
        self._attention = Attention(clock, ask_every_s=lease_s)

    @property
    def worker_id(self) -> str:
        """Its name in the record; a new one after its lease was lost."""
        return self._worker_id

    def caretaker(self) -> str:
        """Its name where it looks after something for the fleet; empty while it drains: another worker does then."""
        return "" if self._offer.drains else self._worker_id

    @property
    def running(self) -> int:
        """Activations under way."""
        return len(self._running)

    @property
    def grace_left_s(self) -> float:
        """Seconds of its grace period that whoever closes up after it may use; never less than half a second."""
        left_s = self._grace_s if self._stop_by is None else self._stop_by - self._clock.monotonic()
        return max(left_s, _LAST_TRY_S)

    def holds_lease(self) -> bool:
        """Whether effects may begin: nobody else can have taken this worker's executions over."""
        return self._lease is not None and self._lease.held and not self._lost.is_set()

    async def run(self) -> None:
        """Work until stopped."""
        await self._serve(drain=False)

    async def drain(self) -> None:
        """Work until nothing is left that it could do: nothing running, nothing due now or within a minute.

        Executions of a worker that does not renew its lease are waited for, and taken over when it ends.
        """
        await self._serve(drain=True)

    def stop(self) -> None:
        """Start nothing new and let `run` or `drain` return once what runs has reached its next commit.

        What does not within the grace period is cancelled, and goes on elsewhere from its last commit.
        """
        self.stopping.set()

    # --- the loop -------------------------------------------------------------------------------------

    async def _serve(self, *, drain: bool) -> None:
        work = asyncio.create_task(self._work(drain=drain))
        stopped = asyncio.create_task(self.stopping.wait())
        try:
            # Stopping does not wait for a database that is away: what a claim under way still brings is given back
            # with everything else that this worker holds.
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            self.stopping.set()
            work.cancel()
            stopped.cancel()
            await asyncio.wait({work, stopped})
            await self._finish()

    async def _work(self, *, drain: bool) -> None:
        await self._register()
        trouble_s = 0.0
        while True:
            try:
                self._nudge.clear()
                wait_s, idle = await self._pass(drain=drain)
                if drain and idle and (wait_s is None or wait_s > SOON_S) and await self._nothing_left():
                    if self.before_leaving is not None:
                        await self.before_leaving()
                    return
                trouble_s = 0.0
                await self._rest(wait_s)
            except Exception:
                trouble_s = min(max(2 * trouble_s, _SOONEST_S), _LONGEST_TROUBLE_S)
                log.exception("engine_in_trouble", worker=self._worker_id, next_try_s=trouble_s)
                await asyncio.sleep(trouble_s)

    async def _pass(self, *, drain: bool) -> tuple[float | None, bool]:
        """Do what can be done now.

        Gives seconds until the next thing is due (`None`: nothing in sight), and whether nothing ran meanwhile.
        """
        if self._lost.is_set():
            await self._start_over()
        if self._clock.monotonic() >= self._look_at and await self._sweep():
            self._attention.announced = True
        if not (drain or self._full or self._lost.is_set() or self._attention.is_wanted):
            return self._attention.due_s, False
        self._attention.asks()
        await self._take_up()
        idle = not self._running
        if self._lost.is_set():
            return 0.0, False
        if self._full:
            return None, False
        self._attention.due = await self._queue.next_due(self._agents)
        return self._attention.due_s, idle

    async def _nothing_left(self) -> bool:
        """Whether nothing is left for a drain: nobody to take over from, and who holds the rest is alive.

        A worker is known to be alive once it has renewed its lease; one that does not is taken over from.
        """
        if await self._sweep():
            return False
        leases = await self._queue.holders(self._agents)
        silent = [w for w, until in leases.items() if until <= self._leases.get(w, until) and w != self._worker_id]
        self._leases = {worker: self._leases.get(worker, until) for worker, until in leases.items()}
        return not silent

    async def _take_up(self) -> None:
        free = self._concurrency - len(self._running)
        self._full = free <= 0
        if self._full or self.stopping.is_set():
            return
        found = await self._queue.claim(self._worker_id, agents=self._agents, limit=free, only=self._only)
        if self._lost.is_set() or self.stopping.is_set():
            return  # they are given back with everything else that this worker holds
        self._full = len(found) >= free
        for claimed in found:
            task = asyncio.create_task(self._run(claimed), name=f"activation {claimed.execution.id}")
            self._running.add(task)
            task.add_done_callback(self._done)

    async def _rest(self, wait_s: float | None) -> None:
        """Wait until work is announced, something is due, a slot is free, or it is time to look around."""
        until_look_s = max(self._look_at - self._clock.monotonic(), 0.0)
        if wait_s is not None and wait_s <= 0:
            wait_s = _SOONEST_S  # another worker is at it
        timeout_s = until_look_s if wait_s is None else min(wait_s, until_look_s)
        if self._nudge.is_set():
            return
        # In this very task: the queue remembers what this task saw at its last claim.
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s) as self._resting:
                    if self._full:
                        await self._nudge.wait()
                    elif await self._queue.wait_for_work(timeout_s=timeout_s):
                        self._attention.announced = True
        finally:
            self._resting = None  # also when cancelled: activations that end after that would wake a dead wait

    def _wake(self) -> None:
        self._nudge.set()
        if self._resting and not self._resting.expired():
            self._resting.reschedule(0)
            self._resting = None

    # --- activations ----------------------------------------------------------------------------------

    async def _run(self, claimed: Claimed) -> None:
        with structlog.contextvars.bound_contextvars(**log_ids(claimed.execution.id, claimed.events)):
            try:
                await self._activate(claimed)
            except StaleFence:
                log.info("execution_belongs_to_another", fence=claimed.execution.fence)
            except CancelRequested as error:
                await self._give_back(claimed, error)
            except asyncio.CancelledError as error:
                if (task := asyncio.current_task()) and task.cancelling():
                    raise
                await self._give_back(claimed, error)  # a tool's own, not ours
            except (KeyboardInterrupt, GeneratorExit):
                raise
            except BaseException as error:  # other people's code may raise anything; what it broke must not be lost
                log.exception("activation_failed", agent=claimed.execution.agent_type)
                await self._give_back(claimed, error)

    async def _give_back(self, claimed: Claimed, error: BaseException) -> None:
        """Let it be tried again after a while: it must neither be lost nor run hot."""
        said = str(error) if isinstance(error, HoldfastError) else f"{type(error).__name__}: {error}"
        jitter = random.random()  # noqa: S311 - spreads wakes, keeps no secret
        pause_s = _SOONEST_S
        while True:
            try:
                step = after_failure(claimed, error=said, now=self._clock.now(), jitter=jitter)
                await self._queue.append(step)
            except Refused:
                return  # somebody else has it, or it has ended meanwhile
            except Exception:
                log.exception("not_given_back", worker=self._worker_id, next_try_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_TROUBLE_S)
            else:
                return

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._full or not self._running:
            self._wake()

    # --- being alive ----------------------------------------------------------------------------------

    async def _register(self) -> None:
        self._registrations += 1
        if self._registrations > 1:
            self._worker_id = f"{self._name}.{self._registrations}"
        held_since = self._clock.monotonic()
        keep_s, every_s = self._lease_s * KEEP, self._lease_s * LOOK
        await self._queue.register(
            self._worker_id, host=str(self._host), pid=os.getpid(), lease_s=keep_s, offer=self._offer
        )
        self._lost.clear()
        loop = asyncio.get_running_loop()

        def lost() -> None:
            loop.call_soon_threadsafe(self._on_lost)

        self._lease = Lease(
            self._queue,
            worker_id=self._worker_id,
            keep_s=keep_s,
            every_s=every_s,
            held_since=held_since,
            clock=self._clock,
            on_lost=lost,
        )
        self._look_at, self._attention.announced = held_since, True
        log.info("worker_started", worker=self._worker_id, agents=self._agents, concurrency=self._concurrency)

    async def _sweep(self) -> bool:
        """Take over from the dead, let the overdue expire; whether there was anything of that."""
        self._look_at = self._clock.monotonic() + self._lease_s * LOOK
        # Its own lease first: after a jump of the clock it would give itself up for dead. Both in one transaction.
        asked_at = self._clock.monotonic()
        renewed, swept = await asyncio.gather(
            self._queue.renew(self._worker_id, lease_s=self._lease_s * KEEP), self._queue.sweep()
        )
        if not renewed:
            self._on_lost()
            return True
        if self._lease:
            self._lease.renewed(asked_at=asked_at)
        found = swept.taken_over + swept.expired
        others = [peer for peer in swept.peers if peer.id != self._worker_id]
        if dead := [peer.id for peer in others if is_dead(peer.host, peer.pid, here=self._host)]:
            swept = await self._queue.sweep(dead=dead)
            found += swept.taken_over + swept.expired
        if dead or found:
            log.info("swept", dead=dead, taken_over_or_expired=found)
        await self._obey([peer for peer in swept.peers if peer.id == self._worker_id])
        return found > 0

    async def _obey(self, own: Sequence[Peer]) -> None:
        """Stop when it is told to drain, and nothing is left that only it can do."""
        if any(peer.drains for peer in own):
            self._offer = replace(self._offer, drains=True)  # also under its next name, should its lease be lost
            if not await self._queue.keeps_pins(self._worker_id):
                log.info("worker_drained", worker=self._worker_id)
                self.stop()

    def _on_lost(self) -> None:
        """Others may take its executions over: it must not begin anything more on them."""
        if self._lost.is_set():
            return
        log.error("lease_lost", worker=self._worker_id, activations=len(self._running))
        self._lost.set()
        for task in self._running:
            task.cancel()
        self._wake()

    async def _start_over(self) -> None:
        """Come back as a new worker after the lease was lost."""
        await self._end_activations(0)
        await self._let_go()
        await self._register()

    async def _end_activations(self, grace_s: float) -> None:
        if self._running and grace_s > 0:
            await asyncio.wait(set(self._running), timeout=grace_s)
        if not (left := set(self._running)):
            return
        log.warning("activations_cancelled", count=len(left), after_s=grace_s)
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_LONGEST_TROUBLE_S)  # one that will not end must not keep the rest

    async def _let_go(self) -> None:
        """End the lease and give back whatever it still holds."""
        if self._lease:
            await self._lease.end()
            self._lease = None
            await self._queue.retire(self._worker_id)

    async def _finish(self) -> None:
        self._stop_by = self._clock.monotonic() + self._grace_s
        await self._end_activations(self._grace_s)
        try:
            # One grace period for everything: a database that is away would use it up at each step.
            async with asyncio.timeout(self.grace_left_s):
                await self._let_go()
        except Exception:
            # Its lease ends by itself; others take over then.
            log.exception("not_retired", worker=self._worker_id)
        log.info("worker_stopped", worker=self._worker_id)
