"""Several real processes on one database, and one of them killed."""

import os
import signal
import subprocess
import sys

import pytest

from tests.conformance.world import World, intact, step


def other(*arguments: str) -> subprocess.Popen:
    """Another process, ready to begin."""
    command = [sys.executable, "-m", "tests.conformance.other_process", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def begin(*processes: subprocess.Popen) -> None:
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def test_two_processes_never_claim_the_same_execution(world: World):
    """Together they take everything, nothing twice."""
    started = []

    async def prepare(trail):
        started.extend([(await world.start(trail)).id for _ in range(60)])

    world.play(prepare)
    both = [other("claim", world.database, name) for name in ("ada", "bob")]
    begin(*both)
    taken = [line for process in both for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in both] == [0, 0]
    assert len(taken) == len(set(taken))

    async def rest(trail):
        left = await world.claim(trail, "eve")  # what one skipped because the other was looking at it
        assert sorted([*taken, *(c.execution.id for c in left)]) == sorted(started)

    world.play(rest)


def test_of_fifty_answers_from_two_processes_one_wins(world: World):
    """The other forty-nine are told."""
    asked = []

    async def prepare(trail):
        asked.append((await world.asking(trail))[1])

    world.play(prepare)
    both = [other("decide", world.database, name, asked[0]) for name in ("ada", "bob")]
    begin(*both)
    said = [line for process in both for line in process.communicate()[0].splitlines()]
    assert sorted(line.split()[0] for line in said) == ["already_decided"] * 49 + ["won"]


@pytest.mark.parametrize("after", [1, 60, 400])
def test_kill_9_loses_nothing_that_was_acknowledged(world: World, after: int):
    """Killed at any moment, every acknowledged step is there, the chains hold, and another worker goes on."""
    worker = other("append", world.database, "ada")
    begin(worker)
    said = [worker.stdout.readline() for _ in range(after)]
    os.kill(worker.pid, signal.SIGKILL)
    said += worker.communicate()[0].splitlines(keepends=True)
    acknowledged = [line.split() for line in said if line.endswith("\n")]

    async def look(trail):
        found = await intact(trail)
        assert all(found[execution_id] >= int(seq) for execution_id, seq in acknowledged)
        assert (await trail.sweep(dead=["ada"])).taken_over == 20
        for claimed in await world.claim(trail, "bob"):
            await trail.append(step(claimed, status="completed"))
        await intact(trail)

    world.play(look)
