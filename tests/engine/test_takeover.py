"""Workers that die, hang or are told to stop, as real processes with real signals."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.trail import events as kinds
from tests.engine.kit import engine, finish, kinds_of, opened, start

ROOT = Path(__file__).parents[2]


@contextmanager
def process(database: str, mode: str, *, lease_s: float = 600) -> Iterator[subprocess.Popen[str]]:
    """A worker process that has begun an activation."""
    command = [sys.executable, "-m", "tests.engine.worker_process", database, mode, str(lease_s)]
    worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout
        assert worker.stdout.readline().strip()
        yield worker
    finally:
        worker.kill()
        worker.communicate()


def started(database: str) -> str:
    """One pending execution."""

    async def scenario() -> str:
        async with opened(database) as trail:
            return await start(trail)

    return asyncio.run(scenario())


def drained(database: str, execution_id: str) -> tuple[str, list[str]]:
    """What a new worker makes of it: its status and its story."""

    async def scenario() -> tuple[str, list[str]]:
        async with opened(database) as trail:
            await engine(trail, lambda claimed: finish(trail, claimed)).drain()
            return (await trail.get(execution_id)).status, await kinds_of(trail, execution_id)

    return asyncio.run(asyncio.wait_for(scenario(), 60))  # type: ignore[arg-type]


def test_a_killed_worker_s_execution_is_taken_over_at_once(database: str):
    """On the same machine a restart does not wait for the lease of a process that is gone."""
    mine = started(database)
    with process(database, "stuck") as worker:
        worker.kill()
        status, story = drained(database, mine)
    assert status == "completed"
    assert story.count(kinds.CLAIMED) == 2


def test_draining_waits_for_the_lease_of_a_frozen_worker(database: str):
    """What a stopped process holds is left to do: a drain takes it over when the lease ends."""
    mine = started(database)
    with process(database, "stuck", lease_s=2) as worker:
        worker.send_signal(signal.SIGSTOP)
        status, story = drained(database, mine)
    assert status == "completed"
    assert story.count(kinds.CLAIMED) == 2


def test_draining_leaves_to_a_live_worker_what_it_holds(database: str):
    """Another worker that renews its lease will end its own executions: there is nothing to wait for."""
    mine = started(database)
    with process(database, "stuck", lease_s=2):
        status, story = drained(database, mine)
    assert status == "running"
    assert story.count(kinds.CLAIMED) == 1


def test_a_running_worker_notices_a_killed_one(sqlite_database: str):
    """A worker that is up takes over from one that dies, well within the lease."""
    mine = started(sqlite_database)

    async def scenario(worker: subprocess.Popen[str]) -> float:
        async with opened(sqlite_database) as trail:
            survivor = engine(trail, lambda claimed: finish(trail, claimed), lease_s=2)
            task = asyncio.create_task(survivor.run())
            killed_at = time.monotonic()
            worker.kill()
            async for _ in trail.watch(mine):
                if (await trail.get(mine)).ended:
                    break
            survivor.stop()
            await task
            return time.monotonic() - killed_at

    with process(sqlite_database, "stuck") as worker:
        assert asyncio.run(asyncio.wait_for(scenario(worker), 60)) < 10  # type: ignore[arg-type]


def test_a_live_worker_s_execution_is_left_alone(sqlite_database: str):
    """A worker whose event loop is blocked keeps its lease: nobody else begins its execution."""
    mine = started(sqlite_database)
    with process(sqlite_database, "deaf", lease_s=1):

        async def scenario() -> str:
            async with opened(sqlite_database) as trail:
                other = engine(trail, lambda claimed: finish(trail, claimed), lease_s=1)
                task = asyncio.create_task(other.run())
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(task), 2.5)
                other.stop()
                await task
                return (await trail.get(mine)).status

        assert asyncio.run(scenario()) == "running"


def test_a_frozen_worker_loses_its_lease(sqlite_database: str):
    """A worker that is alive but does not renew is given up for dead, and its execution goes on elsewhere."""
    mine = started(sqlite_database)
    with process(sqlite_database, "stuck", lease_s=1) as worker:
        worker.send_signal(signal.SIGSTOP)

        async def scenario() -> str:
            async with opened(sqlite_database) as trail:
                other = engine(trail, lambda claimed: finish(trail, claimed), lease_s=1)
                task = asyncio.create_task(other.run())
                async for _ in trail.watch(mine):
                    if (await trail.get(mine)).ended:
                        break
                other.stop()
                await task
                return (await trail.get(mine)).status

        assert asyncio.run(asyncio.wait_for(scenario(), 60)) == "completed"  # type: ignore[arg-type]


def test_the_first_signal_drains(sqlite_database: str):
    """SIGTERM lets the running turn reach its commit, and the worker ends well."""
    mine = started(sqlite_database)
    with process(sqlite_database, "polite") as worker:
        worker.send_signal(signal.SIGTERM)
        out, _ = worker.communicate(timeout=20)
        assert (worker.returncode, out.strip()) == (0, "stopped")
    assert drained(sqlite_database, mine)[0] == "completed"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("mode", ["stuck", "deaf"])
def test_the_second_signal_ends_it_at_once(sqlite_database: str, mode: str, number: signal.Signals, code: int):
    """A second signal ends the process, whatever it is doing, and loses nothing that was committed."""
    mine = started(sqlite_database)
    with process(sqlite_database, mode) as worker:
        worker.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(0.5)
        worker.send_signal(number)
        worker.wait(20)
        assert worker.returncode == code
    assert drained(sqlite_database, mine)[0] == "completed"
