"""Schedules while the machine's clock jumps: a real worker under libfaketime, which turns its clock as it runs."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast import App
from tests.conftest import missing

LOOKS = 100
"""At a tenth of a second each: what was not asked by then is not asked."""
TOMORROW = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


class Turned:
    """A worker process whose clock is turned from outside; its monotonic one goes on as it is."""

    def __init__(self, library: str, database: str, clock: Path) -> None:
        self.database, self._clock = database, clock
        self._write(TOMORROW + timedelta(hours=10, minutes=30))
        environment = os.environ | {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        command = [sys.executable, "-m", "tests.triggers.leaping", database]
        self.worker = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def turn(self, hour: int, minute: int = 0, second: int = 0) -> None:
        """Set its clock, and wait until it has looked at what that means, and once more."""
        at = TOMORROW + timedelta(hours=hour, minutes=minute, seconds=second)
        self._write(at)
        looks = 0
        while looks < 2:
            said = datetime.fromisoformat(self._line())
            looks += abs(said - at) < timedelta(minutes=1)

    def until(self, hour: int) -> None:
        """Wait until it has looked twice after that time came by itself."""
        looks = 0
        while looks < 2:
            looks += datetime.fromisoformat(self._line()) >= TOMORROW + timedelta(hours=hour)

    def fired(self) -> dict[str, list[int]]:
        """The hours for which each schedule has asked, in order of asking."""

        async def look() -> dict[str, list[int]]:
            async with App(database=self.database) as app:
                found: dict[str, list[int]] = {"skip": [], "latest": [], "all": []}
                for execution in reversed(await app.list(limit=1_000)):
                    _, name, at = str(execution.idempotency_key).split(":", 2)
                    found[name].append(int((datetime.fromisoformat(at) - TOMORROW) / timedelta(hours=1)))
                return found

        return asyncio.run(look())

    def wait_for(self, hours: dict[str, list[int]]) -> None:
        """Wait until that was asked; what stands in line is, one after the other."""
        for _ in range(LOOKS):
            if self.fired() == hours:
                return
            self._line()
        assert self.fired() == hours

    def _line(self) -> str:
        line = self.worker.stdout.readline()
        assert line, f"the worker ended: {self.worker.poll()}"
        return line.strip()

    def _write(self, at: datetime) -> None:
        whole = self._clock.with_suffix(".new")
        whole.write_text(f"{(at - datetime.now(UTC)).total_seconds():+.3f}\n")
        whole.replace(self._clock)  # a reader sees the old time or the new one


@pytest.fixture
def turned(sqlite_database: str, tmp_path: Path) -> Iterator[Turned]:
    """A worker, at half past ten tomorrow."""
    libraries = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
    if not libraries:
        missing("faketime")
    made = Turned(str(libraries[0]), sqlite_database, tmp_path / "clock")
    made.until(10)
    yield made
    made.worker.kill()
    made.worker.communicate()


def test_schedules_fire_as_declared_when_the_clock_jumps(turned: Turned):
    """Ahead: what was missed is let go, made up for by the latest, or by all. Back: nothing is fired twice."""
    turned.turn(10, 59, 59)
    turned.until(11)
    turned.wait_for({"skip": [11], "latest": [11], "all": [11]})

    turned.turn(15, 30)
    turned.turn(15, 59, 59)
    turned.until(16)
    once = {"skip": [11, 16], "latest": [11, 15, 16], "all": [11, 12, 13, 14, 15, 16]}
    turned.wait_for(once)

    turned.turn(11, 59, 59)
    turned.until(12)
    turned.turn(15, 59, 59)
    turned.until(16)
    assert turned.fired() == once

    turned.turn(16, 59, 59)
    turned.until(17)
    turned.wait_for({name: [*hours, 17] for name, hours in once.items()})
