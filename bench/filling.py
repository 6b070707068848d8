"""Fills a database with many executions at once: the same rows each time, in a few seconds."""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from bench.databases import is_postgres, sqlite_path
from holdfast.trail.codec import stamp
from holdfast.trail.migrate import migrate
from holdfast.trail.schema import approvals, events, executions, model_usage, tool_calls

Row = Sequence[object]
AGENTS = tuple(f"agent-{number}" for number in range(8))
USERS = 500
THREADS = 2_000
DAYS = 30
_STATUSES = ("completed",) * 90 + ("failed",) * 5 + ("cancelled",) * 2 + ("awaiting_review",) * 2 + ("pending",)

_BY_DEFAULT = {
    "parent_call", "waits_for", "descendants", "family_tokens", "family_usd", "due_by", "pinned_to", "pruned_at",
}  # fmt: skip
"""Columns that say nothing of an execution without a team or a deadline."""


def execution_id(number: int) -> str:
    """Ids that grow with time, as UUIDv7 does."""
    return str(uuid.UUID(int=(number << 80) | (7 << 76) | (2 << 62) | number))


def fill(database: str, number: int, statuses: Sequence[str] = _STATUSES) -> None:
    """So many executions over 30 days, each with calls, events and costs; by default 2 % of them wait for a person."""
    migrate(database)
    now = datetime.now(UTC)
    columns = {
        "agent_executions": [c.name for c in executions.c if c.name not in _BY_DEFAULT],
        "agent_events": [c.name for c in events.c],
        "agent_tool_calls": [c.name for c in tool_calls.c],
        "agent_model_usage": [c.name for c in model_usage.c],
        "agent_approvals": [c.name for c in approvals.c],
    }

    def status(i: int) -> str:
        return statuses[i * 7_919 % len(statuses)]

    made = {
        "agent_executions": (_execution(i, status(i), number, now) for i in range(number)),
        "agent_events": (row for i in range(number) for row in _events(i, number, now)),
        "agent_tool_calls": (row for i in range(number) for row in _calls(i, status(i), number, now)),
        "agent_model_usage": (_usage(i) for i in range(number)),
        "agent_approvals": (_approval(i, number, now) for i in range(number) if status(i) == "awaiting_review"),
    }
    insert = _into_postgres if is_postgres(database) else _into_sqlite
    insert(database, {table: (columns[table], rows) for table, rows in made.items()})


def _into_sqlite(database: str, tables: dict[str, tuple[list[str], Iterable[Row]]]) -> None:
    with sqlite3.connect(sqlite_path(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table, (columns, rows) in tables.items():
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    connection.close()


def _into_postgres(database: str, tables: dict[str, tuple[list[str], Iterable[Row]]]) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SET synchronous_commit = off")
        for table, (columns, rows) in tables.items():
            with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")  # so that what is measured does not wait for the filling to reach the disk


def _began(i: int, number: int, now: datetime) -> datetime:
    return now - timedelta(days=DAYS) * ((number - i) / number)


def _execution(i: int, status: str, number: int, now: datetime) -> Row:
    at = _began(i, number, now)
    ended = status in {"completed", "failed", "cancelled"}
    reason = {"failed": "MAX_STEPS_EXCEEDED", "awaiting_review": "APPROVAL"}.get(status)
    return (
        execution_id(i), None, f"thread-{i % THREADS}" if i % 3 == 0 else None, f"user-{i * 31 % USERS}",
        AGENTS[i * 13 % len(AGENTS)], "1", status, reason, 0, json.dumps(f"Where is order {i}?"), None,
        json.dumps(f"Order {i} is on its way.") if status == "completed" else None,
        "25 steps are the limit" if status == "failed" else None, 2, 1_200, "0.0123", 0, "0", 0, "0", None, None, 1,
        # Far in the future: nobody is to work them.
        stamp(now + timedelta(days=365)) if status == "pending" else None,
        None, None, None, 4, "0" * 64, stamp(at), stamp(at + timedelta(seconds=9)),
        stamp(at + timedelta(seconds=9)) if ended else None,
    )  # fmt: skip


def _events(i: int, number: int, now: datetime) -> Iterator[Row]:
    at = _began(i, number, now)
    kinds = ("execution.started", "execution.claimed", "execution.parked", "execution.completed")
    for seq, kind in enumerate(kinds, 1):
        data = json.dumps({"agent": "agent", "input": f"Where is order {i}?", "worker": "w", "fence": 1})
        yield (execution_id(i), seq, kind, 1, data, stamp(at + timedelta(seconds=seq)), "0" * 64)


def _calls(i: int, status: str, number: int, now: datetime) -> Iterator[Row]:
    at = _began(i, number, now)
    for step in (1, 2):
        waits = status == "awaiting_review" and step == 2
        yield (
            f"{execution_id(i)}:{step}:0", execution_id(i), step, "refund" if step == 2 else "find_order",
            json.dumps({"order_id": i}), None if waits else json.dumps({"found": i}),
            "awaiting_review" if waits else "completed", "irreversible" if step == 2 else "read", f"{i}:{step}", 1,
            12.5, None, stamp(at), stamp(at),
        )  # fmt: skip


def _usage(i: int) -> Row:
    return (execution_id(i), "openai:gpt-5.2", "openai", 2, 0, 1_000, 200, 0, 0, "0.0123", 900.0)


def _approval(i: int, number: int, now: datetime) -> Row:
    at = _began(i, number, now)
    values = {
        "id": f"a-{i}", "execution_id": execution_id(i), "call_id": f"{execution_id(i)}:2:0", "kind": "call",
        "status": "open", "agent_type": AGENTS[i * 13 % len(AGENTS)], "tool_name": "refund",
        "arguments": json.dumps({"order_id": i}), "digest": "0" * 64, "schema_hash": "0" * 64,
        "question": f"May refund run for order {i}?", "reason": "irreversible", "gate": "review_rule", "risk": 0.5,
        "asked_at": stamp(at), "expires_at": stamp(now + timedelta(days=365)), "quorum": 1,
        "requested_by": f"user-{i * 31 % USERS}", "attend_at": stamp(now + timedelta(days=365)),
    }  # fmt: skip
    return [values.get(column.name) for column in approvals.c]
