"""Notices what other processes commit, a few times a second, and only while somebody here waits for it."""

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from holdfast.trail.bell import Bell, News
from holdfast.trail.readable import reading_uri, writable
from holdfast.trail.sqlite import connect

LOOK_EVERY_S: Final = 0.2
_AFTER_TROUBLE_S: Final = 1.0


class Changes(Protocol):
    """A connection that learns of other processes' commits."""

    def look(self, watched: Sequence[str], closely: Sequence[str], *, wait_s: float) -> News:
        """What changed since the last look; waits up to `wait_s` for the first sign of it.

        Args:
            watched: Executions that somebody waits for.
            closely: Those among them of which every step is wanted, not only the end.
            wait_s: Seconds.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Moves:
    """Which of the watched executions moved, and which of these may have settled, since the last look."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, str]] = {}

    def news(self, now: Mapping[str, tuple[int, str]], *, work: bool) -> News:
        """From id to last sequence number and status, as they are now."""
        before, self._last = self._last, dict(now)
        moved = {execution_id for execution_id, at in now.items() if before.get(execution_id) != at}
        settled = {execution_id for execution_id in moved if now[execution_id][1] != "running"}
        return News(executions=moved, settled=settled, work=work, mail=work)


class FileChanges:
    """Of a SQLite file: its change counter tells that a connection committed, a look what moved."""

    def __init__(self, path: str) -> None:
        self._connection = connect(path) if writable(path) else _connect_to_read(path)
        self._version = self._now()
        self._pause = threading.Event()
        self._moves = Moves()

    def look(self, watched: Sequence[str], closely: Sequence[str], *, wait_s: float) -> News:  # noqa: ARG002 - one counter tells of all
        self._pause.wait(wait_s)
        before, self._version = self._version, self._now()
        if before == self._version:
            return News()
        return self._moves.news(self._read(watched), work=True)

    def close(self) -> None:
        self._connection.close()

    def _now(self) -> int:
        return self._connection.execute("PRAGMA data_version").fetchone()[0]

    def _read(self, watched: Sequence[str]) -> dict[str, tuple[int, str]]:
        if not watched:
            return {}
        sql = (
            "SELECT id, last_seq, status FROM agent_executions "
            "WHERE id IN (SELECT value FROM json_each(?))"  # any number of them in one parameter
        )
        return {row[0]: (row[1], row[2]) for row in self._connection.execute(sql, (json.dumps(watched),))}


def _connect_to_read(path: str) -> sqlite3.Connection:
    return sqlite3.connect(reading_uri(path), uri=True, timeout=1, isolation_level=None, check_same_thread=False)


class Listener:
    """A thread that rings the bell for other processes' commits. Starts with the first who waits.

    Args:
        open_changes: Connects to the database.
    """

    def __init__(self, open_changes: Callable[[], Changes]) -> None:
        self._open = open_changes
        self._thread: threading.Thread | None = None
        self._wanted = threading.Event()
        self._closed = threading.Event()

    def wake(self, bell: Bell) -> None:
        """Somebody waits: look from now on."""
        self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(bell,), name="holdfast-listener", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop looking; returns within one look."""
        self._closed.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self, bell: Bell) -> None:
        while not self._closed.is_set():
            try:
                self._listen(bell)
            except Exception:  # noqa: BLE001 - the database may be away in any way; the writer's health says so
                self._closed.wait(_AFTER_TROUBLE_S)

    def _listen(self, bell: Bell) -> None:
        changes = self._open()
        try:
            bell.ring(News(everything=True))  # whatever was committed before there was a connection
            while not self._closed.is_set():
                self._wanted.wait()
                self._look(changes, bell)
        finally:
            changes.close()

    def _look(self, changes: Changes, bell: Bell) -> None:
        if not bell.waited_for():
            self._wanted.clear()
            if not bell.waited_for():  # nobody came between the two looks
                return
        if news := changes.look(bell.watched(), bell.watched_closely(), wait_s=LOOK_EVERY_S):
            bell.ring(news)
