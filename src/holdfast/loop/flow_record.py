"""What the journal says about the steps of a workflow: their starts, their ends, and their rows."""

from dataclasses import dataclass, replace
from datetime import datetime

from holdfast.loop.activation import Activation
from holdfast.loop.flow_history import StepKind, StepState, StepStatus
from holdfast.policy.approval import digest
from holdfast.trail import events as kinds
from holdfast.trail.codec import storable
from holdfast.types import ApprovalUse, CallChange, CallStatus, Effect, Json

_ROW: dict[StepStatus, CallStatus] = {"postponed": "pending", "completed": "completed", "failed": "failed",
                                      "in_doubt": "in_doubt", "running": "running"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a step came to."""

    status: StepStatus
    result: Json = None
    error: str | None = None
    failure: str | None = None
    attempt: int = 0
    latency_ms: float = 0.0
    check: str | None = None
    until: datetime | None = None
    signal_id: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A step that is about to begin."""

    name: str
    at: str
    kind: StepKind
    arguments: Json
    effect: Effect = "read"
    undo: bool = False
    agent: str | None = None
    until: datetime | None = None
    signal: str | None = None


def step_id(activation: Activation, name: str) -> str:
    """What a step's approvals, child and row are found by; also its key: spelled, never counted from memory."""
    again = activation.history.flow.again.get(name, 0)
    return f"{activation.id}:{name}#{again + 1}" if again else f"{activation.id}:{name}"


def given_digest(activation: Activation, name: str, arguments: Json) -> str:
    """SHA-256 of what a step is given, as the record has it."""
    return digest(name, storable(arguments, activation.desk.redactor))


def record_start(
    activation: Activation, start: Start, *, again: bool = False, begun: bool = False, use: ApprovalUse | None = None
) -> None:
    """The intent of a step.

    Args:
        activation: Where it is recorded.
        start: The step.
        again: It was started before.
        begun: It begins whatever comes of the commit, as a read may.
        use: The answer by which it may run.
    """
    known = activation.history.flow.steps.get(start.name) if again else None
    call_id = known.id if known else step_id(activation, start.name)
    data: dict[str, Json] = {
        "call_id": call_id,
        "name": start.name,
        "at": start.at,
        "kind": start.kind,
        "effect": start.effect,
        "key": call_id,
        "digest": given_digest(activation, start.name, start.arguments),
        "arguments": start.arguments,
        "undo": start.undo,
    }
    if start.agent is not None:
        data["agent"] = start.agent
    if start.until is not None:
        data["until"] = start.until.isoformat()
    if start.signal is not None:
        data["signal"] = start.signal
    if known is not None:
        data["again"] = True
    if use is not None:
        data["approval_id"] = use.approval_id
    row = _row_of_start(activation, start, known, call_id)
    if begun:
        activation.fact(kinds.STEP_STARTED, data, row)
    else:
        activation.intend(kinds.STEP_STARTED, data, row, use)


def _row_of_start(activation: Activation, start: Start, known: StepState | None, call_id: str) -> CallChange:
    people = start.kind == "approve"
    return CallChange(
        id=call_id,
        status="awaiting_review" if people else "running",
        step_number=known.number if known else activation.history.step + 1,
        tool_name=start.name,
        effect=start.effect,
        idempotency_key=call_id,
        tool_input=start.arguments,
        called_at=activation.desk.clock.now(),
    )


def record_end(activation: Activation, name: str, end: Ended, use: ApprovalUse | None = None) -> None:
    """What a step came to, or that it is to be tried later. Of one whose start was dropped, nothing."""
    state = activation.history.flow.steps.get(name)
    if state is None:
        return
    redactor = activation.desk.redactor
    end = replace(end, error=redactor.text(end.error) if end.error else None)
    data: dict[str, Json] = {
        "call_id": state.id,
        "name": name,
        "kind": state.kind,
        "status": end.status,
        "result": end.result,
        "error": end.error,
        "failure": end.failure,
        "attempt": end.attempt,
        "latency_ms": round(end.latency_ms, 3),
    }
    more: dict[str, Json] = {"check": end.check, "signal_id": end.signal_id, "by": end.by}
    data |= {key: value for key, value in more.items() if value is not None}
    if end.until is not None:
        data["until"] = end.until.isoformat()
    row = _row_of_end(activation, state, end)
    if use is None:
        activation.fact(kinds.STEP_ENDED, data, row)
    else:
        activation.intend(kinds.STEP_ENDED, data, row, use)


def _row_of_end(activation: Activation, state: StepState, end: Ended) -> CallChange:
    over = end.status in {"completed", "failed"}
    denied = state.kind == "approve" and end.status == "completed" and not _agreed(end.result)
    return CallChange(
        id=state.id,
        status="denied" if denied else _ROW[end.status],
        step_number=state.number,
        tool_name=state.name,
        effect=state.effect,
        idempotency_key=state.key,
        tool_output=end.result,
        attempt=end.attempt,
        latency_ms=end.latency_ms,
        error=end.error or end.check,
        finished_at=activation.desk.clock.now() if over else None,
    )


def _agreed(result: Json) -> bool:
    return isinstance(result, dict) and bool(result.get("approved"))
