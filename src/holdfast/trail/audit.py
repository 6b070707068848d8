"""Checks that nobody changed the journal: every hash again, from the rows alone."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Text, collate, func, select
from sqlalchemy.exc import SQLAlchemyError

from holdfast.errors import NotFound
from holdfast.trail.codec import GENESIS, blob_refs, canonical, chain, stamp
from holdfast.trail.controls.sql import AUDIT
from holdfast.trail.events import JOURNAL_PRUNED
from holdfast.trail.migrate import require_current
from holdfast.trail.place import Connections, locate
from holdfast.trail.prune_audit import PrunedRow, Prunings, parsed
from holdfast.trail.prune_remains import ENTRY, Stored, Sum
from holdfast.trail.reader import Reader, columns
from holdfast.trail.schema import audit as changes
from holdfast.trail.schema import blobs, controls, events, executions
from holdfast.trail.schema import pruned as pruned_rows

_AT_ONCE: Final = 1_000
"""Rows that are in memory at a time."""
_PAYLOADS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One row of `agent_events`, as it is stored."""

    execution_id: str
    seq: int
    kind: str
    version: int
    data: str
    """JSON, with references to blobs; any spelling of it."""
    at: str | datetime
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """What an execution's row says of the end of its journal."""

    id: str
    last_seq: int
    last_hash: str
    pruned: bool = False
    """Whether it says that only a part of its journal is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRow:
    """A stored payload."""

    digest: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A row that is not what was written."""

    execution_id: str | None
    """`None` for a payload, which belongs to no single execution."""
    seq: int | None
    problem: str

    def __str__(self) -> str:
        if self.execution_id == AUDIT:
            return f"operators' record, entry {self.seq}: {self.problem}"
        event = f", event {self.seq}" if self.seq is not None else ""
        where = f"execution {self.execution_id}{event}: " if self.execution_id else ""
        return f"{where}{self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an audit found."""

    executions: int
    events: int
    blobs: int
    changes: int
    """Entries of the operators' record."""
    first: Broken | None
    """The first broken row, in the order of execution ids."""
    broken: int
    """How many rows are broken."""
    pruned: int = 0
    """Executions that were pruned, as the operators' record says."""
    record_hash: str = field(default=GENESIS, compare=False)
    """Of the last entry of the operators' record: noted elsewhere, it shows a record that was written anew."""

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return self.broken == 0


@dataclass(slots=True)
class _Tally:
    executions: int = 0
    events: int = 0
    blobs: int = 0
    changes: int = 0
    record_hash: str = GENESIS
    broken: int = 0
    first: Broken | None = None
    wanted: set[str] = field(default_factory=set[str])
    """Payloads that events refer to and that were not seen yet."""

    def note(self, execution_id: str | None, seq: int | None, problem: str) -> None:
        self.broken += 1
        self.first = self.first or Broken(execution_id=execution_id, seq=seq, problem=problem)


def verify(
    rows: Iterable[EventRow],
    *,
    heads: Iterable[HeadRow] | None = None,
    payloads: Iterable[BlobRow] | None = None,
    record: tuple[Iterable[EventRow], HeadRow] | None = None,
    pruned: Iterable[PrunedRow] = (),
) -> Report:
    """Recompute every hash and compare.

    Reads each input once and keeps no rows, so that they may be longer than memory.

    Args:
        rows: Events, by execution id in order of code points, then by sequence number.
        heads: The executions in the same order: shows events cut off at the end. Default: not compared.
        payloads: The blobs. Default: not compared.
        record: The operators' record and what is known of its end. Default: not compared.
        pruned: What was pruned, in the same order, then by entry. Default: nothing.
    """
    tally = _Tally()
    prunings = Prunings(pruned, tally.note)
    waiting = iter(heads) if heads is not None else None
    head = next(waiting, None) if waiting is not None else None
    for execution_id, journal in groupby(rows, key=attrgetter("execution_id")):
        tally.executions += 1
        while waiting is not None and head is not None and head.id < execution_id:
            _compare_end(tally, head, 0, GENESIS, prunings.of(head.id))
            head = next(waiting, None)
        known = prunings.of(execution_id)
        left = known.remains if known is not None else None
        seq, digest = _walk(tally, execution_id, journal, left)
        if head is not None and head.id == execution_id:
            _compare_end(tally, head, seq, digest, known)
            head = next(waiting, None) if waiting is not None else None
        elif waiting is not None:
            tally.note(execution_id, 1, "there is no such execution: its row was removed, or its events were added")
    for rest in [] if waiting is None or head is None else [head, *waiting]:
        _compare_end(tally, rest, 0, GENESIS, prunings.of(rest.id))
    prunings.finish()
    if payloads is not None:
        _compare_payloads(tally, payloads)
    if record is not None:
        _check_record(tally, *record, prunings)
    return Report(
        executions=tally.executions,
        events=tally.events,
        blobs=tally.blobs,
        changes=tally.changes,
        first=tally.first,
        broken=tally.broken,
        pruned=prunings.count,
        record_hash=tally.record_hash,
    )


async def verify_database(database: str) -> Report:
    """Audit a whole database, as it is at this moment; what goes on meanwhile neither waits nor disturbs.

    Raises:
        UsageError: `database` is no file and no URL.
        NotFound: There is no such file.
        SchemaOutdated: There are no tables of this version.
        StoreUnavailable: It cannot be reached.
    """
    return await asyncio.to_thread(_verify_now, database)


def _check_record(tally: _Tally, entries: Iterable[EventRow], head: HeadRow, prunings: Prunings) -> None:
    own = _Tally()
    seq, digest = _walk(own, AUDIT, _compared(own, entries, prunings))
    tally.changes, tally.record_hash = own.events, digest
    for entry in prunings.unclaimed():
        own.note(AUDIT, entry, "agent_pruned has executions that it pruned, and it is no pruning: they were cut")
    if own.first is None and (head.last_seq, head.last_hash) != (seq, digest):
        own.note(AUDIT, seq + 1, f"the record ends otherwise than is known: it had {head.last_seq} entries")
    tally.broken += own.broken
    tally.first = tally.first or own.first


def _compared(own: _Tally, entries: Iterable[EventRow], prunings: Prunings) -> Iterator[EventRow]:
    """The entries, those of prunings compared with what was pruned."""
    for row in entries:
        yield row
        if row.kind == ENTRY and (problem := prunings.check(row.seq, parsed(row.data))):
            own.note(AUDIT, row.seq, problem)


def _walk(tally: _Tally, execution_id: str, journal: Iterable[EventRow], left: str | None = None) -> tuple[int, str]:
    """Follow one chain; its last sequence number and hash. After a broken row it goes on from what is stored.

    Of a pruned journal, where `left` is the digest of what stays of it, one row may stand for a run of events.
    """
    expected, previous, whole, broken = 1, GENESIS, Sum(), tally.broken
    for row in journal:
        tally.events += 1
        stands_for = _stands_for(row) if left is not None else 1
        if row.seq != expected + stands_for - 1:
            tally.note(execution_id, expected, f"missing: the next event there is has number {row.seq}")
        elif (left is None or row.kind != JOURNAL_PRUNED) and (problem := _problem(tally, row, previous)):
            tally.note(execution_id, row.seq, problem)
        if left is not None and tally.broken == broken:
            whole.add(Stored(row.seq, row.kind, row.version, stamp(_moment(row.at)), row.hash, row.data))
        expected, previous = row.seq + 1, row.hash
    if left is not None and tally.broken == broken and whole.digest() != left:
        tally.note(execution_id, expected - 1, "what stays is not what pruning left: a row was changed or removed")
    return expected - 1, previous


def _stands_for(row: EventRow) -> int:
    if row.kind != JOURNAL_PRUNED:
        return 1
    count = parsed(row.data).get("events")
    return count if isinstance(count, int) else 1


def _problem(tally: _Tally, row: EventRow, previous: str) -> str | None:
    try:
        data = json.loads(row.data)
    except ValueError:
        return "its data is no JSON"
    try:
        at = stamp(_moment(row.at))
    except ValueError:
        return f"its time is no time: {row.at!r}"
    if '$blob"' in row.data:
        tally.wanted |= blob_refs(data)
    found = chain(
        previous,
        execution_id=row.execution_id,
        seq=row.seq,
        kind=row.kind,
        version=row.version,
        at=at,
        text=canonical(data),
    )
    if found == row.hash:
        return None
    return (
        f"its hash is {row.hash[:12]}..., and its content after the event before it gives {found[:12]}...: "
        f"kind, version, time, data or hash ({row.kind}) was changed"
    )


def _moment(at: str | datetime) -> datetime:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _compare_end(tally: _Tally, head: HeadRow, seq: int, digest: str, known: PrunedRow | None) -> None:
    if seq == 0:
        tally.executions += 1
    if problem := _falsely_pruned(head, known):
        tally.note(head.id, None, problem)
        return
    if head.last_seq > seq:
        tally.note(
            head.id, seq + 1, f"missing: the journal ends before it, and the execution has {head.last_seq} events"
        )
    elif head.last_seq < seq:
        tally.note(head.id, head.last_seq + 1, f"too many: the execution has {head.last_seq} events")
    elif head.last_hash != digest:
        tally.note(head.id, seq, f"its hash is not the last one that the execution knows, {head.last_hash[:12]}...")


def _falsely_pruned(head: HeadRow, known: PrunedRow | None) -> str | None:
    """What is wrong about what an execution says of its pruning."""
    if known is None:
        return None if not head.pruned else "it says that it was pruned, and the operators' record does not: it was cut"
    if known.remains is None:
        return f"entry {known.entry} of the operators' record pruned all of it, and it is there"
    if not head.pruned:
        return f"entry {known.entry} of the operators' record pruned it, and it does not say so"
    if (known.last_seq, known.last_hash) != (head.last_seq, head.last_hash):
        return f"it ended otherwise when entry {known.entry} of the operators' record pruned it"
    return None


def _compare_payloads(tally: _Tally, payloads: Iterable[BlobRow]) -> None:
    for payload in payloads:
        tally.blobs += 1
        tally.wanted.discard(payload.digest)
        if hashlib.sha256(payload.content).hexdigest() != payload.digest:
            tally.note(None, None, f"blob {payload.digest}: its content was changed")
    for digest in sorted(tally.wanted):
        tally.note(None, None, f"blob {digest}: missing, and an event refers to it")


# --- from a database --------------------------------------------------------------------------------------


def _verify_now(database: str) -> Report:
    place = locate(database)
    if place.kind == "sqlite" and not Path(place.path).exists():
        raise NotFound(f"there is no database {place.path}")
    reader = Reader(place, Connections(pooled=True))  # whatever the address leads to
    try:
        reader.now(lambda connection: require_current(connection, place))
        return reader.now(_verify_connection)
    finally:
        reader.close()


def _verify_connection(connection: Connection) -> Report:
    # One snapshot for all three: a worker that appends meanwhile must not look like a forger.
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        return verify(
            _events(connection),
            heads=_heads(connection),
            payloads=_blobs(connection),
            record=_record(connection),
            pruned=_pruned(connection),
        )
    finally:
        with suppress(SQLAlchemyError):  # a connection that was lost has nothing to roll back, and its loss is told
            connection.exec_driver_sql("ROLLBACK")


def _events(connection: Connection) -> Iterator[EventRow]:
    c = events.c
    query = select(*columns(events)).order_by(_in_order(connection, c.execution_id), c.seq)
    for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
        yield EventRow(**row)


def _heads(connection: Connection) -> Iterator[HeadRow]:
    c = executions.c
    query = select(c.id, c.last_seq, c.last_hash, c.pruned_at).order_by(_in_order(connection, c.id))
    for identity, last_seq, last_hash, at in connection.execute(query.execution_options(yield_per=_AT_ONCE)):
        yield HeadRow(id=identity, last_seq=last_seq, last_hash=last_hash, pruned=at is not None)


def _pruned(connection: Connection) -> Iterator[PrunedRow]:
    c = pruned_rows.c
    query = select(pruned_rows).order_by(_in_order(connection, c.execution_id), c.entry)
    for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
        yield PrunedRow(**row)


def _blobs(connection: Connection) -> Iterator[BlobRow]:
    query = select(blobs.c.digest, blobs.c.content).order_by(blobs.c.digest)
    for digest, content in connection.execute(query.execution_options(yield_per=_PAYLOADS_AT_ONCE)):
        yield BlobRow(digest=digest, content=bytes(content))


def _record(connection: Connection) -> tuple[Iterator[EventRow], HeadRow]:
    known = select(controls.c.data).where(controls.c.kind == "record")
    end = json.loads(connection.execute(known.with_only_columns(func.cast(controls.c.data, Text))).scalar() or "{}")
    head = HeadRow(id=AUDIT, last_seq=end.get("seq", 0), last_hash=end.get("hash", GENESIS))
    return _entries(connection), head


def _entries(connection: Connection) -> Iterator[EventRow]:
    query = select(*columns(changes)).order_by(changes.c.seq)
    for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
        yield EventRow(execution_id=AUDIT, version=1, **row)


def _in_order(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """By code points, as Python compares, whatever order the database was made with."""
    return collate(column, "C") if connection.dialect.name == "postgresql" else column
