"""The tables come from migrations, are exactly the declared ones, and an unfit database is refused with the fix."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import holdfast.trail.migrate as migrations
from holdfast.errors import NotFound, SchemaOutdated, StoreUnavailable, UnknownRecord
from holdfast.trail.migrate import migrate
from holdfast.trail.place import locate
from holdfast.trail.schema import HEAD, VERSION_TABLE, metadata
from tests.conformance.world import World
from tests.postgres import Postgres


def test_the_newest_migration_is_the_one_the_code_knows():
    """A forgotten `HEAD` would let old tables pass for new ones."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrations_make_exactly_the_declared_tables(database: str):
    """On both databases, nothing is missing and nothing is left over."""
    engine = create_engine(locate(database).sqlalchemy_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_status_is_one_of_six(sqlite_database: str):
    """The table itself refuses any other."""
    with sqlite3.connect(sqlite_database) as connection, pytest.raises(sqlite3.IntegrityError, match="status"):
        connection.execute(
            "INSERT INTO agent_executions (id, agent_type, agent_version, status, priority, step_count, token_count, "
            "cost_usd, reserved_tokens, reserved_usd, fence, last_seq, last_hash, created_at, updated_at) "
            "VALUES ('e', 'a', '1', 'paused', 0, 0, 0, '0', 0, '0', 0, 0, '', '', '')"
        )


def test_a_new_file_is_made_by_all_who_open_it_at_once(tmp_path: Path):
    """Ten at once, in the default folder that does not exist yet: one migration, no error."""
    path = str(tmp_path / ".holdfast" / "trail.db")
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(migrate, [path] * 10)) == {HEAD}


def test_no_other_folder_is_made(tmp_path: Path):
    """A path with a typo is named, and leaves nothing behind."""
    with pytest.raises(NotFound, match="there is no folder"):
        migrate(str(tmp_path / "typo" / "trail.db"))
    assert not (tmp_path / "typo").exists()


def test_an_up_to_date_file_opens_without_alembic(sqlite_database: str):
    """Starting costs no migration machinery when there is nothing to migrate."""
    script = (
        "import asyncio, sys\n"
        "from tests.conformance.world import World\n"
        "World(sys.argv[1]).play(lambda trail: trail.list())\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script, sqlite_database], check=False).returncode == 0


def test_importing_holdfast_imports_no_database():
    """`import holdfast` stays light."""
    script = "import sys, holdfast; sys.exit(any(m in sys.modules for m in ('sqlalchemy', 'alembic', 'psycopg')))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.postgres
def test_postgres_without_tables_names_the_command(postgres: Postgres):
    """Until `holdfast migrate` has run; running it twice is fine."""
    postgres.ensure_running()
    url = postgres.create_database(migrated=False)
    with pytest.raises(SchemaOutdated, match="holdfast migrate --database"):
        World(url).play(lambda trail: trail.list())
    assert migrate(url) == migrate(url) == HEAD
    World(url).play(lambda trail: trail.list())


def test_tables_of_a_newer_holdfast_are_left_alone(database: str):
    """Neither opened nor migrated down."""
    engine = create_engine(locate(database).sqlalchemy_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(UnknownRecord, match="upgrade Holdfast"):
        World(database).play(lambda trail: trail.list())
    with pytest.raises(UnknownRecord, match="upgrade Holdfast"):
        migrate(database)


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path):
    """A file that is a folder; a server that does not run."""
    with pytest.raises(StoreUnavailable, match="cannot open"):
        migrate(str(tmp_path))
    with pytest.raises(StoreUnavailable) as caught:
        migrate(f"postgresql://joe:hush@/x?host={tmp_path}")
    assert "hush" not in str(caught.value)


def test_reading_alone_makes_no_file(tmp_path: Path):
    """A mistyped path is told, not created."""
    path = tmp_path / "nowhere.db"
    with pytest.raises(NotFound, match="nowhere"):
        World(str(path)).play(lambda trail: trail.list(), read_only=True)
    assert not path.exists()
