"""The trail: one object that is journal, store and queue over one database, and how it is opened."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from holdfast.errors import NotFound
from holdfast.ports import Clock, NewId
from holdfast.trail.alerts import AlertSide
from holdfast.trail.bell import Bell
from holdfast.trail.committed import Observers
from holdfast.trail.control import ControlSide
from holdfast.trail.controls.breaker import BreakerRules
from holdfast.trail.credentials import CredentialSide
from holdfast.trail.database import Database
from holdfast.trail.glance import GlanceSide
from holdfast.trail.health import HealthSide
from holdfast.trail.journal import JournalSide
from holdfast.trail.listen import Changes, FileChanges, Listener
from holdfast.trail.lists import ListSide
from holdfast.trail.migrate import require_current, upgrade_file
from holdfast.trail.outbox import OutboxSide
from holdfast.trail.parts import Parts
from holdfast.trail.place import DIRECT, Connections, Place, locate
from holdfast.trail.prepare import Preparer
from holdfast.trail.prune import PruneSide
from holdfast.trail.questions import QuestionSide
from holdfast.trail.queue import QueueSide
from holdfast.trail.readable import writable
from holdfast.trail.reader import Reader
from holdfast.trail.redact import Redactor
from holdfast.trail.schedules import ScheduleSide
from holdfast.trail.sqlite import SqliteDatabase
from holdfast.trail.steering import SteeringSide
from holdfast.trail.store import StoreSide
from holdfast.trail.stretch import StretchSide
from holdfast.trail.subscriptions import SubscriptionSide
from holdfast.trail.writer import Writer

BREAKERS: Final = BreakerRules()
CAPACITY: Final = 10_000
"""Requests that may wait for the writer; further callers wait before they get in line."""


class Trail(
    JournalSide,
    StoreSide,
    QueueSide,
    ControlSide,
    OutboxSide,
    AlertSide,
    HealthSide,
    GlanceSide,
    CredentialSide,
    QuestionSide,
    ListSide,
    StretchSide,
    SubscriptionSide,
    ScheduleSide,
    PruneSide,
    SteeringSide,
):
    """Everything durable: the ports `Journal`, `Store`, `Queue`, `Outbox` and `UsedAnswers`. Made by `open_trail`."""

    def __init__(self, parts: Parts) -> None:
        JournalSide.__init__(self, parts)
        StoreSide.__init__(self, parts)
        QueueSide.__init__(self, parts)
        ControlSide.__init__(self, parts)
        OutboxSide.__init__(self, parts)
        AlertSide.__init__(self, parts)
        GlanceSide.__init__(self, parts)
        StretchSide.__init__(self, parts)
        CredentialSide.__init__(self, parts)
        QuestionSide.__init__(self, parts)
        ListSide.__init__(self, parts)
        HealthSide.__init__(self, parts)
        SubscriptionSide.__init__(self, parts)
        ScheduleSide.__init__(self, parts)
        PruneSide.__init__(self, parts)
        SteeringSide.__init__(self, parts)

    @property
    def observers(self) -> Observers:
        """Who is told of each commit of this process."""
        return self._parts.observers

    async def close(self, *, grace_s: float = 10) -> None:
        """Write what is queued, then let go of the database. Closing twice is fine.

        Args:
            grace_s: Seconds to wait for a database that is away. Default: 10.
        """
        if self._parts.writer is not None:
            await self._parts.writer.close(grace_s=grace_s)
        self._parts.bell.close()
        await asyncio.to_thread(self._parts.listener.close)
        await asyncio.to_thread(self._parts.reader.close)


async def open_trail(  # noqa: PLR0913 - what a trail depends on
    database: str,
    *,
    clock: Clock,
    new_id: NewId,
    redactor: Redactor,
    read_only: bool = False,
    capacity: int = CAPACITY,
    breakers: BreakerRules = BREAKERS,
    connections: Connections = DIRECT,
) -> Trail:
    """Open the trail at a file path, `sqlite:///path` or `postgresql://...`.

    A SQLite file is created and upgraded by itself, unless `read_only`; one that cannot be written is opened to read.

    Raises:
        UsageError: `database` is none of these.
        MissingExtra: It is PostgreSQL, and the driver is not installed.
        NotFound: `read_only`, and there is no such file.
        SchemaOutdated: The tables are older than this version: run `migrate`.
        UnknownRecord: They are newer.
        StoreUnavailable: The database cannot be reached.
    """
    place, why = locate(database), "open it without read_only=True"
    if not read_only and _is_unwritable(place):
        read_only, why = True, f"{place.path} cannot be written; make the file and its folder writable for this user"
    reader = await asyncio.to_thread(_prepare_place, place, read_only, connections)
    connection, open_changes = _drivers(place, new_id, connections)
    listener = Listener(open_changes)
    bell = Bell(on_first=lambda: listener.wake(bell))
    observers = Observers()
    writer = (
        None
        if read_only
        else Writer(
            connection, now=clock.now, ring=bell.ring, capacity=capacity, breakers=breakers, observers=observers
        )
    )
    return Trail(
        Parts(
            writer=writer,
            reader=reader,
            prepare=Preparer(redactor=redactor, clock=clock),
            bell=bell,
            listener=listener,
            clock=clock,
            observers=observers,
            why_read_only=why,
        )
    )


def _is_unwritable(place: Place) -> bool:
    return place.kind == "sqlite" and Path(place.path).exists() and not writable(place.path)


def _prepare_place(place: Place, read_only: bool, connections: Connections) -> Reader:  # noqa: FBT001 - private
    if place.kind == "sqlite":
        if not read_only:
            upgrade_file(place)
        elif not Path(place.path).exists():
            raise NotFound(f"there is no database {place.path}")
    reader = Reader(place, connections)
    try:
        reader.now(lambda connection: require_current(connection, place))
    except BaseException:
        reader.close()
        raise
    return reader


def _drivers(place: Place, new_id: NewId, connections: Connections) -> tuple[Database, Callable[[], Changes]]:
    if place.kind == "sqlite":
        return SqliteDatabase(place.path), lambda: FileChanges(place.path)
    from holdfast.trail.notified import PostgresChanges, PostgresLooks  # noqa: PLC0415 - an extra
    from holdfast.trail.postgres import PostgresDatabase  # noqa: PLC0415 - an extra

    key = int.from_bytes(sha256(new_id().encode()).digest()[:8], "big", signed=True)
    writer = PostgresDatabase(place.path, writer_key=key, connections=connections)
    if connections.pooled and connections.listen_at is None:
        return writer, lambda: PostgresLooks(place.path, connections)
    return writer, lambda: PostgresChanges(locate(connections.listen_at or place.path).path)
