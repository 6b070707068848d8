"""Incident 26: the database goes away for thirty seconds, or the disk fills."""

import asyncio
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from holdfast import App
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, events_of, until
from tests.postgres import Postgres

AWAY_S = 3
WORK = to_do(call("look"), call("move"), call("ship"), call("look", "8"))
SOME = 12


async def survives(place: Place, app: App, leave: object, come_back: object, *, says: str) -> None:
    """Work through an absence: health says so while it lasts, what was acknowledged ends, no effect is repeated."""
    taken = [await app.start("clerk", WORK) for _ in range(SOME)]
    async with app.worker():
        await until(lambda: len(place.did()) >= SOME)
        await asyncio.to_thread(leave)
        late = asyncio.create_task(app.start("clerk", WORK))
        await until(lambda: not app.health().ok)
        health = app.health()
        assert says in health.detail
        assert health.since is not None
        await asyncio.sleep(AWAY_S)
        assert (late.done(), app.health().ok) == (False, False)  # nothing is acknowledged that is not stored
        await asyncio.to_thread(come_back)
        ended = [await app.wait(execution.id) for execution in [*taken, await late]]
        assert app.health().ok
    assert [execution.status for execution in ended] == ["completed"] * (SOME + 1)
    assert all([len(await events_of(app, execution.id)) == execution.last_seq for execution in ended])
    keys = [effect.key for effect in place.ledger.effects("ship")]
    assert (len(keys), len(set(keys))) == (SOME + 1, SOME + 1)


@pytest.mark.postgres
@pytest.mark.parametrize("lease_s", [10, 1], ids=["within its lease", "longer than its lease"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_postgres_goes_and_comes_back(postgres: Postgres, postgres_place: Place, how: signal.Signals, lease_s: int):
    """The database goes away: work pauses with a clear health state and resumes; nothing acknowledged is lost."""
    place = postgres_place

    async def story(app: App) -> None:
        await survives(place, app, lambda: postgres.stop(how), postgres.ensure_running, says="away")

    place.play(story, place.app(settings={"lease_s": lease_s}))


@pytest.mark.postgres
def test_connections_are_cut_again_and_again(postgres: Postgres, postgres_place: Place):
    """The database drops every connection, ten times: the executions end as they would have."""
    place = postgres_place

    async def story(app: App) -> None:
        taken = [await app.start("clerk", WORK) for _ in range(SOME)]
        async with app.worker():
            for _ in range(10):
                await asyncio.to_thread(postgres.cut_connections, place.database)
                await asyncio.sleep(0.05)
            assert {(await app.wait(execution.id)).status for execution in taken} == {"completed"}
        assert place.did("ship") == ["ship"] * SOME

    place.play(story)


@pytest.mark.parametrize("lease_s", [10, 1], ids=["within its lease", "longer than its lease"])
def test_sqlite_is_locked_by_another_process(sqlite_place: Place, lease_s: int):
    """The database goes away: a backup that locks the file for seconds pauses the work, and no more than that."""
    held: list[subprocess.Popen] = []
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60); "
    code += "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"

    def lock() -> None:
        command = [sys.executable, "-c", code, sqlite_place.database]
        held.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert held[0].stdout.readline() == "locked\n"

    def unlock() -> None:
        held[0].communicate()

    app = sqlite_place.app(settings={"lease_s": lease_s})
    sqlite_place.play(lambda app: survives(sqlite_place, app, lock, unlock, says="locked"), app)


def test_the_disk_is_full(sqlite_place: Place):
    """The disk fills: work pauses and health says why; with room again it goes on from where it was."""
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        # Fewer bytes than one commit writes: the log has room of its own, and would not have to grow for a while.
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, unlimited[1]))

    def empty() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

    @contextmanager
    def restored() -> Iterator[None]:
        try:
            yield
        finally:
            empty()

    with restored():
        sqlite_place.play(lambda app: survives(sqlite_place, app, fill, empty, says="away"))


FULL = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON agent_events EXECUTE FUNCTION no_room();
"""
ROOM = "DROP TRIGGER no_room ON agent_events; DROP FUNCTION no_room"


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["crashed", "full"])
def test_a_fleet_waits_for_its_database(postgres: Postgres, postgres_place: Place, how: str):
    """The database goes away, or its disk is full: three workers say so, wait, and end what they had begun."""
    place = postgres_place
    slow = to_do(call("look"), call("move", trouble="run:0.05"), call("ship"), call("look", "8"))

    def leave() -> None:
        if how == "full":  # what a server says that has no room; one with a full disk cannot be had everywhere
            place.sql(FULL)
        else:
            postgres.stop(signal.SIGQUIT)

    def come_back() -> None:
        if how == "full":
            place.sql(ROOM)
        else:
            postgres.ensure_running()

    async def story(app: App) -> None:
        taken = [await app.start("clerk", slow) for _ in range(3 * SOME)]
        with ExitStack() as stack:
            some = {"HOLDFAST_CONCURRENCY": 4, "HOLDFAST_LEASE_S": 1}
            workers = [stack.enter_context(place.worker(**some)) for _ in range(3)]
            await until(lambda: len(place.did()) >= SOME)
            await asyncio.to_thread(leave)
            await until(lambda: all("database_away" in worker.said for worker in workers))
            await asyncio.sleep(1)  # longer than the lease
            await asyncio.to_thread(come_back)
            ended = [await app.wait(execution.id) for execution in taken]
            for worker in workers:
                worker.signal(signal.SIGTERM)
            assert [await asyncio.to_thread(worker.wait) for worker in workers] == [0, 0, 0]
        assert {execution.status for execution in ended} == {"completed"}
        assert all([len(await events_of(app, execution.id)) == execution.last_seq for execution in ended])

    place.play(story)
    assert len(place.did("ship")) == len({effect.key for effect in place.ledger.effects("ship")}) == 3 * SOME
