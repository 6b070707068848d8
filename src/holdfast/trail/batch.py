"""Decides a batch of requests, one by one and in order: who is refused, and what the rest write. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from holdfast.errors import HoldfastError
from holdfast.trail import rulings
from holdfast.trail.aside import aside
from holdfast.trail.controls.manage import change
from holdfast.trail.firing import fire
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import (
    AppendStep,
    Cancel,
    Decide,
    Fire,
    HoldWatch,
    KeepBlob,
    KeepResult,
    Manage,
    Note,
    Release,
    Request,
    Retry,
    Row,
    Send,
    SettleAlerts,
    Start,
    TopUp,
    UseAnswer,
    Write,
)
from holdfast.trail.signals import receive
from holdfast.trail.starting import start
from holdfast.trail.step import append
from holdfast.types import ENDED, Appended, PruneBatch, Swept

Result: TypeAlias = Appended | Swept | PruneBatch | str | bool | int | Sequence[str] | tuple[Row, ...] | None
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
    signals: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Executions and ids of what is sent to them."""
    families: set[str] = field(default_factory=set[str])
    """Executions whose descendants matter, and whose parents."""

    @property
    def only_executions(self) -> bool:
        """Whether nothing else is needed."""
        return not (self.approvals or self.questions_of or self.keys or self.starting or self.signals or self.families)


def needs(batch: Sequence[Request]) -> Needs:  # noqa: C901 - one case for each request
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
                if isinstance(request, Cancel):
                    wanted.families.add(request.execution_id)
            case Send():
                wanted.executions.add(request.execution_id)
                wanted.signals.add((request.execution_id, request.id))
            case Release():
                wanted.executions.update(execution_id for execution_id, _ in request.held)
            case Start():
                _start_needs(request, wanted)
            case Fire():
                for one in request.starts:
                    _start_needs(one, wanted)
                ids = {one.execution_id for one in request.cancels}
                wanted.executions |= ids
                wanted.questions_of |= ids
                wanted.families |= ids
            case _:
                pass
    return wanted


def _start_needs(request: Start, wanted: Needs) -> None:
    wanted.starting.add(request.new.id)
    if request.new.idempotency_key:
        wanted.keys.add((request.new.agent_type, request.new.idempotency_key))


def _append_needs(step: AppendStep, wanted: Needs) -> None:
    execution_id = step.append.execution_id
    wanted.executions.add(execution_id)
    if step.append.status == "awaiting_review" or step.append.status in ENDED:
        wanted.questions_of.add(execution_id)
    if step.append.parent_id is not None:
        wanted.executions.add(step.append.parent_id)
    if step.append.abandons:
        wanted.families.add(execution_id)
    for use in step.uses:
        wanted.approvals.add(use.approval_id)


def decide_one(ledger: Ledger, request: Write) -> Outcome:
    """Accept a request into the ledger, or say why not; a refused one leaves no trace."""
    try:
        return _accept(ledger, request)
    except HoldfastError as refusal:
        return refusal


def _accept(ledger: Ledger, request: Write) -> Result:  # noqa: C901, PLR0912 - one case for each request
    result: Result = None
    match request:
        case AppendStep():
            result = append(ledger, request)
        case Start():
            result = start(ledger, request)
        case Fire():
            result = fire(ledger, request)
        case Decide():
            rulings.decide(ledger, request)
        case Cancel():
            rulings.cancel(ledger, request)
        case Send():
            result = receive(ledger, request)
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
