"""Makes the requests of schedules when their times come: one worker of those that can serve them at a time.

Which worker looks does not matter for what happens: a firing compares the schedule with what was seen and stores its
next time together with the executions that it starts, so each time is fired once, however many look.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Protocol

import structlog

from holdfast.engine.hold import Hold, Holds
from holdfast.errors import HoldfastError, NotFound, StoreError
from holdfast.policy.schedule import MOST, Due, due, overlapping
from holdfast.ports import Clock
from holdfast.trail.schedules import progress, seen
from holdfast.types import Execution, Firing, NewExecution, Schedule, Scheduled

log = structlog.get_logger("holdfast.schedules")

EVERY_S: Final = 5.0
HOLD_S: Final = 30.0


class Timetable(Holds, Protocol):
    """Where schedules are kept."""

    async def schedules(self) -> Sequence[Scheduled]: ...
    async def get(self, execution_id: str) -> Execution: ...
    async def fire(  # noqa: PLR0913 - what a firing changes
        self, kind: str, key: str, *, was: Any, changes: Any, starts: Sequence[NewExecution], cancels: Sequence[str]
    ) -> bool: ...


Request = Callable[[Schedule, datetime, str], NewExecution]
"""Makes the request of a schedule for one of its times, under an idempotency key."""


class Timekeeper:
    """Fires schedules while it is this worker's turn.

    Args:
        table: Where they are kept.
        request: Makes a request.
        agents: Agents that this worker serves: it fires no other's schedules.
        worker_id: Says who this is now.
        clock: Time.
    """

    def __init__(
        self, table: Timetable, request: Request, *, agents: Sequence[str], worker_id: Callable[[], str], clock: Clock
    ) -> None:
        self._table, self._request, self._clock = table, request, clock
        self._agents = frozenset(agents)
        # Workers that serve the same agents take turns; those that serve others have a turn of their own.
        what = f"schedules:{sha256(chr(0).join(sorted(agents)).encode()).hexdigest()[:16]}"
        self._hold = Hold(table, what, for_s=HOLD_S, worker_id=worker_id, clock=clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Fire until `stop` is set."""
        while not stop.is_set():
            wait_s = EVERY_S
            try:
                wait_s = await self.look()
            except StoreError as error:
                log.warning("schedules_not_looked_at", error=str(error))
            except Exception:  # one schedule's defect must not end the others
                log.exception("schedules_stumbled")
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait_s, 0.01)):
                    await stop.wait()

    async def look(self) -> float:
        """Fire what is due, if it is this worker's turn; seconds until the next look."""
        if not await self._hold.is_mine():
            return HOLD_S / 2
        waits = [EVERY_S]
        for one in await self._table.schedules():
            if one.schedule.agent in self._agents and not one.paused_by:
                await self._serve(one)
                if one.next_at and one.next_at > self._clock.now():
                    waits.append((one.next_at - self._clock.now()).total_seconds())
        return min(waits)

    async def _serve(self, one: Scheduled) -> None:
        now = self._clock.now()
        if not one.queued and not one.asked and (one.next_at is None or one.next_at > now):
            return
        try:
            goes_on = await self._goes_on(one.last_execution)
            came = due(one.schedule, one.next_at, now) if one.next_at else Due(fire=(), missed=(), next_at=None)
            plan = _Plan(one, self._request, now=now, goes_on=goes_on)
            plan.serve(came)
            if plan.changed and await self._table.fire(
                "schedule", one.schedule.name, was=seen(one), changes=progress(plan.after), starts=plan.starts,
                cancels=plan.cancels,
            ):  # fmt: skip
                log.info("schedule_fired", schedule=one.schedule.name, started=[new.id for new in plan.starts])
        except StoreError:
            raise
        except HoldfastError as error:
            log.warning("schedule_not_fired", schedule=one.schedule.name, error=str(error))

    async def _goes_on(self, execution_id: str | None) -> bool:
        if execution_id is None:
            return False
        try:
            return not (await self._table.get(execution_id)).ended
        except NotFound:
            return False


class _Plan:
    """What one firing starts, cancels and notes."""

    def __init__(self, one: Scheduled, request: Request, *, now: datetime, goes_on: bool) -> None:
        self.after = one
        self.starts: list[NewExecution] = []
        self.cancels: list[str] = []
        self._request, self._now, self._goes_on = request, now, goes_on
        self._before = one

    @property
    def changed(self) -> bool:
        """Whether anything is to be stored."""
        return self.after != self._before

    def serve(self, came: Due) -> None:
        """Make what people asked for; take up what waits in line, then what has come."""
        for at in self.after.asked:
            self._ask(at)
        waiting, queue = list(self.after.queued), list[datetime]()
        for at in waiting:
            if self._goes_on:
                queue.append(at)
            else:
                self._start(at)
        for at in came.missed:
            self._note(at, "missed", why="nobody looked when its time came")
        for at in came.fire:
            self._fire(at, queue)
        for at in queue[:-MOST]:
            self._note(at, "skipped", why="too many wait in line")
        self.after = replace(self.after, next_at=came.next_at, queued=tuple(queue[-MOST:]), asked=())

    def _ask(self, at: datetime) -> None:
        """Beside its times, whatever goes on."""
        schedule = self.after.schedule
        new = self._request(schedule, at, f"schedule:{schedule.name}:asked:{at.isoformat()}")
        self.starts.append(new)
        self._note(at, "started", execution_id=new.id, why="asked for")

    def _fire(self, at: datetime, queue: list[datetime]) -> None:
        what = overlapping(self.after.schedule, previous_goes_on=self._goes_on or bool(queue))
        if what == "started":
            if self._goes_on and self.after.last_execution:
                self._give_up(self.after.last_execution)
            self._start(at)
        else:
            if what == "queued":
                queue.append(at)
            self._note(at, what, why=f"{self.after.last_execution} goes on")

    def _give_up(self, execution_id: str) -> None:
        made = [new for new in self.starts if new.id == execution_id]
        if made:  # started and cancelled in one look: it need not begin
            self.starts.remove(made[0])
        else:
            self.cancels.append(execution_id)

    def _start(self, at: datetime) -> None:
        schedule = self.after.schedule
        new = self._request(schedule, at, f"schedule:{schedule.name}:{at.isoformat()}")
        self.starts.append(new)
        self._goes_on = True
        self.after = replace(self.after, last_execution=new.id)
        self._note(at, "started", execution_id=new.id)

    def _note(self, at: datetime, what: Any, *, execution_id: str | None = None, why: str | None = None) -> None:
        noted = Firing(at=at, noted_at=self._now, what=what, execution_id=execution_id, why=why)
        self.after = replace(self.after, history=(noted, *self.after.history))
