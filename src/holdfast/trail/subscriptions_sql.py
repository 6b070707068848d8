"""The statements over subscriptions, for both databases."""

from dataclasses import dataclass
from typing import Final

from holdfast.trail.controls.sql import Run
from holdfast.trail.requests import Follow, Proceed, Row, Subscribe, Unsubscribe


@dataclass(frozen=True, slots=True)
class Statements:
    """One database's wording."""

    subscribe: str
    unsubscribe: str
    proceed: str
    forget: str


def _worded(mark: str, at: str, json: str) -> Statements:
    return Statements(
        subscribe=f"""
            INSERT INTO agent_subscriptions (execution_id, id, data, told_seq, created_at)
            VALUES ({mark}, {mark}, {json}, {mark}, {at})
            ON CONFLICT (execution_id, id) DO UPDATE SET data = excluded.data RETURNING id
        """,  # noqa: S608 - constants, here and below
        unsubscribe=f"DELETE FROM agent_subscriptions WHERE execution_id = {mark} AND id = {mark} RETURNING id",  # noqa: S608
        proceed=f"""
            UPDATE agent_subscriptions SET data = {json}, told_seq = {mark}
            WHERE execution_id = {mark} AND id = {mark} AND told_seq = {mark} AND data ->> 'due_at' = {mark}
            RETURNING id
        """,  # noqa: S608
        forget=f"""
            DELETE FROM agent_subscriptions WHERE created_at < {at} AND execution_id IN (
                SELECT id FROM agent_executions WHERE status IN ('completed', 'failed', 'cancelled')
                AND updated_at < {at})
        """,  # noqa: S608
    )


SQLITE: Final = _worded("?", "?", "?")
POSTGRES: Final = _worded("%s", "%s::timestamptz", "%s::jsonb")


def serve(run: Run, sql: Statements, asked: Follow) -> tuple[Row, ...]:
    """Do what is asked; the ids of rows that it was done to."""
    match asked:
        case Subscribe():
            row = (asked.execution_id, asked.id, asked.data, asked.told_seq, asked.at)
            run(sql.forget, (asked.forget_before, asked.forget_before))
            found = run(sql.subscribe, row).fetchall()
        case Unsubscribe():
            found = run(sql.unsubscribe, (asked.execution_id, asked.id)).fetchall()
        case Proceed():
            place = (asked.execution_id, asked.id, asked.was_seq, asked.was_due)
            found = run(sql.proceed, (asked.data, asked.told_seq, *place)).fetchall()
    return tuple((str(row[0]),) for row in found)
