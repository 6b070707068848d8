"""A lease outlives a busy event loop, and its end is noticed; a dead process is told from a live one."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from holdfast.engine.clock import SystemClock
from holdfast.engine.lease import Host, Lease, is_dead, process_is_alive, process_started

SLEEPER = [sys.executable, "-c", "import sys; sys.stdin.read()"]


class Registry:
    """The part of a queue that a lease asks, answering as told."""

    def __init__(self, answer: bool | Exception | None = True) -> None:
        self.answer, self.renewals, self.renewed = answer, 0, threading.Event()

    async def renew(self, worker_id: str, *, lease_s: float) -> bool:
        self.renewals += 1
        self.renewed.set()
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return bool(self.answer)


def lease(registry: Registry, lost: threading.Event, *, keep_s: float = 5, every_s: float = 0.02) -> Lease:
    """A lease that is renewed often."""
    clock = SystemClock()
    return Lease(
        registry,  # type: ignore[arg-type]
        worker_id="w",
        keep_s=keep_s,
        every_s=every_s,
        held_since=clock.monotonic(),
        clock=clock,
        on_lost=lost.set,
    )


def test_a_blocked_event_loop_keeps_its_lease():
    """While the event loop does nothing else, the lease is still renewed."""

    async def scenario() -> bool:
        registry, lost = Registry(), threading.Event()
        kept = lease(registry, lost)
        renewed = all(registry.renewed.wait(5) and not registry.renewed.clear() for _ in range(3))  # blocks the loop
        await kept.end()
        return renewed and not lost.is_set()

    assert asyncio.run(scenario())


def test_a_worker_given_up_for_dead_learns_it():
    """When the queue no longer knows the worker, the lease is lost at once."""

    async def scenario() -> bool:
        lost = threading.Event()
        kept = lease(Registry(answer=False), lost)
        told = await asyncio.to_thread(lost.wait, 5)
        await kept.end()
        return told

    assert asyncio.run(scenario())


@pytest.mark.parametrize("answer", [None, RuntimeError("away")])
def test_a_lease_that_cannot_be_renewed_is_not_held_until_it_is(answer: Exception | None):
    """While the database is away past the lease nothing new may begin; when it is back, work goes on."""

    async def scenario() -> list[bool]:
        lost, registry = threading.Event(), Registry(answer)
        kept = lease(registry, lost, keep_s=0.3)
        seen = [kept.held]
        await until(lambda: not kept.held)
        registry.answer = True
        await until(lambda: kept.held)
        await kept.end()
        return [*seen, lost.is_set()]

    assert asyncio.run(scenario()) == [True, False]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the lease has a thread of its own and no event to await
            await asyncio.sleep(0.01)


def test_ending_a_lease_loses_nothing():
    """A worker that retires is not told that it lost its lease."""

    async def scenario() -> bool:
        lost = threading.Event()
        await lease(Registry(answer=None), lost).end()
        return lost.is_set()

    assert not asyncio.run(scenario())


def test_a_host_is_read_back():
    """What a worker says of its host survives the record."""
    here = Host.here()
    assert Host.parse(str(here)) is not None
    assert str(Host.parse(str(here))) == str(here)
    assert here.started


def test_this_process_is_alive():
    """A worker never takes a running process for dead."""
    assert process_is_alive(os.getpid(), Host.here().started)
    assert not is_dead(str(Host.here()), os.getpid(), here=Host.here())


def test_a_killed_process_is_dead_even_unreaped():
    """A worker killed with SIGKILL is dead from that moment, whether or not its parent noticed."""
    process = subprocess.Popen(SLEEPER, stdin=subprocess.PIPE)
    pid = process.pid
    host = Host(name="h", boot="b", pids="p", started=process_started(pid) or "")
    assert not is_dead(str(host), pid, here=host)
    process.kill()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(str(host), pid, here=host)
    process.communicate()
    assert is_dead(str(host), pid, here=host)


def test_another_process_with_the_same_id_is_no_proof_of_life():
    """A process id given to a newcomer does not keep a dead worker's executions."""
    assert not process_is_alive(os.getpid(), "12345")


@pytest.mark.parametrize("changed", ["name", "boot", "pids"])
def test_what_cannot_be_seen_from_here_counts_as_alive(changed: str):
    """Another machine's or container's worker is left to its lease."""
    here = Host.here()
    parts = {name: getattr(here, name) for name in ("name", "boot", "pids", "started")}
    there = Host(**parts | {changed: "elsewhere", "started": "1"})
    assert not is_dead(str(there), os.getpid(), here=here)
    assert not is_dead("a word of another version", 1, here=here)
