"""The reading half of the outbox: what couriers are handed, and how deliveries stand."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, func, literal_column, select

from holdfast.trail import queries
from holdfast.trail.reader import as_stored, columns, moment, rows, sure
from holdfast.trail.requests import Row
from holdfast.trail.schema import outbox
from holdfast.types import Address, Approval, Card, Closed, Delivery, Letter, LetterStatus, Notice, Outgoing

Told = Mapping[str, Any]
_C = outbox.c
_QUEUED: ColumnElement[str] = literal_column("'queued'", Text())
"""In the text of a query: SQLite does not find a partial index by a parameter."""


def any_due(connection: Connection, channel: str, now: datetime) -> bool:
    """Whether something may be taken."""
    query = select(_C.id).where(_C.status == _QUEUED, _C.channel == channel, _C.due_at <= as_stored(connection, now))
    return connection.execute(query.limit(1)).first() is not None


def next_due(connection: Connection, channel: str) -> datetime | None:
    """When the next delivery of a channel is due, if any waits."""
    query = select(func.min(_C.due_at)).where(_C.status == _QUEUED, _C.channel == channel)
    return moment(connection.execute(query).scalar())


def refs(connection: Connection, approval_id: str, channel: str) -> list[str]:
    """References of the delivered messages about an approval, oldest first."""
    query = select(_C.ref).where(
        _C.subject == approval_id,
        _C.kind == "card",
        _C.channel == channel,
        _C.status == "sent",
        _C.ref.is_not(None),
    )
    return [str(ref) for ref in connection.execute(query.order_by(_C.done_at, _C.id)).scalars()]


def listed(connection: Connection, *, status: LetterStatus | None, limit: int) -> list[Letter]:
    """Deliveries, newest first."""
    query = select(*columns(outbox)).order_by(_C.created_at.desc(), _C.id).limit(limit)
    if status is not None:
        query = query.where(_C.status == status)
    return [_letter(row) for row in rows(connection, query)]


def outgoing(connection: Connection, taken: Sequence[Row]) -> list[Outgoing]:
    """What was taken, as couriers deliver it."""
    asked = {str(row[3]) for row in taken if row[2] != "notice"}
    found = queries.approvals_by_id(connection, sorted(asked)) if asked else {}
    return [_outgoing(row, found) for row in taken]


def _outgoing(row: Row, found: Mapping[str, Approval]) -> Outgoing:
    row_id, channel, kind, subject, data, attempts, created_at = row
    told: Told = json.loads(str(data))
    return Outgoing(
        id=str(row_id),
        address=Address(channel=str(channel), to=told["to"]),
        delivery=_notice(told) if kind == "notice" else _about(str(kind), told, found[str(subject)]),
        attempts=int(attempts or 0),
        queued_at=sure(str(created_at)),
    )


def _about(kind: str, told: Told, approval: Approval) -> Delivery:
    card = card_of(approval, group=told["group"], note=_note(told))
    if kind == "card":
        return card
    return Closed(
        card=card,
        status=told["status"],
        at=sure(told["at"]),
        by=told["by"],
        note=told["note"],
        edited=told["edited"],
    )


def _note(told: Told) -> str | None:
    return {"reminded": "Reminder", "escalated": f"Escalated to {told['group']}"}.get(told["what"])


def card_of(approval: Approval, *, group: str | None = None, note: str | None = None) -> Card:
    """A question as people outside the console see it."""
    return Card(
        approval_id=approval.id,
        execution_id=approval.execution_id,
        agent=approval.agent_type,
        tool=approval.tool_name,
        kind=approval.kind,
        question=approval.question,
        reason=approval.reason,
        gate=approval.gate,
        risk=approval.risk,
        arguments=approval.arguments,
        asked_at=approval.asked_at,
        expires_at=approval.expires_at,
        group=group,
        note=note,
    )


def _notice(told: Told) -> Notice:
    fields: dict[str, Any] = {name: told[name] for name in Notice.__dataclass_fields__}
    fields["at"] = sure(told["at"])
    return Notice(**fields)


def _letter(row: Mapping[str, Any]) -> Letter:
    told: Told = json.loads(row["data"])
    return Letter(
        id=row["id"],
        address=Address(channel=row["channel"], to=told.get("to")),
        kind=row["kind"],
        subject=row["subject"],
        status=row["status"],
        attempts=row["attempts"],
        due_at=sure(row["due_at"]),
        held_by=row["held_by"],
        error=row["error"],
        queued_at=sure(row["created_at"]),
        done_at=moment(row["done_at"]),
    )
