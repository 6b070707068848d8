"""One journal in parts: its outline, and stretches of it as they are stored, so that a long one is never read whole."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from holdfast.trail.events import MODEL_REQUESTED
from holdfast.trail.parts import Parts
from holdfast.trail.prune_lookup import refuse_pruned
from holdfast.trail.queries import as_stored_events
from holdfast.trail.reader import columns, rows, sure
from holdfast.trail.schema import events
from holdfast.types import Event, Outline

_C: Final = events.c
_CHANGES_MOST: Final = 500


class StretchSide:
    """Reads parts of journals."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def outline(self, execution_id: str) -> Outline:
        """Where its turns begin, without what they hold."""
        return await self._parts.reader.run(partial(outline, execution_id=execution_id))

    async def stretch(self, execution_id: str, *, after: int, until: int) -> Sequence[Event]:
        """Events above `after`, up to and including `until`; blobs stay references, `{"$blob": digest, "bytes": n}`."""
        return await self._parts.reader.run(partial(stretch, execution_id=execution_id, after=after, until=until))

    async def changes_of(self, execution_id: str) -> Sequence[Event]:
        """What happened to it as a whole: its start, claims, parkings, retries and end; the newest 500."""
        return await self._parts.reader.run(partial(changes_of, execution_id=execution_id))


def remaining(connection: Connection, *, execution_id: str) -> list[Event]:
    """What stays of a journal that was pruned, in order."""
    query = select(*columns(events)).where(_C.execution_id == execution_id)
    return as_stored_events(rows(connection, query.order_by(_C.seq)))


def outline(connection: Connection, *, execution_id: str) -> Outline:
    """By the primary key; what events hold is not read."""
    refuse_pruned(connection, execution_id)
    of = select(_C.seq).where(_C.execution_id == execution_id, _C.kind == MODEL_REQUESTED).order_by(_C.seq)
    turns = [row["seq"] for row in rows(connection, of)]
    ends = select(func.min(_C.at).label("first"), func.max(_C.at).label("last"), func.max(_C.seq).label("seq"))
    (found,) = rows(connection, ends.where(_C.execution_id == execution_id))
    return Outline(
        turns=tuple(turns),
        last_seq=found["seq"] or 0,
        began_at=sure(found["first"]) if found["first"] else None,
        last_at=sure(found["last"]) if found["last"] else None,
    )


def stretch(connection: Connection, *, execution_id: str, after: int, until: int) -> list[Event]:
    """In order."""
    refuse_pruned(connection, execution_id)
    query = select(*columns(events)).where(_C.execution_id == execution_id, _C.seq > after, _C.seq <= until)
    return as_stored_events(rows(connection, query.order_by(_C.seq)))


def changes_of(connection: Connection, *, execution_id: str) -> list[Event]:
    """In order."""
    refuse_pruned(connection, execution_id)
    whole = (_C.kind.startswith("execution.")) & (_C.execution_id == execution_id)
    query = select(*columns(events)).where(whole).order_by(_C.seq.desc()).limit(_CHANGES_MOST)
    return as_stored_events(rows(connection, query))[::-1]
