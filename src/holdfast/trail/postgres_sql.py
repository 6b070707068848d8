"""How PostgreSQL is told what the writer wants: statements over sets of rows, made once."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

from pydantic_core import to_json

from holdfast.trail import heads
from holdfast.trail.controls import sql as controls
from holdfast.trail.requests import Row

_JSON: Final = frozenset(
    {"input_data", "state", "result", "data", "tool_input", "tool_output", "arguments", "edit", "ladder", "votes"}
)
_MOMENTS: Final = frozenset(
    {
        "at", "created_at", "updated_at", "completed_at", "claimed_at", "wake_at", "deadline", "cancel_requested_at",
        "called_at", "finished_at", "asked_at", "expires_at", "decided_at", "consumed_at", "attend_at", "due_at",
        "due_by", "pruned_at",
    }
)  # fmt: skip
_MONEY: Final = frozenset({"cost_usd", "reserved_usd", "unknown_usd", "family_usd"})
_WHOLE: Final = frozenset(
    {
        "seq", "version", "priority", "step_count", "token_count", "reserved_tokens", "unknown_tokens", "fence",
        "last_seq", "step_number", "attempt", "attempts", "quorum", "waits_for",
        "descendants", "family_tokens",
    }
)  # fmt: skip
_REAL: Final = frozenset({"latency_ms", "risk"})


def _arriving(name: str) -> str:
    """A column of the records sent, as its table has it."""
    kinds = ((_JSON, "jsonb"), (_MOMENTS, "timestamptz"), (_MONEY, "numeric"))
    return next((f"r.{name}::{kind}" for names, kind in kinds if name in names), f"r.{name}")


def _leaving(name: str) -> str:
    """A column as the writer reads it: the texts that SQLite stores."""
    if name in _MOMENTS:
        return f"""to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    return f"{name}::text" if name in _JSON | _MONEY else name


def _sent(name: str) -> str:
    return "bigint" if name in _WHOLE else "double precision" if name in _REAL else "text"


def records(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows as the statements below take them."""
    # Takes a third of the time of `json.dumps`.
    return to_json([dict(zip(columns, row, strict=True)) for row in rows]).decode()


@lru_cache(maxsize=512)
def spelled(sql: str) -> bytes:
    """A statement as the driver keeps it: the same object again is found without reading it."""
    return sql.encode()


def _records(columns: Sequence[str]) -> str:
    typed = ", ".join(f"{name} {_sent(name)}" for name in columns)
    return f"json_to_recordset(%s::json) AS r({typed})"


@cache
def insert_sql(table: str, columns: Sequence[str]) -> str:
    values = ", ".join(_arriving(name) for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {_records(columns)}"  # noqa: S608


@cache
def update_sql(table: str, columns: Sequence[str]) -> str:
    changes = ", ".join(f"{name} = {_arriving(name)}" for name in columns[1:])
    return f"UPDATE {table} AS t SET {changes} FROM {_records(columns)} WHERE t.id = r.id"  # noqa: S608


@cache
def upsert_calls() -> str:
    keep = ("tool_input", "tool_output", "latency_ms", "error", "called_at", "finished_at")
    changes = ", ".join(f"{name} = coalesce(excluded.{name}, agent_tool_calls.{name})" for name in keep)
    return (
        f"{insert_sql('agent_tool_calls', heads.CALL_COLUMNS)} ON CONFLICT (execution_id, id) DO UPDATE SET "
        "status = excluded.status, attempt = coalesce(nullif(excluded.attempt, 0), agent_tool_calls.attempt), "
        f"{changes}"
    )


@cache
def write_steps() -> str:
    """Events, calls and how far their executions are, which most transactions write, in one statement."""
    return (
        f"WITH happened AS ({insert_sql('agent_events', heads.EVENT_COLUMNS)}), called AS ({upsert_calls()}) "
        f"{update_sql('agent_executions', heads.ADVANCED_COLUMNS)}"
    )


_SELECT_HEADS: Final = f"SELECT {', '.join(map(_leaving, heads.HEAD_COLUMNS))} FROM agent_executions"  # noqa: S608
LOCK_WRITER: Final = f"SELECT v.version, pg_advisory_xact_lock(%s) FROM ({controls.POSTGRES.version}) AS v(version)"  # noqa: S608
"""With which definitions of the controls are in force."""
SIGNALS: Final = """
    SELECT e.execution_id, e.data ->> 'id' FROM unnest(%s::text[], %s::text[]) AS v(execution, id)
    JOIN agent_events e ON e.execution_id = v.execution AND e.kind = 'signal.received' AND e.data ->> 'id' = v.id
"""
LOCK_HEADS: Final = f"{_SELECT_HEADS} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
STILL: Final = f"""
    WITH held AS (
        SELECT 1 FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS known(execution, fence, last_hash)
        JOIN agent_executions t ON t.id = known.execution AND t.status = 'running' AND t.fence = known.fence
            AND t.last_hash = known.last_hash
        ORDER BY t.id FOR NO KEY UPDATE OF t)
    SELECT 1 / (count(*) = %s AND ({controls.POSTGRES.version}) = %s)::int FROM held
"""  # noqa: S608 - constants
"""Locks executions that are as they were left; divides by zero, and so lets nothing be committed, where one is not.

Whatever changes a running execution is an event, or ends its running, or comes with another fence."""
QUESTIONS: Final = (
    f"SELECT {', '.join(map(_leaving, heads.QUESTION_COLUMNS))} FROM agent_approvals "  # noqa: S608
    "WHERE id = ANY(%s) OR (execution_id = ANY(%s) AND status = 'open') ORDER BY expires_at, id"
)
FAMILY: Final = """
    WITH RECURSIVE below(root, id) AS (
        SELECT id, id FROM unnest(%s::text[]) AS given(id)
        UNION SELECT root, e.id FROM below JOIN agent_executions e ON e.parent_id = below.id
        WHERE e.parent_id IS NOT NULL)
    SELECT root, id FROM below WHERE id <> root
    UNION ALL SELECT NULL, parent_id FROM agent_executions WHERE id = ANY(%s) AND parent_id IS NOT NULL
"""
STARTED: Final = """
    SELECT id, agent_type, idempotency_key, input_data, pruned_at IS NOT NULL
    FROM agent_executions WHERE id = ANY(%s)
    UNION ALL SELECT id, agent_type, e.idempotency_key, input_data, pruned_at IS NOT NULL
    FROM unnest(%s::text[], %s::text[]) AS asked(agent, key)
    JOIN agent_executions e ON e.agent_type = asked.agent AND e.idempotency_key = asked.key
"""  # not one condition with OR: that reads the whole table
CLAIMABLE: Final = f"""
    {_SELECT_HEADS}
    WHERE EXISTS (SELECT 1 FROM agent_workers w WHERE w.id = %s AND w.lease_until > clock_timestamp() AND CASE
        WHEN pinned_to IS NULL THEN w.drains_since IS NULL ELSE pinned_to = w.serves ->> agent_type END)
    AND status = 'pending' AND agent_type = ANY(%s) AND (wake_at IS NULL OR wake_at <= %s::timestamptz)
    AND agent_executions.id IN (
        WITH RECURSIVE family(id) AS (
            SELECT %s::text UNION SELECT e.id FROM family JOIN agent_executions e ON e.parent_id = family.id
            WHERE e.parent_id IS NOT NULL)
        SELECT family.id FROM family)
    ORDER BY agent_executions.id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - constants
ABANDONED: Final = f"""
    {_SELECT_HEADS} WHERE status = 'running'
    AND NOT EXISTS (SELECT 1 FROM agent_workers w WHERE w.id = lease_owner)
    ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - constants
HELD: Final = f"{_SELECT_HEADS} WHERE status = 'running' AND lease_owner = %s ORDER BY id FOR NO KEY UPDATE SKIP LOCKED"
OVERDUE: Final = """
    SELECT execution_id FROM agent_approvals WHERE status = 'open' AND attend_at <= %s::timestamptz
    ORDER BY attend_at LIMIT %s
"""
LATE: Final = """
    SELECT id FROM agent_executions WHERE due_by <= %s::timestamptz AND completed_at IS NULL
    AND status IN ('pending', 'awaiting_review') ORDER BY due_by LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
LEARN: Final = f"""
    INSERT INTO agent_feedback ({", ".join(heads.FEEDBACK_COLUMNS)}, asked, was)
    SELECT %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s::timestamptz,
        (SELECT input_data FROM agent_executions WHERE id = %s), (SELECT arguments FROM agent_approvals WHERE id = %s)
    ON CONFLICT (id) DO NOTHING
"""  # noqa: S608 - constants
KEEP_BLOB: Final = """
    WITH used_again AS (
        UPDATE agent_blobs SET created_at = clock_timestamp()
        WHERE digest = %s AND created_at < clock_timestamp() - interval '1 hour')
    INSERT INTO agent_blobs (digest, content, media_type, bytes, created_at)
    VALUES (%s, %s, %s, %s, clock_timestamp()) ON CONFLICT (digest) DO NOTHING
"""  # what is used again counts as new: pruning leaves it alone
KEEP_RESULT: Final = """
    INSERT INTO agent_tool_cache (tool_name, digest, schema_hash, execution_id, output, content, at)
    VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s::timestamptz)
    ON CONFLICT (tool_name, digest) DO UPDATE SET schema_hash = excluded.schema_hash,
    execution_id = excluded.execution_id, output = excluded.output, content = excluded.content, at = excluded.at
"""
SWEEP_RESULTS: Final = "DELETE FROM agent_tool_cache WHERE tool_name = %s AND at < %s::timestamptz"
