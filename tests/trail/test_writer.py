"""The writer's promises that no outcome shows: real durability, one thread, cheap idling."""

import asyncio
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from holdfast.errors import UsageError
from holdfast.trail.sqlite import connect
from tests.conformance.world import World, new_execution, step


def test_sqlite_commits_reach_the_disk(sqlite_database: str):
    """Write-ahead log with a sync at every commit: a power cut loses nothing acknowledged."""
    connection = connect(sqlite_database)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.postgres
def test_postgres_commits_reach_the_disk_whatever_the_server_says(postgres_database: str):
    """A server set to lose the last commits is overruled for the trail."""
    from holdfast.trail.session import connect as connect_postgres

    url = f"{postgres_database}&options=-c%20synchronous_commit%3Doff"
    with connect_postgres(url, name="test") as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_hundred_waiting_steps_are_few_transactions(sqlite_database: str):
    """What waits together is committed together."""
    world = World(sqlite_database)

    async def story(trail):
        held = [await world.running(trail) for _ in range(100)]
        database, commits = trail._parts.writer._database, []
        commit = database.commit
        database.commit = lambda: (commits.append(1), commit())
        await asyncio.gather(*(trail.append(step(h)) for h in held))
        assert len(commits) <= 5

    world.play(story)


def test_waiting_costs_next_to_nothing(database: str):
    """An idle trail with somebody waiting for work uses less than a hundredth of a processor."""
    world = World(database)

    async def story(trail):
        await world.start(trail)
        await trail.wait_for_work(timeout_s=0.5)  # the listener connects
        used = time.process_time()
        await trail.wait_for_work(timeout_s=1.5)
        assert time.process_time() - used < 0.05

    world.play(story)


def test_a_file_that_was_moved_away_is_waited_for_and_said(sqlite_database: str):
    """Nothing is acknowledged into a file that nobody will find again; when it is back, the work goes on."""
    world, folder = World(sqlite_database), Path(sqlite_database).parent
    aside = folder.with_name(f"{folder.name}-aside")

    async def story(trail):
        await world.start(trail, id="e1")
        folder.rename(aside)
        starting = asyncio.create_task(world.start(trail, id="e2"))
        async with asyncio.timeout(10):
            while trail.health().ok:  # noqa: ASYNC110 - health is asked, it announces nothing
                await asyncio.sleep(0.01)
        assert "was removed or replaced" in trail.health().detail
        assert not starting.done()
        aside.rename(folder)
        await starting
        assert {e.id for e in await trail.list()} == {"e1", "e2"}

    with capture_logs() as logs:
        world.play(story)
    assert [entry["event"] for entry in logs] == ["database_away", "database_back"]


def test_a_trail_to_read_writes_nothing(database: str):
    """It shows what is there and refuses the rest."""
    world = World(database)

    async def write(trail):
        await world.start(trail, id="e1")

    async def read(trail):
        assert [e.id for e in await trail.list()] == ["e1"]
        assert trail.health().detail == "read-only"
        with pytest.raises(UsageError, match="read only"):
            await trail.start(new_execution())

    world.play(write)
    world.play(read, read_only=True)
