"""Where a process may be killed that the product's own test kit does not reach: inside the database's transactions."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from holdfast import App
from holdfast.engine.clock import SystemClock
from holdfast.ports import Journal
from holdfast.testing import CrashPlan, crash_point
from holdfast.types import Append, Appended
from tests.crash.witness import What, Witness


class LeapingClock(SystemClock):
    """The system's clock, put forward instead of waited on.

    Args:
        ahead_s: Seconds that it is ahead from the beginning.
    """

    def __init__(self, ahead_s: float = 0) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return super().now() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)
        await super().sleep(0)

    def leap_to(self, when: datetime) -> None:
        self._ahead += max(when - self.now(), timedelta(0))


class LeapingJournal:
    """A journal after whose parking appends it is the time to wake."""

    def __init__(self, journal: Journal, clock: LeapingClock) -> None:
        self._journal, self._clock = journal, clock

    async def append(self, append: Append) -> Appended:
        appended = await self._journal.append(append)
        if append.wake_at:
            self._clock.leap_to(append.wake_at)
        return appended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class Trace(CrashPlan):
    """A plan that also remembers after how many durable changes each point was passed.

    Points after the same number are one place: a process that is killed there leaves the same behind.
    """

    def __init__(self, at: str = "") -> None:
        super().__init__(at)
        self.passings: list[tuple[str, int]] = []
        self._changes = 0

    def reach(self, point: str) -> None:
        super().reach(point)
        self.passings.append((f"{point}:{self.passed[point]}", self._changes))

    def change(self) -> None:
        """Something outlives this process from here on: a transaction, or a line of the witness."""
        self._changes += 1


class TracedWitness(Witness):
    """Its notes are the changes in the world."""

    def __init__(self, path: Path, life: int, trace: Trace) -> None:
        super().__init__(path, life)
        self._trace = trace

    def note(self, what: What, name: str, *, key: str = "", args: str = "") -> None:
        super().note(what, name, key=key, args=args)
        self._trace.change()


class CrashingDatabase:
    """The writer's database with crash points before and after each COMMIT, named by what is in the transaction."""

    def __init__(self, database: Any, trace: Trace) -> None:
        self._database, self._trace = database, trace
        self._holds: list[str] = []

    def begin(self) -> None:
        self._holds = []
        self._database.begin()

    def write(self, ledger: Any) -> None:
        self._database.write(ledger)
        # The last event of each part: an answer and the claim after it may, or may not, be one transaction.
        names = [f"{kind}@{seq}" for _, seq, kind, *_ in ledger.events] or ["blob"] * bool(ledger.blobs)
        self._holds += names[-1:]

    def commit(self) -> None:
        names = self._holds or ["lease"]
        for name in names:
            crash_point(f"written:{name}")
        self._database.commit()
        self._trace.change()
        for name in names:
            crash_point(f"committed:{name}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def wrap_database(app: App, wrap: Callable[[Any], Any]) -> None:
    """Put something around the database of the app's writer."""
    trail: Any = await app._open()
    writer = trail._parts.writer
    writer._database = wrap(writer._database)


class BusyDatabase:
    """The writer's database, with a lock that is held during each transaction.

    Whoever freezes the process takes it first: a frozen process that holds SQLite's own write lock would stop every
    other one, which is a limit of that database and not what is tested.
    """

    def __init__(self, database: Any, busy: threading.Lock) -> None:
        self._database, self._busy = database, busy

    def begin(self) -> None:
        self._busy.acquire()
        self._database.begin()

    def commit(self) -> None:
        self._database.commit()
        self._busy.release()

    def abandon(self) -> None:
        """Called by the writer alone, after an error and at the end."""
        self._database.abandon()
        if self._busy.locked():
            self._busy.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)
