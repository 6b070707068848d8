"""The writer's connection to a SQLite file: one transaction at a time, few and large statements.

Each step of a SQLite statement gives up Python's interpreter lock, and getting it back from a busy event loop
can take 5 ms. So many rows go in one statement, and many rows come back as one JSON text.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from holdfast.trail import credentials_sql, fair_sql, heads, prune_sql, subscriptions_sql, workers_sql
from holdfast.trail import outbox_sql as outbox
from holdfast.trail import sqlite_sql as wording
from holdfast.trail.batch import Needs
from holdfast.trail.controls import sql as controls
from holdfast.trail.controls.cell import Data, Key
from holdfast.trail.credentials_sql import Became
from holdfast.trail.database import Verdict
from holdfast.trail.fair import Lane, Look, Waiting
from holdfast.trail.heads import Head, Question, Started
from holdfast.trail.ledger import Ledger
from holdfast.trail.remembered import Remembered
from holdfast.trail.requests import Badge, Claim, Follow, Mail, Prune, Retire, Row, Sweep
from holdfast.trail.worker_requests import Lease, Steer
from holdfast.types import Peer, PruneBatch

BUSY_MS: Final = 1_000
"""How long one attempt waits for another process's transaction before the store counts as away."""
_AWAY: Final = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip
_AUTOCHECKPOINT: Final = 8192
"""Pages of the log after which it is written over from its beginning."""
_ROOM: Final = 8 * 1024 * 1024
"""Bytes that the log has from the start: a commit that makes a file longer takes the disk nearly twice the time."""
_CHUNKS: Final = (256, 64, 16, 4, 1)
"""Rows of one statement: few sizes, so that prepared statements are found again."""


def connect(path: str, *, busy_ms: int = BUSY_MS) -> sqlite3.Connection:
    """A connection whose commits survive a power cut."""
    connection = sqlite3.connect(
        # It was made when the trail was opened: one made here would be empty, in the place of one that is gone.
        f"file:{quote(path)}?mode=rw",
        uri=True,
        timeout=busy_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    for pragma in (
        "synchronous = FULL",
        f"wal_autocheckpoint = {_AUTOCHECKPOINT}",
        "journal_size_limit = 67108864",
        "cache_size = -32768",
        "secure_delete = OFF",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def _make_room(path: str) -> None:
    """Make the log as long as it soon will be; what is in it stays. The caller holds the lock for writing.

    To SQLite a log ends before the first frame whose checksum is wrong, so zeros behind the end are nothing. They
    are written rather than reserved: a file system notes when reserved room is first used, and that takes as long.
    """
    with suppress(OSError), Path(f"{path}-wal").open("r+b") as log:  # without room it works as well
        log.write(bytes(max(_ROOM - log.seek(0, os.SEEK_END), 0)))


class _Gone(Exception):
    """The file that is open is not the one at its path any more."""


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - before each transaction, and a third of the time of Path.stat
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteDatabase:
    """What the writer needs of a SQLite file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """The file that the connection has open."""
        self._version = 0
        """SQLite's count of what other connections committed, as this one last saw it."""
        self._remembered = Remembered()
        """True while nobody else writes."""

    # --- transactions

    def begin(self) -> None:
        if self._connection is None:
            self._connection, self._file = connect(self._path), _identity(self._path)
            self._run("BEGIN IMMEDIATE")
            _make_room(self._path)
        elif _identity(self._path) != self._file:
            # SQLite would go on writing to what nobody can find any more.
            raise _Gone(f"{self._path} was removed or replaced; put it back, or stop the worker")
        else:
            self._run("BEGIN IMMEDIATE")
        if self._version != (version := self._run("PRAGMA data_version").fetchone()[0]):
            self._version = version
            self._remembered.forget()

    def commit(self) -> None:
        self._run("COMMIT")

    def abandon(self) -> None:
        """Undo what is open and let go of the connection."""
        self._remembered.forget()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            # Closing rolls back; its own failure would only repeat the one that brought us here.
            with suppress(sqlite3.Error):
                connection.close()

    close = abandon

    @staticmethod
    def judge(error: Exception) -> Verdict:
        """Whether the file is away for now, or this batch's data is at fault."""
        if isinstance(error, _Gone):
            return "away"
        if isinstance(error, sqlite3.OperationalError):
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & 0xFF in _AWAY:
                return "away"
        return "data"

    # --- reading

    def load(self, needs: Needs) -> Ledger:
        family = self._rows(wording.FAMILY, _listed(needs.families)) if needs.families else []
        executions = {*needs.executions, *(of for _, of in family)}
        questions: list[Question] = []
        if needs.approvals or needs.questions_of:
            asked = {*needs.questions_of, *(below for _, below in family)}
            questions = [
                Question(*row) for row in self._rows(wording.QUESTIONS, _listed(needs.approvals), _listed(asked))
            ]
            executions.update(question.execution_id for question in questions)
        started: list[Started] = []
        if needs.starting:
            pairs = json.dumps(sorted(needs.keys))
            started = [Started(*row) for row in self._rows(wording.STARTED, _listed(needs.starting), pairs)]
        known = self._remembered.known(executions)
        unknown = executions.difference([head.id for head in known])
        signals = self._rows(wording.SIGNALS, json.dumps(sorted(needs.signals))) if needs.signals else []
        sent = [(execution_id, signal_id) for execution_id, signal_id in signals]
        return Ledger([*known, *self.heads(unknown)], questions, started, family, sent)

    def heads(self, ids: Iterable[str]) -> list[Head]:
        listed = list(ids)
        return [Head(*row) for row in self._rows(wording.HEADS, json.dumps(listed))] if listed else []

    def version(self) -> str:
        """Which definitions are in force."""
        if self._remembered.version is None:
            self._remembered.version = controls.version(self._run, controls.SQLITE)
        return self._remembered.version

    def definitions(self) -> list[tuple[Key, Data]]:
        """All that every process keeps of the controls."""
        return controls.definitions(self._run, controls.SQLITE)

    def cells(self, keys: Iterable[Key]) -> dict[Key, Data]:
        """Rows of the controls, locked."""
        return controls.cells(self._run, controls.SQLITE, keys)

    def has_event(self, event: Row) -> bool:
        """Whether an event or an entry of ours is there, to settle a commit of unknown outcome."""
        if len(event) == len(("seq", "hash")):
            return controls.has_entry(self._run, controls.SQLITE, event)
        execution_id, seq, *_, digest = event
        sql = "SELECT count(*) FROM agent_events WHERE execution_id = ? AND seq = ? AND hash = ?"
        return self._run(sql, (execution_id, seq, digest)).fetchone()[0] == 1

    # --- searches

    def claimable(self, claim: Claim) -> Ledger:
        values = (claim.worker_id, claim.at, claim.only, _listed(claim.agents), claim.at, claim.limit)
        return Ledger(self.heads(self._rows(fair_sql.SQLITE_ONE, *values)))

    def look(self, look: Look) -> Waiting:
        """Some of what waits at the highest priority."""
        values = {
            "agents": json.dumps(look.agents), "below": look.below, "lanes": look.lanes, "wanted": look.wanted,
            "heaviest": look.heaviest, "barred": _listed(look.barred), "worker": look.worker_id, "at": look.at,
        }  # fmt: skip
        found = json.loads(self._run(fair_sql.SQLITE_LOOK, values).fetchone()[0])
        return Waiting(**(found | {"lanes": [Lane(*lane) for lane in found["lanes"]]}))

    def take(self, ids: Sequence[str]) -> Ledger:
        """The rows of what a look found."""
        found = {head.id: head for head in self.heads(ids)}
        return Ledger(found[i] for i in ids)

    def make_ready(self, at: str, limit: int) -> int:
        """Let what was parked and is due stand with what is ready."""
        return self._run(fair_sql.SQLITE_READY, (at, limit)).rowcount

    def oldest(self, agent: str, worker_id: str) -> str | None:
        """Whose execution has waited longest."""
        row = self._run(fair_sql.SQLITE_OLDEST, (agent, worker_id)).fetchone()
        return row[0] if row else None

    def running(self) -> list[tuple[str, str, int]]:
        """Agents and users with how many executions run."""
        return [(agent, user, count) for agent, user, count in self._rows(fair_sql.SQLITE_RUNNING)]

    def alone(self) -> None:
        """Who writes to a file is alone."""

    def abandoned(self, sweep: Sweep | Retire) -> Ledger:
        """Executions without a live worker; forgets the dead ones."""
        dead = sweep.dead if isinstance(sweep, Sweep) else [sweep.worker_id]
        expired_by = sweep.at if isinstance(sweep, Sweep) else ""
        self._run(wording.FORGET_WORKERS, (json.dumps(list(dead)), expired_by))
        if isinstance(sweep, Retire):
            return Ledger(self.heads(self._rows(wording.HELD, sweep.worker_id)))
        return Ledger(self.heads(self._rows(wording.ABANDONED, sweep.limit)))

    def overdue(self, sweep: Sweep) -> Ledger:
        """Approvals past their time, with their executions and their executions' other open approvals."""
        found = self._rows(wording.OVERDUE, sweep.at, sweep.limit)
        return self.load(Needs(questions_of={execution_id for (execution_id,) in found}))

    def late(self, sweep: Sweep) -> set[str]:
        """Executions that were to have ended by now and that no worker holds."""
        return set(self._rows(fair_sql.SQLITE_LATE, sweep.at, sweep.limit))

    # --- writing

    def write(self, ledger: Ledger) -> None:
        self._insert("agent_executions", heads.NEW_EXECUTION_COLUMNS, ledger.new_executions)
        self._insert("agent_approvals", heads.NEW_QUESTION_COLUMNS, ledger.new_questions)
        self._insert("agent_events", heads.EVENT_COLUMNS, ledger.events)
        if ledger.calls:
            self._many(wording.upsert_calls, list(ledger.calls.values()))
        advanced = [head.advanced() for key, head in ledger.advanced.items() if key not in ledger.moved]
        self._update("agent_executions", heads.ADVANCED_COLUMNS, advanced)
        self._update("agent_executions", heads.MOVED_COLUMNS, [h.moved() for h in ledger.moved.values()])
        changed = [question.changed() for question in ledger.changed_questions.values()]
        self._update("agent_approvals", heads.CHANGED_COLUMNS, changed)
        for blob, at in ledger.blobs.values():
            row = (blob.digest, blob.content, blob.media_type, len(blob.content), ledger.at or at)
            self._run(wording.KEEP_BLOB, row)
        for kept in ledger.results.values():
            self._run(wording.KEEP_RESULT, kept.row)
            if kept.may_sweep:
                self._run(wording.SWEEP_RESULTS, (kept.row[0], kept.stale_before))
        controls.write(self._run, controls.SQLITE, ledger)
        self._insert("agent_outbox", heads.OUTBOX_COLUMNS, ledger.outgoing)
        for approval_id, row in ledger.feedback:
            self._run(wording.LEARN, (*row, row[1], approval_id))
        self._remembered.keep(ledger)

    def mail(self, request: Mail | Sweep) -> tuple[Row, ...]:
        """Take from the outbox, say what became of it, or tidy it; make, end or advance subscriptions."""
        if isinstance(request, Follow):
            return subscriptions_sql.serve(self._run, subscriptions_sql.SQLITE, request)
        return outbox.serve(self._run, outbox.SQLITE, request)

    def badge(self, request: Badge) -> Became:
        """Make a credential, end one, or note that it was used."""
        return credentials_sql.serve(self._run, credentials_sql.SQLITE, request)

    def prune(self, request: Prune) -> tuple[PruneBatch, Data | None]:
        """Take away executions or payloads."""
        return prune_sql.serve(self._run, prune_sql.SQLITE, request)

    def lease(self, request: Lease) -> bool:
        return workers_sql.lease(self._run, workers_sql.SQLITE, request)

    def peers(self, request: Sweep) -> tuple[Peer, ...]:
        """Workers with a live lease."""
        return workers_sql.peers(self._run, workers_sql.SQLITE, request)

    def steer(self, request: Steer) -> int | None:
        """Drain a worker, or unpin executions."""
        return workers_sql.steer(self._run, workers_sql.SQLITE, request)

    # --- statements

    def _run(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> sqlite3.Cursor:
        if self._connection is None:
            raise sqlite3.InterfaceError("not connected")
        return self._connection.execute(sql, values)

    def _rows(self, sql: str, *values: object) -> list[Any]:
        return json.loads(self._run(sql, values).fetchone()[0])

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if rows:
            self._many(lambda count: wording.insert_sql(table, columns, count), rows)

    def _update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if rows:
            self._many(lambda count: wording.update_sql(table, columns, count), rows)

    def _many(self, statement: Callable[[int], str], rows: Sequence[Row]) -> None:
        done, total = 0, len(rows)
        for size in _CHUNKS:
            while total - done >= size:
                self._run(statement(size), [value for row in rows[done : done + size] for value in row])
                done += size


def _listed(ids: Iterable[str]) -> str:
    return json.dumps(list(ids))
