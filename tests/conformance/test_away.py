"""The database goes away and comes back: work waits, says why, and goes on; nothing is lost or done twice."""

import asyncio
import resource
import signal
import sqlite3
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from holdfast.errors import StoreUnavailable
from holdfast.types import Budget
from tests.conformance.world import World, event, intact, step
from tests.postgres import Postgres


async def until(true) -> None:
    """Wait for something that only the writer's thread decides."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - a thread decides; there is no event to wait for
            await asyncio.sleep(0.01)


class Cut:
    """A database whose next commits lose their connection, before or after they were applied."""

    def __init__(self, database, moments: list[str]) -> None:
        self._database, self._moments = database, moments

    def __getattr__(self, name: str):
        return getattr(self._database, name)

    def commit(self) -> None:
        moment = self._moments.pop(0) if self._moments else "never"
        if moment == "before":
            raise self._loss()
        self._database.commit()
        if moment == "after":
            raise self._loss()

    def _loss(self) -> Exception:
        if type(self._database).__name__ == "PostgresDatabase":
            return psycopg.OperationalError("the connection is lost")
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        return error


@pytest.mark.parametrize("moments", [["before"], ["after"], ["before", "after"], ["after", "after"]])
def test_a_commit_of_unknown_outcome_is_applied_once(world: World, moments: list[str]):
    """Whether the connection broke before the commit took effect or after it, its steps are there once."""

    async def story(trail):
        held = [await world.running(trail) for _ in range(3)]
        question = world.question()
        await trail.append(step(held[0], status="awaiting_review", approvals=(question,)))
        trail._parts.writer._database = Cut(trail._parts.writer._database, moments)
        await asyncio.gather(
            *(trail.append(step(h, event(step=i), step_count=i)) for h in held[1:] for i in range(3)),
            world.start(trail, idempotency_key="k"),
            trail.put_blob(b"x", media_type="text/plain"),
        )
        assert not moments
        found = await intact(trail)
        assert [found[h.execution.id] for h in held] == [3, 5, 5]
        assert len(await trail.list()) == 4
        assert trail.health().ok

    world.play(story)


@pytest.mark.parametrize("moments", [["before"], ["after"], ["before", "after"], ["after", "after"]])
def test_an_operators_change_of_unknown_outcome_is_made_once(world: World, moments: list[str]):
    """It writes no event: a budget is not topped up twice, and who stopped an agent is not told that it was stopped."""

    async def story(trail):
        await trail.set_budget(Budget(name="all", scope="global", tokens=1_000), by="ada")
        trail._parts.writer._database = Cut(trail._parts.writer._database, lost := [])
        for change in (
            trail.top_up("all", amount=Decimal(100), by="ada"),
            trail.pause("agent", "clerk", by="ada", why="wrong"),
            trail.resume("agent", "clerk", by="ada"),
        ):
            lost += moments
            await change
            assert not lost
        assert [one.amount for one in await trail.accounts()] == [1_100]
        told = [one.kind for one in await trail.audit()]
        assert told == ["budget.set", "budget.topped_up", "switch.on", "switch.off"]
        assert trail.health().ok

    world.play(story)


def test_a_claim_of_unknown_outcome_is_made_once(world: World):
    """The worker gets what it claimed, under the fence it has."""

    async def story(trail):
        started = await world.start(trail)
        await trail.register("ada", host="h", pid=1, lease_s=60)
        trail._parts.writer._database = Cut(trail._parts.writer._database, ["after"])
        (claimed,) = await trail.claim("ada", agents=["clerk"], limit=9)
        assert (claimed.execution.id, claimed.execution.fence) == (started.id, 1)
        await trail.append(step(claimed, status="completed"))

    world.play(story)


def test_a_locked_sqlite_file_pauses_the_work(sqlite_database: str):
    """While another program holds the file, health says so; when it lets go, everything is stored."""
    world = World(sqlite_database)

    async def story(trail):
        held = await world.running(trail)
        blocker = sqlite3.connect(sqlite_database, isolation_level=None)
        blocker.execute("BEGIN EXCLUSIVE")
        waiting = [asyncio.create_task(trail.append(step(held, event(step=i)))) for i in range(10)]
        await until(lambda: not trail.health().ok)
        health = trail.health()
        assert "locked" in health.detail
        assert health.since == world.clock.at
        assert not any(task.done() for task in waiting)
        blocker.execute("COMMIT")
        blocker.close()
        assert [a.seq for a in await asyncio.gather(*waiting)] == list(range(3, 13))
        assert trail.health().ok
        await intact(trail)

    world.play(story)


def test_a_full_disk_pauses_the_work(sqlite_database: str):
    """No room for another byte: callers wait, health names the reason, and with room the work goes on."""
    world = World(sqlite_database)

    async def story(trail):
        held = await world.running(trail)
        size = (await asyncio.to_thread(Path(f"{sqlite_database}-wal").stat)).st_size
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited[1]))
        try:
            pads = [f"{number:06}" * 100_000 for number in range(20)]  # more than the room that the log has
            waiting = [asyncio.create_task(trail.append(step(held, event(pad=pad)))) for pad in pads]
            await until(lambda: not trail.health().ok)
            assert "away" in trail.health().detail
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        await asyncio.gather(*waiting)
        assert (await intact(trail))[held.execution.id] == 22
        assert trail.health().ok

    world.play(story)


@pytest.mark.postgres
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_postgres_restart_pauses_the_work(postgres: Postgres, postgres_database: str, how: signal.Signals):
    """Shut down or crashed in the middle of the work and started again: every step is there once."""
    world = World(postgres_database)

    async def story(trail):
        held = [await world.running(trail) for _ in range(5)]

        async def work(claimed):
            return [(await trail.append(step(claimed, event(step=i)))).seq for i in range(60)]

        working = [asyncio.create_task(work(h)) for h in held]
        await asyncio.sleep(0)
        await asyncio.to_thread(postgres.stop, how)
        await until(lambda: not trail.health().ok)
        await asyncio.to_thread(postgres.ensure_running)
        assert [await w for w in working] == [list(range(3, 63))] * 5
        assert sorted((await intact(trail)).values()) == [62] * 5

    world.play(story)


@pytest.mark.postgres
def test_cut_connections_lose_and_repeat_nothing(postgres: Postgres, postgres_database: str):
    """Every session killed again and again under load, as a fail-over does."""
    world = World(postgres_database)

    async def story(trail):
        held = [await world.running(trail) for _ in range(10)]

        async def work(claimed):
            return [(await trail.append(step(claimed, event(step=i)))).seq for i in range(100)]

        working = asyncio.gather(*(work(h) for h in held))
        while not working.done():
            await asyncio.to_thread(postgres.cut_connections, postgres_database)
            await asyncio.wait([working], timeout=0.05)
        assert await working == [list(range(3, 103))] * 10
        await intact(trail)

    world.play(story)


def test_closing_writes_what_is_in_line(world: World):
    """A trail that is closed has stored everything it was given."""
    held = []

    async def story(trail):
        held.append(await world.running(trail))
        waiting = [asyncio.create_task(trail.append(step(held[0], event(step=i)))) for i in range(50)]
        await asyncio.sleep(0)
        await trail.close()
        assert [a.seq for a in await asyncio.gather(*waiting)] == list(range(3, 53))
        with pytest.raises(StoreUnavailable, match="closed"):
            await trail.append(step(held[0]))
        assert not trail.health().ok

    world.play(story)


@pytest.mark.postgres
def test_a_server_that_does_not_answer_shows_in_health(postgres: Postgres, postgres_database: str, monkeypatch):
    """Somebody's lock holds everything up: not refused, not lost, but told."""
    monkeypatch.setattr("holdfast.trail.writer._SILENT_S", 0.2)
    world = World(postgres_database)

    async def story(trail):
        held = await world.running(trail)
        with psycopg.connect(postgres_database) as blocker:
            blocker.execute("LOCK TABLE agent_executions IN ACCESS EXCLUSIVE MODE")
            waiting = asyncio.create_task(trail.append(step(held)))
            await until(lambda: not trail.health().ok)
            assert "has not answered" in trail.health().detail
        await waiting
        assert trail.health().ok

    world.play(story)


def test_closing_does_not_wait_for_ever(sqlite_database: str):
    """With the database away, a trail that closes tells its callers after a grace period."""
    world = World(sqlite_database)

    async def story(trail):
        held = await world.running(trail)
        blocker = sqlite3.connect(sqlite_database, isolation_level=None)
        blocker.execute("BEGIN EXCLUSIVE")
        waiting = asyncio.create_task(trail.append(step(held)))
        await asyncio.sleep(0)
        await trail._parts.writer.close(grace_s=0.05)
        with pytest.raises(StoreUnavailable, match="closed while the database was away"):
            await waiting
        blocker.close()

    world.play(story)
