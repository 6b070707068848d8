"""Where a process may be killed that the product's own test kit does not reach: inside the database's transactions."""

from datetime import datetime, timedelta
from typing import Any

from holdfast import App
from holdfast.engine.clock import SystemClock
from holdfast.ports import Journal
from holdfast.testing import crash_point
from holdfast.types import Append, Appended


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


class CrashingDatabase:
    """The writer's database with crash points before and after each COMMIT, named by what is in the transaction."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._holds: list[str] = []

    def begin(self) -> None:
        self._holds = []
        self._database.begin()

    def write(self, ledger: Any) -> None:
        self._database.write(ledger)
        self._holds += [f"{kind}@{seq}" for _, seq, kind, *_ in ledger.events] or ["blob"] * bool(ledger.blobs)

    def commit(self) -> None:
        name = self._holds[-1] if self._holds else "lease"
        crash_point(f"written:{name}")
        self._database.commit()
        crash_point(f"committed:{name}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def break_database(app: App) -> None:
    """Put the crash points around the app's database."""
    trail: Any = await app._open()
    writer = trail._parts.writer
    writer._database = CrashingDatabase(writer._database)
