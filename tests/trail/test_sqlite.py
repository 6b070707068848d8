"""The writer's connection to a SQLite file."""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from holdfast.trail import events
from holdfast.trail.batch import Needs
from holdfast.trail.migrate import migrate
from holdfast.trail.sqlite import SqliteDatabase
from holdfast.trail.trail import Trail
from holdfast.trail.worker_requests import Register
from tests.conformance.world import World


def _worker(name: str) -> Register:
    return Register(worker_id=name, host="here", pid=1, lease_s=10, now=datetime(2026, 11, 21, tzinfo=UTC))


def test_a_log_with_room_is_read_to_its_end_after_a_crash(tmp_path: Path) -> None:
    """What was committed before the power went is there, although the log goes on behind it."""
    path = tmp_path / "app.db"
    migrate(str(path))
    database = SqliteDatabase(str(path))
    database.begin()
    database.lease(_worker("w1"))
    database.commit()
    log = Path(f"{path}-wal")
    assert log.stat().st_size > 1_000_000

    crashed = tmp_path / "crashed.db"
    shutil.copy(path, crashed)
    shutil.copy(log, f"{crashed}-wal")
    database.close()

    with sqlite3.connect(crashed) as connection:
        assert connection.execute("SELECT id FROM agent_workers").fetchall() == [("w1",)]


def test_making_room_leaves_what_another_process_logged(tmp_path: Path) -> None:
    """A second writer opens the file while the first has commits in the log only."""
    path = tmp_path / "app.db"
    migrate(str(path))
    for name in ("w1", "w2"):
        database = SqliteDatabase(str(path))
        database.begin()
        database.lease(_worker(name))
        database.commit()

    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM agent_workers").fetchone() == (2,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_was_written_of_a_running_execution_is_not_read_again(sqlite_database: str) -> None:
    """Nobody else wrote: the next step goes on from what this one left."""
    world = World(sqlite_database)

    async def story(trail: Trail) -> None:
        held = await world.running(trail)
        wanted = Needs(executions={held.execution.id})
        database = SqliteDatabase(sqlite_database)
        database.begin()
        ledger = database.load(wanted)
        ledger.note(ledger.head(held.execution.id), events.MODEL_RESPONDED, {}, "2026-11-21T10:00:00.000000+00:00")
        database.write(ledger)
        database.commit()

        database.begin()
        assert database.load(wanted).head(held.execution.id) is ledger.head(held.execution.id)
        database.close()

    world.play(story)
