"""Learns of other processes' commits to PostgreSQL: notifications for work, a cheap look at what is watched."""

from collections.abc import Sequence

from holdfast.trail.bell import News
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
        self._last: dict[str, tuple[int, str]] = {}

    def look(self, watched: Sequence[str], *, wait_s: float) -> News:
        """What was announced, and which watched executions moved, since the last look."""
        heard = list(self._connection.notifies(timeout=wait_s, stop_after=1))
        return News(executions=self._moved(watched), work=bool(heard))

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _moved(self, watched: Sequence[str]) -> set[str]:
        if not watched:
            self._last = {}
            return set()
        sql = "SELECT id, last_seq, status FROM agent_executions WHERE id = ANY(%s)"
        now = {row[0]: (row[1], row[2]) for row in self._connection.execute(sql, (list(set(watched)),))}
        before, self._last = self._last, now
        return {execution_id for execution_id, at in now.items() if before.get(execution_id) != at}
