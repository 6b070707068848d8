"""Decides a batch of requests, one by one and in order: who is refused, and what the rest write. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from holdfast.errors import HoldfastError, IdempotencyConflict
from holdfast.trail import rulings
from holdfast.trail.aside import aside
from holdfast.trail.codec import GENESIS, chain, stamp
from holdfast.trail.controls.manage import change
from holdfast.trail.controls.shared import newcomer
from holdfast.trail.heads import Started
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import (
    AppendStep,
    Cancel,
    Decide,
    HoldWatch,
    KeepBlob,
    KeepResult,
    Manage,
    Note,
    Release,
    Request,
    Retry,
    Row,
    SettleAlerts,
    Start,
    TopUp,
    UseAnswer,
    Write,
)
from holdfast.trail.step import append
from holdfast.types import ENDED, Appended, Swept

Result: TypeAlias = Appended | Swept | str | bool | Sequence[str] | tuple[Row, ...] | None
Outcome: TypeAlias = Result | Exception


@dataclass(slots=True)
class Needs:
    """Rows that a batch must see before it can be decided."""

    executions: set[str] = field(default_factory=set[str])
    approvals: set[str] = field(default_factory=set[str])
    """Also their executions."""
    questions_of: set[str] = field(default_factory=set[str])
    """Executions whose open approvals matter."""
    keys: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Agent types with idempotency keys."""
    starting: set[str] = field(default_factory=set[str])
    """Ids of new executions."""


def needs(batch: Sequence[Request]) -> Needs:
    """What must be read for these requests."""
    wanted = Needs()
    for request in batch:
        match request:
            case AppendStep():
                _append_needs(request, wanted)
            case Decide():
                wanted.approvals.add(request.approval_id)
            case Cancel() | Retry():
                wanted.executions.add(request.execution_id)
                wanted.questions_of.add(request.execution_id)
            case Release():
                wanted.executions.update(execution_id for execution_id, _ in request.held)
            case Start():
                wanted.starting.add(request.new.id)
                if request.new.idempotency_key:
                    wanted.keys.add((request.new.agent_type, request.new.idempotency_key))
            case _:
                pass
    return wanted


def _append_needs(step: AppendStep, wanted: Needs) -> None:
    execution_id = step.append.execution_id
    wanted.executions.add(execution_id)
    if step.append.status == "awaiting_review" or step.append.status in ENDED:
        wanted.questions_of.add(execution_id)
    for use in step.uses:
        wanted.approvals.add(use.approval_id)


def decide_one(ledger: Ledger, request: Write) -> Outcome:
    """Accept a request into the ledger, or say why not; a refused one leaves no trace."""
    try:
        return _accept(ledger, request)
    except HoldfastError as refusal:
        return refusal


def _accept(ledger: Ledger, request: Write) -> Result:  # noqa: C901 - one case for each request
    result: Result = None
    match request:
        case AppendStep():
            result = append(ledger, request)
        case Start():
            result = _start(ledger, request)
        case Decide():
            rulings.decide(ledger, request)
        case Cancel():
            rulings.cancel(ledger, request)
        case Retry():
            rulings.retry(ledger, request)
        case Release():
            rulings.release(ledger, request)
        case KeepBlob():
            ledger.keep([request.blob], request.at)
        case KeepResult():
            ledger.results[request.row[:2]] = request
        case Manage() | TopUp():
            change(ledger, request)
        case Note() | UseAnswer() | HoldWatch() | SettleAlerts():
            result = aside(ledger, request)
        case _:
            assert_never(request)
    return result


def _start(ledger: Ledger, request: Start) -> str:
    new = request.new
    known = ledger.started_by_id.get(new.id)
    if known is None and new.idempotency_key:
        known = ledger.started_by_key.get((new.agent_type, new.idempotency_key))
    if known is None:
        return _start_new(ledger, request)
    if known.agent_type != new.agent_type or known.input_text != request.input_text:
        used = f"idempotency key {new.idempotency_key!r}" if new.idempotency_key else f"id {new.id!r}"
        raise IdempotencyConflict(f"{used} was already used for another input, by execution {known.id}")
    return known.id


def _start_new(ledger: Ledger, request: Start) -> str:
    new, (kind, version, text), at = request.new, request.started, request.at
    reason, wake_at = _held_back(ledger, request)
    last = chain(GENESIS, execution_id=new.id, seq=1, kind=kind, version=version, at=at, text=text)
    ledger.events.append((new.id, 1, kind, version, text, at, last))
    ledger.new_executions.append(
        (
            new.id, new.parent_id, new.thread_id, new.user_id, new.agent_type, new.agent_version, "pending",
            new.priority, request.input_text, 0, 0, "0", 0, "0", 0, new.idempotency_key, 1, last, at, at,
            reason, wake_at,
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
    """Why and until when a new execution has to wait for the rates of requests, if it has to."""
    if not ledger.shared.known.rates:
        return None, None
    now = datetime.fromisoformat(request.at)
    delay_s = ledger.shared.delay_s(newcomer(request.new.agent_type, request.new.user_id), now)
    return ("RATE_LIMITED", stamp(now + timedelta(seconds=delay_s))) if delay_s > 0 else (None, None)
