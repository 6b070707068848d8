"""The statements over the outbox, for both databases."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from holdfast.trail.controls.sql import Run
from holdfast.trail.requests import Delivered, Outbound, Resend, Row, Sweep, Take, Undelivered

_TAKEN: Final = ("id", "channel", "kind", "subject", "data", "attempts", "created_at")


@dataclass(frozen=True, slots=True)
class Statements:
    """One database's wording."""

    withdraw: str
    """Cards whose questions are closed are not delivered any more."""
    due: str
    open_cards: str
    """Which of these approvals are open; they stay so until the end of the transaction."""
    take: str
    delivered: str
    undelivered: str
    resend: str
    free: str
    """What couriers hold whose worker is gone."""
    forget: str
    forget_answers: str
    lists_as_json: bool


_DUE: Final = """
    SELECT id, kind, subject FROM agent_outbox AS o
    WHERE EXISTS (SELECT 1 FROM agent_workers w WHERE w.id = {0})
    AND status = 'queued' AND channel = {0} AND due_at <= {at}
    AND NOT (kind = 'closed' AND EXISTS (
        SELECT 1 FROM agent_outbox AS h WHERE h.subject = o.subject AND h.kind = 'card' AND h.channel = o.channel
        AND h.status = 'queued' AND h.held_by IS NOT NULL AND h.due_at > {at}))
    ORDER BY created_at, id LIMIT {0} {lock}
"""
_WITHDRAW: Final = """
    UPDATE agent_outbox SET status = 'withdrawn', held_by = NULL, done_at = {at} WHERE id IN (
        SELECT o.id FROM agent_outbox AS o WHERE o.status = 'queued' AND o.channel = {0} AND o.due_at <= {at}
        AND o.kind = 'card'
        AND NOT EXISTS (SELECT 1 FROM agent_approvals a WHERE a.id = o.subject AND a.status = 'open') {lock})
"""
_DELIVERED: Final = """
    UPDATE agent_outbox SET status = 'sent', ref = {0}, error = NULL, held_by = NULL, done_at = {at}
    WHERE id = {0} AND held_by = {0} AND status = 'queued'
"""
_UNDELIVERED: Final = """
    UPDATE agent_outbox SET status = {0}, error = {0}, held_by = NULL, due_at = coalesce({at}, due_at), done_at = {at}
    WHERE id = {0} AND held_by = {0} AND status = 'queued'
"""
_RESEND: Final = """
    UPDATE agent_outbox SET status = 'queued', attempts = 1, due_at = {at}, done_at = NULL
    WHERE id = {0} AND status = 'dead' RETURNING id
"""
_FREE: Final = """
    UPDATE agent_outbox SET held_by = NULL, due_at = {at} WHERE id IN (
        SELECT o.id FROM agent_outbox AS o WHERE o.status = 'queued' AND o.held_by IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM agent_workers w WHERE w.id = o.held_by) {lock}) RETURNING id
"""
_FORGET: Final = """
    DELETE FROM agent_outbox WHERE id IN (
        SELECT id FROM agent_outbox WHERE status <> 'queued' AND done_at < {at} ORDER BY done_at LIMIT 1000 {lock})
"""


def _worded(  # noqa: PLR0913 - what differs
    mark: str, at: str, *, lock: str, open_cards: str, take: str, forget_answers: str, lists_as_json: bool
) -> Statements:
    def said(statement: str) -> str:
        return statement.format(mark, at=at, lock=lock)

    return Statements(
        withdraw=said(_WITHDRAW),
        due=said(_DUE),
        open_cards=open_cards,
        take=take,
        delivered=said(_DELIVERED),
        undelivered=said(_UNDELIVERED),
        resend=said(_RESEND),
        free=said(_FREE),
        forget=said(_FORGET),
        forget_answers=forget_answers,
        lists_as_json=lists_as_json,
    )


SQLITE: Final = _worded(
    "?",
    "?",
    lock="",
    open_cards="SELECT id FROM agent_approvals WHERE status = 'open' AND id IN (SELECT value FROM json_each(?))",
    take=f"""
        UPDATE agent_outbox SET held_by = ?, due_at = ?, attempts = attempts + 1
        WHERE id IN (SELECT value FROM json_each(?)) RETURNING {", ".join(_TAKEN)}
    """,  # noqa: S608 - constants
    forget_answers="DELETE FROM agent_controls WHERE kind = 'answer' AND json_extract(data, '$.until') < ?",
    lists_as_json=True,
)
POSTGRES: Final = _worded(
    "%s",
    "%s::timestamptz",
    lock="FOR NO KEY UPDATE SKIP LOCKED",
    # A decision waits for this lock: it is made before the card is taken, or after that is known.
    open_cards="SELECT id FROM agent_approvals WHERE status = 'open' AND id = ANY(%s) FOR SHARE SKIP LOCKED",
    take="""
        UPDATE agent_outbox SET held_by = %s, due_at = %s::timestamptz, attempts = attempts + 1
        WHERE id = ANY(%s) RETURNING id, channel, kind, subject, data::text, attempts,
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
    """,
    forget_answers="DELETE FROM agent_controls WHERE kind = 'answer' AND data ->> 'until' < %s",
    lists_as_json=False,
)


def serve(run: Run, sql: Statements, asked: Outbound | Sweep) -> tuple[Row, ...]:
    """Do what a courier, an operator or a sweep asks; the rows that were taken or changed."""
    match asked:
        case Take():
            return tuple(_take(run, sql, asked))
        case Delivered():
            run(sql.delivered, (asked.ref, asked.at, asked.id, asked.worker_id))
        case Undelivered():
            status, done_at = ("queued", None) if asked.next_at else ("dead", asked.at)
            run(sql.undelivered, (status, asked.error, asked.next_at, done_at, asked.id, asked.worker_id))
        case Resend():
            return tuple(_rows(run(sql.resend, (asked.at, asked.id)).fetchall()))
        case Sweep():
            freed = _rows(run(sql.free, (asked.at,)).fetchall())
            if asked.forget_before:
                run(sql.forget, (asked.forget_before,))
                run(sql.forget_answers, (asked.at,))
            return tuple(freed)
    return ()


def _take(run: Run, sql: Statements, asked: Take) -> list[Row]:
    run(sql.withdraw, (asked.at, asked.channel, asked.at))
    wanted = (asked.worker_id, asked.channel, asked.at, asked.at, asked.limit)
    found = run(sql.due, wanted).fetchall()
    cards = [subject for _, kind, subject in found if kind == "card"]
    still_open = {row[0] for row in run(sql.open_cards, (_listed(sql, cards),)).fetchall()} if cards else set[str]()
    ids = [row_id for row_id, kind, subject in found if kind != "card" or subject in still_open]
    if not ids:
        return []
    taken = _rows(run(sql.take, (asked.worker_id, asked.until, _listed(sql, ids))).fetchall())
    return sorted(taken, key=lambda row: (str(row[6]), str(row[0])))


def _listed(sql: Statements, ids: Sequence[str]) -> object:
    return json.dumps(ids) if sql.lists_as_json else list(ids)


def _rows(found: Sequence[Any]) -> list[Row]:
    return [cast("Row", tuple(row)) for row in found]
