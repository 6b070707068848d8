"""Brings a database's tables to this version: by itself on SQLite, with `holdfast migrate` on PostgreSQL."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from holdfast.errors import NotFound, SchemaOutdated, StoreUnavailable, UnknownRecord
from holdfast.trail.place import Place, locate
from holdfast.trail.readable import reading_uri
from holdfast.trail.schema import HEAD, VERSION_TABLE

_LOCK = 7_306_011_842
"""Key of the PostgreSQL advisory lock under which one process migrates."""


def migrate(database: str) -> str:
    """Create or upgrade the tables and return the version they have now. Safe to run twice and at once.

    Raises:
        UsageError: `database` is no file and no URL that Holdfast knows.
        UnknownRecord: The tables belong to a newer Holdfast.
        StoreUnavailable: The database cannot be reached.
    """
    place = locate(database)
    if place.kind == "sqlite":
        upgrade_file(place)
        return HEAD
    # Nothing is left to a session: the address may be that of a pooler.
    engine = create_engine(place.sqlalchemy_url, poolclass=NullPool, connect_args={"prepare_threshold": None})
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            _bring_up(connection)
    except DBAPIError as error:
        raise StoreUnavailable(f"cannot migrate {place.shown}: {error}") from error
    finally:
        engine.dispose()
    return HEAD


def upgrade_file(place: Place) -> None:
    """Create or upgrade a SQLite file; cheap when there is nothing to do.

    Raises:
        NotFound: There is no such folder; only `.holdfast` is made.
        StoreUnavailable: The file cannot be opened or written.
    """
    _make_folder(Path(place.path).parent)
    try:
        with closing(sqlite3.connect(place.path, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            version = _version_in_file(connection)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"cannot open {place.shown}: {error}") from error
    if version == HEAD:
        return
    engine = _writing_engine(place)
    try:
        with engine.begin() as upgrading:
            _bring_up(upgrading)
    except DBAPIError as error:
        raise StoreUnavailable(f"cannot migrate {place.shown}: {error.orig}") from error
    finally:
        engine.dispose()


def has_tables(place: Place) -> bool:
    """Whether a SQLite file that exists holds a trail, of whatever version. Changes nothing.

    Raises:
        StoreUnavailable: It is no SQLite file, or cannot be read.
    """
    try:
        with closing(sqlite3.connect(reading_uri(place.path), uri=True, timeout=5)) as connection:
            return _version_in_file(connection) is not None
    except sqlite3.Error as error:
        raise StoreUnavailable(f"cannot open {place.shown}: {error}") from error


def require_current(connection: Connection, place: Place) -> None:
    """Refuse a database whose tables are not of this version.

    Raises:
        SchemaOutdated: They are older or absent.
        UnknownRecord: They are newer.
    """
    version = _version(connection)
    if version is None or version < HEAD:
        has = f"has version {version} of the tables" if version else "has no Holdfast tables yet"
        raise SchemaOutdated(f"{place.shown} {has}; run: holdfast migrate --database '{place.shown}'")
    _refuse_newer(version)


def refuse_other(connection: Connection) -> None:
    """As `require_current`, for an open database that somebody may have migrated since.

    Raises:
        SchemaOutdated: Its tables are older now.
        UnknownRecord: They are newer.
    """
    version = _version(connection)
    if version is None or version < HEAD:
        raise SchemaOutdated
    _refuse_newer(version)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    if folder.name != ".holdfast" or not folder.parent.is_dir():
        raise NotFound(f"there is no folder {folder}: make it, or correct --database (or HOLDFAST_DATABASE)")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"cannot make {folder}: {error.strerror}") from error


def _bring_up(connection: Connection) -> None:
    version = _version(connection)
    if version is not None:
        _refuse_newer(version)
    if version == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - 0.2 s that only a migration is worth
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_newer(version: str) -> None:
    if version > HEAD:
        raise UnknownRecord(
            f"the tables have version {version}, this Holdfast knows {HEAD}: upgrade Holdfast before using them"
        )


def _version(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant


def _version_in_file(connection: sqlite3.Connection) -> str | None:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchone()
    if found is None:
        return None
    row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
    return row[0] if row else None


def _writing_engine(place: Place) -> Engine:
    """One whose transactions take the write lock at once, so that two processes never migrate together."""
    engine = create_engine(
        place.sqlalchemy_url, poolclass=NullPool, connect_args={"timeout": 30, "isolation_level": None}
    )

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "begin", begin)
    return engine
