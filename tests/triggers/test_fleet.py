"""Schedules in a fleet of real processes."""

import asyncio
import signal
import subprocess
import sys
from itertools import pairwise

import pytest

from holdfast import App


@pytest.mark.postgres
def test_two_workers_fire_each_time_once(postgres_database):
    """Every second, whoever looks."""
    command = [sys.executable, "-m", "tests.triggers.ticking", postgres_database]
    workers = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(2)]
    try:
        history = asyncio.run(_history(postgres_database, 3))
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
    times = sorted(one.at for one in history)
    assert len(set(times)) == len(times) >= 3
    assert {(b - a).total_seconds() for a, b in pairwise(times)} == {1.0}
    assert {one.what for one in history} <= {"started", "skipped"}


async def _history(database, count):
    async with asyncio.timeout(40), App(database=database) as app:
        while True:
            found = [one for one in await app.schedules.all() if len(one.history) >= count]
            if found:
                return found[0].history
            await asyncio.sleep(0.2)
