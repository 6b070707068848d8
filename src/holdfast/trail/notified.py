"""Learns of other processes' commits to PostgreSQL: notifications for work, a cheap look at what is watched."""

import threading
from collections.abc import Sequence
from typing import Final

from holdfast.trail.bell import News
from holdfast.trail.listen import Moves
from holdfast.trail.place import Connections
from holdfast.trail.session import CHANNEL, Session, connect

_SEEN_ANYWAY: Final = 25
"""Looks after which everything watched is read though nobody announced anything: five seconds."""
_UNHEARD_EVERY_S: Final = 1.0


class PostgresChanges:
    """A connection that listens.

    Writers notify when something becomes claimable, parks or ends: each notification makes all commits of a
    database wait in line, so single steps are not announced. Who watches the steps of an execution gets those by a
    look at its last sequence number; who waits for its end hears of it.
    """

    def __init__(self, url: str) -> None:
        self._connection = connect(url, name="holdfast listener")
        self._connection.execute(f"LISTEN {CHANNEL}")
        self._moves = Moves()
        self._looks = 0

    def look(self, watched: Sequence[str], closely: Sequence[str], *, wait_s: float) -> News:
        """What was announced, and which watched executions moved, since the last look."""
        heard = list(self._connection.notifies(timeout=wait_s, stop_after=1))
        self._looks += 1
        everything = bool(heard) or self._looks % _SEEN_ANYWAY == 0
        return self._moves.news(_read(self._connection, watched if everything else closely), work=bool(heard))

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


class PostgresLooks:
    """A connection through a pooler, where nobody can listen: it looks, and takes it that there is work each time."""

    def __init__(self, url: str, connections: Connections) -> None:
        self._connection = connect(url, name="holdfast listener", connections=connections)
        self._moves = Moves()
        self._pause = threading.Event()
        self._unheard_s = 0.0

    def look(self, watched: Sequence[str], closely: Sequence[str], *, wait_s: float) -> News:
        """Which watched executions moved; once a second there may be work."""
        self._pause.wait(wait_s)
        self._unheard_s += wait_s
        due = self._unheard_s >= _UNHEARD_EVERY_S
        self._unheard_s = 0.0 if due else self._unheard_s
        return self._moves.news(_read(self._connection, watched if due else closely), work=due)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def _read(connection: Session, watched: Sequence[str]) -> dict[str, tuple[int, str]]:
    if not watched:
        return {}
    sql = "SELECT id, last_seq, status FROM agent_executions WHERE id = ANY(%s)"
    return {row[0]: (row[1], row[2]) for row in connection.execute(sql, (list(watched),))}
