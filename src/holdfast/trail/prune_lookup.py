"""Looks up what became of an execution that was pruned, for whoever asks for what is gone."""

from sqlalchemy import Connection, select

from holdfast.errors import Pruned
from holdfast.trail.prune_remains import gone
from holdfast.trail.reader import rows, sure
from holdfast.trail.schema import audit, executions, pruned


def pruned_word(connection: Connection, execution_id: str) -> Pruned | None:
    """The word to who asks for it; `None`: it was not pruned, or never was."""
    for row in rows(connection, select(executions.c.pruned_at).where(executions.c.id == execution_id)):
        at = row["pruned_at"]
        return None if at is None else gone(execution_id, sure(at), wholly=False)
    entries = select(pruned.c.entry).where(pruned.c.execution_id == execution_id)
    newest = select(audit.c.at).where(audit.c.seq.in_(entries)).order_by(audit.c.seq.desc()).limit(1)
    for row in rows(connection, newest):
        return gone(execution_id, sure(row["at"]), wholly=True)
    return None


def refuse_pruned(connection: Connection, execution_id: str) -> None:
    """Refuse to tell a journal of which only a part is there.

    Raises:
        Pruned: It was pruned.
    """
    if (word := pruned_word(connection, execution_id)) is not None:
        raise word
