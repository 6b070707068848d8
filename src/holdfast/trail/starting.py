"""How an execution begins: asked for by a door, or by another execution. Pure."""

from datetime import datetime, timedelta

from holdfast.errors import DeadlineExceeded, IdempotencyConflict
from holdfast.trail.codec import GENESIS, chain, stamp
from holdfast.trail.controls.shared import newcomer
from holdfast.trail.heads import Started
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Start


def start(ledger: Ledger, request: Start) -> str:
    """Store a new execution, or find the one that was asked for before; its id.

    Raises:
        IdempotencyConflict: The key was used for another input.
        DeadlineExceeded: It could not end in time.
    """
    new = request.new
    known = ledger.started_by_id.get(new.id)
    if known is None and new.idempotency_key:
        known = ledger.started_by_key.get((new.agent_type, new.idempotency_key))
    if known is None:
        return start_new(ledger, request)
    if known.agent_type != new.agent_type or (not known.pruned and known.input_text != request.input_text):
        used = f"idempotency key {new.idempotency_key!r}" if new.idempotency_key else f"id {new.id!r}"
        raise IdempotencyConflict(f"{used} was already used for another input, by execution {known.id}")
    return known.id


def start_new(ledger: Ledger, request: Start) -> str:
    """Store an execution whose id is new; its id.

    Raises:
        DeadlineExceeded: It could not end in time.
    """
    new, (kind, version, text), at = request.new, request.started, request.at
    reason, wake_at = _held_back(ledger, request)
    # A child that cannot begin in time ends when its parent does; refused here, it would undo half of an append.
    if request.due_by is not None and new.parent_id is None and max(at, wake_at or "") >= request.due_by:
        raise DeadlineExceeded(
            f"it was to have ended by {request.due_by}, and could not begin before {max(at, wake_at or '')}"
            + (f" ({reason})" if reason else "")
        )
    last = chain(GENESIS, execution_id=new.id, seq=1, kind=kind, version=version, at=at, text=text)
    ledger.events.append((new.id, 1, kind, version, text, at, last))
    ledger.new_executions.append(
        (
            new.id, new.parent_id, new.thread_id, new.user_id, new.agent_type, new.agent_version, "pending",
            new.priority, request.input_text, 0, 0, "0", 0, "0", 0, new.idempotency_key, 1, last, at, at,
            reason, wake_at, new.parent_call, request.due_by,
            new.agent_version if new.pinned else None,
        )
    )  # fmt: skip
    known = Started(
        id=new.id,
        agent_type=new.agent_type,
        idempotency_key=new.idempotency_key,
        input_text=request.input_text,
    )
    ledger.started_by_id[new.id] = known
    if new.idempotency_key:
        ledger.started_by_key[new.agent_type, new.idempotency_key] = known
    ledger.keep(request.blobs, at)
    ledger.work = True
    return new.id


def _held_back(ledger: Ledger, request: Start) -> tuple[str | None, str | None]:
    """Why and until when a new execution has to wait, for its time or for the rates of requests, if it has to."""
    start_at = request.start_at if request.start_at and request.start_at > request.at else None
    own = ("SCHEDULED", start_at) if start_at else (None, None)
    if not ledger.shared.known.rates:
        return own
    now = datetime.fromisoformat(request.at)
    delay_s = ledger.shared.delay_s(newcomer(request.new.agent_type, request.new.user_id), now)
    until = stamp(now + timedelta(seconds=delay_s))
    return ("RATE_LIMITED", until) if delay_s > 0 and until > (start_at or "") else own
