"""Learns of other processes' commits to PostgreSQL: notifications for work, a cheap look at what is watched."""

from collections.abc import Sequence

from holdfast.trail.bell import News
from holdfast.trail.listen import Moves
from holdfast.trail.postgres import CHANNEL, connect


class PostgresChanges:
    """A connection that listens.

    Writers notify when something becomes claimable, parks or ends: each notification makes all commits of a
    database wait in line, so single steps are not announced. Who watches an execution gets those by a look at
    its last sequence number.
    """

    def __init__(self, url: str) -> None:
        self._connection = connect(url, name="holdfast listener")
        self._connection.execute(f"LISTEN {CHANNEL}")
        self._moves = Moves()

    def look(self, watched: Sequence[str], *, wait_s: float) -> News:
        """What was announced, and which watched executions moved, since the last look."""
        heard = list(self._connection.notifies(timeout=wait_s, stop_after=1))
        return self._moves.news(self._read(watched), work=bool(heard))

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _read(self, watched: Sequence[str]) -> dict[str, tuple[int, str]]:
        if not watched:
            return {}
        sql = "SELECT id, last_seq, status FROM agent_executions WHERE id = ANY(%s)"
        return {row[0]: (row[1], row[2]) for row in self._connection.execute(sql, (list(watched),))}
