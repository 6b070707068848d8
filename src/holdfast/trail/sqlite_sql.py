"""How SQLite is told what the writer wants: statements over a number of rows, made once."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from holdfast.trail import heads


@cache
def insert_sql(table: str, columns: Sequence[str], count: int) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {_marks(columns, count)}"  # noqa: S608 - constants


@cache
def update_sql(table: str, columns: Sequence[str], count: int) -> str:
    if count == 1:  # in half the time
        changes = ", ".join(f"{name} = ?{place}" for place, name in enumerate(columns[1:], 2))
        return f"UPDATE {table} SET {changes} WHERE id = ?1"  # noqa: S608 - constants
    changes = ", ".join(f"{name} = v.column{place}" for place, name in enumerate(columns[1:], 2))
    rows = _marks(columns, count)
    return f"UPDATE {table} SET {changes} FROM (VALUES {rows}) AS v WHERE id = v.column1"  # noqa: S608 - constants


@cache
def upsert_calls(count: int) -> str:
    keep = ("tool_input", "tool_output", "latency_ms", "error", "called_at", "finished_at")
    changes = ", ".join(f"{name} = coalesce(excluded.{name}, {name})" for name in keep)
    return (
        f"{insert_sql('agent_tool_calls', heads.CALL_COLUMNS, count)} ON CONFLICT (execution_id, id) DO UPDATE SET "
        f"status = excluded.status, attempt = coalesce(nullif(excluded.attempt, 0), attempt), {changes}"
    )


def _marks(columns: Sequence[str], count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return ", ".join([row] * count)


HEADS: Final = (
    f"SELECT json_group_array(json_array({', '.join(heads.HEAD_COLUMNS)})) FROM agent_executions "  # noqa: S608
    "WHERE id IN (SELECT value FROM json_each(?))"
)
QUESTIONS: Final = (
    f"SELECT json_group_array(json_array({', '.join(heads.QUESTION_COLUMNS)})) FROM agent_approvals "  # noqa: S608
    "WHERE id IN (SELECT value FROM json_each(?1)) OR (status = 'open' AND execution_id IN ("
    "SELECT value FROM json_each(?2) UNION "
    "SELECT execution_id FROM agent_approvals WHERE id IN (SELECT value FROM json_each(?1))))"
)
FAMILY: Final = """
    WITH RECURSIVE below(root, id) AS (
        SELECT value, value FROM json_each(?1)
        UNION SELECT root, e.id FROM below JOIN agent_executions e ON e.parent_id = below.id
        WHERE e.parent_id IS NOT NULL)
    SELECT json_group_array(json_array(root, id)) FROM (
        SELECT root, id FROM below WHERE id <> root
        UNION ALL SELECT NULL, parent_id FROM agent_executions
        WHERE id IN (SELECT value FROM json_each(?1)) AND parent_id IS NOT NULL)
"""
SIGNALS: Final = """
    SELECT json_group_array(json_array(e.execution_id, json_extract(e.data, '$.id')))
    FROM json_each(?) v JOIN agent_events e ON e.execution_id = json_extract(v.value, '$[0]')
    WHERE e.kind = 'signal.received' AND json_extract(e.data, '$.id') = json_extract(v.value, '$[1]')
"""
STARTED: Final = """
    SELECT json_group_array(json_array(id, agent_type, idempotency_key, input_data, pruned_at IS NOT NULL))
    FROM agent_executions
    WHERE id IN (SELECT value FROM json_each(?)) OR (agent_type, idempotency_key) IN (
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
"""
FORGET_WORKERS: Final = "DELETE FROM agent_workers WHERE id IN (SELECT value FROM json_each(?)) OR lease_until <= ?"
ABANDONED: Final = """
    SELECT json_group_array(id) FROM (SELECT id FROM agent_executions WHERE status = 'running'
        AND NOT EXISTS (SELECT 1 FROM agent_workers WHERE agent_workers.id = lease_owner) LIMIT ?)
"""
HELD: Final = "SELECT json_group_array(id) FROM agent_executions WHERE status = 'running' AND lease_owner = ?"
OVERDUE: Final = """
    SELECT json_group_array(json_array(execution_id)) FROM (SELECT execution_id FROM agent_approvals
        WHERE status = 'open' AND attend_at <= ? LIMIT ?)
"""
LEARN: Final = f"""
    INSERT INTO agent_feedback ({", ".join(heads.FEEDBACK_COLUMNS)}, asked, was)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
        (SELECT input_data FROM agent_executions WHERE id = ?), (SELECT arguments FROM agent_approvals WHERE id = ?))
    ON CONFLICT (id) DO NOTHING
"""  # noqa: S608 - constants
KEEP_BLOB: Final = """
    INSERT INTO agent_blobs (digest, content, media_type, bytes, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (digest) DO UPDATE SET created_at = excluded.created_at
    WHERE julianday(excluded.created_at) - julianday(created_at) > 1 / 24.0
"""  # what is used again counts as new: pruning leaves it alone
KEEP_RESULT: Final = """
    INSERT INTO agent_tool_cache (tool_name, digest, schema_hash, execution_id, output, content, at)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tool_name, digest) DO UPDATE SET schema_hash = excluded.schema_hash,
    execution_id = excluded.execution_id, output = excluded.output, content = excluded.content, at = excluded.at
"""
SWEEP_RESULTS: Final = "DELETE FROM agent_tool_cache WHERE tool_name = ? AND at < ?"
