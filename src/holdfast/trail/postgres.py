"""The writer's connection to PostgreSQL: one pipelined transaction at a time, statements over sets of rows.

Locks are taken in one order (executions by id, then new keys, then blobs), and searches skip what is locked, so
that two processes never wait for each other in a circle.
"""

import select
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import Cursor, Pipeline, errors

from holdfast.trail import credentials_sql, fair_sql, heads, prune_sql, subscriptions_sql, workers_sql
from holdfast.trail import outbox_sql as outbox
from holdfast.trail import postgres_sql as wording
from holdfast.trail.batch import Needs
from holdfast.trail.codec import canonical
from holdfast.trail.controls import sql as controls
from holdfast.trail.controls.cell import Data, Key
from holdfast.trail.credentials_sql import Became
from holdfast.trail.database import Verdict
from holdfast.trail.fair import Lane, Look, Waiting
from holdfast.trail.heads import Head, Question, Started
from holdfast.trail.ledger import Ledger
from holdfast.trail.place import DIRECT, Connections
from holdfast.trail.remembered import Remembered
from holdfast.trail.requests import Badge, Claim, Follow, Mail, Prune, Retire, Row, Sweep
from holdfast.trail.session import CHANNEL, FOR_THE_TRANSACTION, Session, connect
from holdfast.trail.worker_requests import Lease, Steer
from holdfast.types import Peer, PruneBatch

_ROWS_AT_ONCE: Final = 1_000
_DOUBT_S: Final = 1.0
"""How long rows are read before each write once what was remembered was wrong: that costs a connection."""
_SEND_S: Final = 15.0
_AWAY: Final = ("08", "25", "53", "55", "57", "58")
"""Classes of SQLSTATE: connection, read-only server, resources (disk full), locks, shutdown, system."""


class PostgresDatabase:
    """What the writer needs of PostgreSQL.

    Args:
        url: The server and the database.
        writer_key: Names this writer. Its transactions hold a lock of that name, so after a lost connection the
            next one begins when the server has finished the last.
        connections: How the server is connected to. Default: as its own address allows.
    """

    def __init__(self, url: str, *, writer_key: int, connections: Connections = DIRECT) -> None:
        self._url, self._connections = url, connections
        self._writer_key = writer_key
        self._connection: Session | None = None
        self._pipelining: AbstractContextManager[Pipeline] | None = None
        self._pipeline: Pipeline | None = None
        self._news = False
        self._asked_version: Cursor[tuple[Any, ...]] | None = None
        self._version: str | None = None
        """Which definitions of the controls are in force in this transaction."""
        self._remembered = Remembered()
        """Checked by the transaction that goes by it."""
        self._trusts_from = 0.0
        """When it goes by what it remembers again, by `monotonic`."""

    # --- transactions

    def begin(self) -> None:
        if self._connection is None:
            self._connection = connect(self._url, name="holdfast writer", connections=self._connections)
            self._pipelining = self._connection.pipeline()
            self._pipeline = self._pipelining.__enter__()
        self._news = False
        self._run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        if self._connections.pooled:
            self._run(FOR_THE_TRANSACTION)
        # Asked before anybody wants to know: the answer comes with that to the next question, at no round trip.
        self._asked_version = self._run(wording.LOCK_WRITER, (self._writer_key,))
        self._version = None

    def commit(self) -> None:
        if self._news:
            self._run("SELECT pg_notify(%s, '')", (CHANNEL,))
        committing = self._run("COMMIT")
        self._send_all()
        if self._pipeline is not None:
            self._pipeline.sync()
        if committing.statusmessage != "COMMIT":
            raise errors.InFailedSqlTransaction("the transaction was rolled back")

    def abandon(self) -> None:
        """Undo what is open and let go of the connection."""
        self._remembered.forget()
        self._trusts_from = time.monotonic() + _DOUBT_S
        connection, self._connection = self._connection, None
        pipelining, self._pipelining, self._pipeline = self._pipelining, None, None
        # The server rolls back when the connection ends; what fails here only repeats what brought us here.
        with suppress(psycopg.Error):
            if connection is not None:
                connection.pgconn.finish()
        with suppress(psycopg.Error):
            if pipelining is not None:
                pipelining.__exit__(None, None, None)

    @staticmethod
    def judge(error: Exception) -> Verdict:
        """Whether the server is away for now, somebody was faster, or this batch's data is at fault."""
        if not isinstance(error, psycopg.Error):
            return "data"
        state = error.sqlstate
        if state is None:
            connection_lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
            return "again" if isinstance(error, errors.PipelineAborted) else "away" if connection_lost else "data"
        if isinstance(error, errors.DivisionByZero):
            return "stale"
        if state.startswith("40") or isinstance(error, errors.UniqueViolation):
            return "again"
        return "away" if state.startswith(_AWAY) else "data"

    # --- reading

    def load(self, needs: Needs) -> Ledger:
        if (trusted := self._trust(needs)) is not None:
            return trusted
        family = self._rows(wording.FAMILY, list(needs.families), list(needs.families)) if needs.families else []
        executions = {*needs.executions, *(of for _, of in family)}
        questions_of = {*needs.questions_of, *(below for root, below in family if root is not None)}
        if needs.approvals:
            sql = "SELECT execution_id FROM agent_approvals WHERE id = ANY(%s)"
            found = {row[0] for row in self._rows(sql, list(needs.approvals))}
            executions |= found
            questions_of |= found
        locked = self._heads(wording.LOCK_HEADS, executions)
        questions = self._questions(needs.approvals, questions_of)
        return Ledger(locked, questions, self._started(needs), family, self._signals(needs))

    def _trust(self, needs: Needs) -> Ledger | None:
        """What is remembered of these, to be checked as it is committed: a round trip less."""
        found = self._remembered.known(needs.executions) if needs.only_executions else []
        if not found or len(found) < len(needs.executions) or self._remembered.version is None:
            return None
        if time.monotonic() < self._trusts_from:
            return None
        self._version = self._remembered.version
        known = [[head.id for head in found], [head.fence for head in found], [head.last_hash for head in found]]
        self._run(wording.STILL, (*known, len(found), self._version))
        return Ledger(found)

    def version(self) -> str:
        """Which definitions are in force."""
        if self._version is None and self._asked_version is not None:
            self._version = str(self._asked_version.fetchall()[0][0])
            self._remembered.version = self._version
        return self._version or ""

    def definitions(self) -> list[tuple[Key, Data]]:
        """All that every process keeps of the controls."""
        return controls.definitions(self._run, controls.POSTGRES)

    def cells(self, keys: Iterable[Key]) -> dict[Key, Data]:
        """Rows of the controls, locked."""
        return controls.cells(self._run, controls.POSTGRES, keys)

    def has_event(self, event: Row) -> bool:
        """Whether an event or an entry of ours is there, to settle a commit of unknown outcome."""
        if len(event) == len(("seq", "hash")):
            return controls.has_entry(self._run, controls.POSTGRES, event)
        execution_id, seq, *_, digest = event
        sql = "SELECT count(*) FROM agent_events WHERE execution_id = %s AND seq = %s AND hash = %s"
        return self._rows(sql, execution_id, seq, digest)[0][0] == 1

    def _heads(self, sql: str, ids: Iterable[str]) -> list[Head]:
        listed = sorted(ids)
        return [Head(*row) for row in self._rows(sql, listed)] if listed else []

    def _questions(self, ids: Iterable[str], questions_of: Iterable[str]) -> list[Question]:
        by_id, by_execution = list(ids), list(questions_of)
        if not by_id and not by_execution:
            return []
        return [Question(*row) for row in self._rows(wording.QUESTIONS, by_id, by_execution)]

    def _signals(self, needs: Needs) -> list[tuple[str, str]]:
        """Of what is sent, what was sent before; to be asked when the executions are locked."""
        if not needs.signals:
            return []
        sent = sorted(needs.signals)
        found = self._rows(wording.SIGNALS, [execution for execution, _ in sent], [name for _, name in sent])
        return [(execution_id, signal_id) for execution_id, signal_id in found]

    def _started(self, needs: Needs) -> list[Started]:
        if not needs.starting:
            return []
        keys = sorted(needs.keys)
        found = self._rows(wording.STARTED, list(needs.starting), [a for a, _ in keys], [k for _, k in keys])
        return [Started(i, agent, key, canonical(data), gone) for i, agent, key, data, gone in found]

    # --- searches

    def claimable(self, claim: Claim) -> Ledger:
        values = [claim.worker_id, list(claim.agents), claim.at, claim.only, claim.limit]
        return Ledger(Head(*row) for row in self._rows(wording.CLAIMABLE, *values))

    def look(self, look: Look) -> Waiting:
        """Some of what waits at the highest priority, locked, leaving out what others hold."""
        values = {
            "agents": [agent for agent, _ in look.agents], "starts": [start for _, start in look.agents],
            "below": look.below, "lanes": look.lanes, "wanted": look.wanted, "heaviest": look.heaviest,
            "barred": list(look.barred), "worker": look.worker_id, "at": look.at,
        }  # fmt: skip
        # Planned anew it takes three times as long as it runs, and its plan depends on no value.
        self._run("SET LOCAL plan_cache_mode = force_generic_plan")
        looked = self._run(fair_sql.POSTGRES_LOOK, values)
        self._run("SET LOCAL plan_cache_mode = auto")
        first, *rest = looked.fetchall()
        _, _, _, _, _, priority, depth, walked, lower, due = first
        names = [
            (agent, lane, [pin for pin in pins if pin is not None]) for _, agent, lane, *pins, _, _, _, _, _ in rest
        ]
        lanes = list(self._locked(names, priority, depth, look))
        walked = walked if len(lanes) == len(names) else look.lanes
        return Waiting(priority=priority, lanes=lanes, lower=bool(lower), due=due, depth=depth, walked=walked)

    def _locked(
        self, lanes: Sequence[tuple[str, str, list[str]]], priority: int, depth: int, look: Look
    ) -> Iterable[Lane]:
        """Lock no more lanes than it takes: what is locked is hidden from other workers.

        The first lane of an agent is the one that had the last turn: it counts only where the others have nothing.
        """
        first, found = len(look.agents), 0
        for start in range(0, len(lanes), look.wanted + first):
            some = lanes[start : start + look.wanted + first]
            of_each: list[list[tuple[datetime, str]]] = [[] for _ in some]
            asked = [(n, agent, lane, pin) for n, (agent, lane, pins) in enumerate(some) for pin in pins]
            columns = [list(column) for column in zip(*asked, strict=True)]
            for n, created_at, execution_id in self._rows(fair_sql.POSTGRES_TAKE, *columns, priority, depth):
                of_each[int(n)].append((created_at, str(execution_id)))
            for n, ((agent, lane, _), own) in enumerate(zip(some, of_each, strict=True), start):
                # Of both queues together, as of each: no deeper than the look goes.
                ids = [execution_id for _, execution_id in sorted(own)[:depth]]
                found += len(ids) if n >= first else 0
                yield Lane(agent, lane, ids)
            if found >= look.wanted:
                return

    def take(self, ids: Sequence[str]) -> Ledger:
        """The rows of what a look found."""
        found = {head.id: head for head in self._heads(wording.LOCK_HEADS, ids)}
        return Ledger(found[i] for i in ids)

    def make_ready(self, at: str, limit: int) -> int:
        """Let what was parked and is due stand with what is ready."""
        waked = self._run(fair_sql.POSTGRES_READY, (at, limit))
        self._run("SELECT 1").fetchall()  # a pipelined statement tells its count with the next answer
        return waked.rowcount

    def oldest(self, agent: str, worker_id: str) -> str | None:
        """Whose execution has waited longest."""
        found = self._rows(fair_sql.POSTGRES_OLDEST, agent, worker_id)
        return found[0][0] if found else None

    def running(self) -> list[tuple[str, str, int]]:
        """Agents and users with how many executions run."""
        return [(agent, user, count) for agent, user, count in self._rows(fair_sql.POSTGRES_RUNNING)]

    def alone(self) -> None:
        """Let claims of other processes wait for this one: both would count the same room."""
        self._run(fair_sql.POSTGRES_ONE_AT_A_TIME)

    def abandoned(self, sweep: Sweep | Retire) -> Ledger:
        """Executions without a live worker; forgets the dead ones."""
        if isinstance(sweep, Retire):
            self._run("DELETE FROM agent_workers WHERE id = %s", (sweep.worker_id,))
            return Ledger(Head(*row) for row in self._rows(wording.HELD, sweep.worker_id))
        sql = "DELETE FROM agent_workers WHERE id = ANY(%s) OR lease_until <= clock_timestamp()"
        self._run(sql, (list(sweep.dead),))
        return Ledger(Head(*row) for row in self._rows(wording.ABANDONED, sweep.limit))

    def overdue(self, sweep: Sweep) -> Ledger:
        """Approvals past their time, with their executions and their executions' other open approvals."""
        ids = {row[0] for row in self._rows(wording.OVERDUE, sweep.at, sweep.limit)}
        free = self._heads(f"{wording.LOCK_HEADS} SKIP LOCKED", ids)  # the others are somebody's; the next sweep comes
        return Ledger(free, self._questions([], [head.id for head in free]))

    def late(self, sweep: Sweep) -> set[str]:
        """Executions that were to have ended by now and that no worker holds."""
        return {row[0] for row in self._rows(wording.LATE, sweep.at, sweep.limit)}

    # --- writing

    def write(self, ledger: Ledger) -> None:
        self._news = self._news or ledger.work or ledger.ended or bool(ledger.outgoing)
        self._insert("agent_executions", heads.NEW_EXECUTION_COLUMNS, sorted(ledger.new_executions, key=_key))
        self._insert("agent_approvals", heads.NEW_QUESTION_COLUMNS, ledger.new_questions)
        self._write_steps(ledger)
        self._update("agent_executions", heads.MOVED_COLUMNS, [h.moved() for h in ledger.moved.values()])
        changed = [question.changed() for question in ledger.changed_questions.values()]
        self._update("agent_approvals", heads.CHANGED_COLUMNS, changed)
        for digest in sorted(ledger.blobs):
            blob, _ = ledger.blobs[digest]
            self._run(wording.KEEP_BLOB, (digest, digest, blob.content, blob.media_type, len(blob.content)))
        for _, kept in sorted(ledger.results.items()):
            self._run(wording.KEEP_RESULT, kept.row)
            if kept.may_sweep:
                self._run(wording.SWEEP_RESULTS, (kept.row[0], kept.stale_before))
        controls.write(self._run, controls.POSTGRES, ledger)
        self._insert("agent_outbox", heads.OUTBOX_COLUMNS, ledger.outgoing)
        for approval_id, row in ledger.feedback:
            self._run(wording.LEARN, (*row, row[1], approval_id))
        self._remembered.keep(ledger)

    def _write_steps(self, ledger: Ledger) -> None:
        calls = list(ledger.calls.values())
        advanced = [head.advanced() for key, head in ledger.advanced.items() if key not in ledger.moved]
        for start in range(0, max(len(ledger.events), len(calls), len(advanced)), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            events = wording.records(heads.EVENT_COLUMNS, ledger.events[some])
            called = wording.records(heads.CALL_COLUMNS, calls[some])
            self._run(wording.write_steps(), (events, called, wording.records(heads.ADVANCED_COLUMNS, advanced[some])))

    def mail(self, request: Mail | Sweep) -> tuple[Row, ...]:
        """Take from the outbox, say what became of it, or tidy it; make, end or advance subscriptions."""
        if isinstance(request, Follow):
            return subscriptions_sql.serve(self._run, subscriptions_sql.POSTGRES, request)
        return outbox.serve(self._run, outbox.POSTGRES, request)

    def badge(self, request: Badge) -> Became:
        """Make a credential, end one, or note that it was used."""
        return credentials_sql.serve(self._run, credentials_sql.POSTGRES, request)

    def prune(self, request: Prune) -> tuple[PruneBatch, Data | None]:
        """Take away executions or payloads."""
        return prune_sql.serve(self._run, prune_sql.POSTGRES, request)

    def lease(self, request: Lease) -> bool:
        return workers_sql.lease(self._run, workers_sql.POSTGRES, request)

    def peers(self, request: Sweep) -> tuple[Peer, ...]:
        """Workers with a live lease."""
        return workers_sql.peers(self._run, workers_sql.POSTGRES, request)

    def steer(self, request: Steer) -> int | None:
        """Drain a worker, or unpin executions."""
        return workers_sql.steer(self._run, workers_sql.POSTGRES, request)

    # --- statements

    def _send_all(self) -> None:
        """Hand everything over to the system.

        A synced pipeline of psycopg 3.3 sends once and then only listens: what did not fit the socket's buffer, from
        about a megabyte on, would never leave, and both sides would wait for ever.
        """
        if self._connection is None:
            return
        pgconn = self._connection.pgconn
        while pgconn.flush():
            readable, writable, _ = select.select([pgconn.socket], [pgconn.socket], [], _SEND_S)
            if readable:
                pgconn.consume_input()
            elif not writable:
                raise psycopg.OperationalError(f"the server took nothing for {_SEND_S:g} s")

    def _run(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> Cursor[tuple[Any, ...]]:
        if self._connection is None:
            raise psycopg.InterfaceError("not connected")
        return self._connection.execute(wording.spelled(sql), values)

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._run(sql, values).fetchall()

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._set(wording.insert_sql(table, columns), columns, rows)

    def _update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._set(wording.update_sql(table, columns), columns, rows)

    def _set(self, sql: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            self._run(sql, (wording.records(columns, rows[start : start + _ROWS_AT_ONCE]),))


def _key(row: Row) -> tuple[str, str, str]:
    """Order in which new executions take their unique keys."""
    return str(row[4]), str(row[15]), str(row[0])
