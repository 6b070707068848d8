"""What each kind of event means for a trace. The same code serves resuming and going on."""

from collections.abc import Callable, Mapping
from typing import Final

from holdfast.trail import events as kinds
from holdfast.trail.traces import attributes as say
from holdfast.trail.traces.attributes import Data, Given
from holdfast.trail.traces.ids import activation_id, span_id_of
from holdfast.trail.traces.span import Link
from holdfast.trail.traces.weave import INTERRUPTED, NOT_BY_A_WORKER, Open, Weaver
from holdfast.types import Json


def feed(weaver: Weaver, seq: int, kind: str, data: Mapping[str, Json], at_ns: int) -> None:
    """Take the next event into account."""
    handler = _HANDLERS.get(kind)
    if handler is not None:
        handler(weaver, seq, data, at_ns)
    if kind not in NOT_BY_A_WORKER:
        weaver.last_ns = at_ns


# --- the execution


def _started(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    weaver.root.start_ns = at_ns
    if weaver.content:
        weaver.root.said["gen_ai.input.messages"] = say.message("user", data.get("input"))


def _retried(weaver: Weaver, seq: int, _data: Data, at_ns: int) -> None:
    weaver.again = Open(span_id_of(weaver.id, "retry", seq), at_ns)
    weaver.calls.clear()


def _completed(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    weaver.close_activation("completed", at_ns)
    said: Given = {}
    if weaver.content:
        said["gen_ai.output.messages"] = say.message("assistant", data.get("result"))
    weaver.finish("completed", at_ns, said)


def _failed(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    reason = str(data.get("reason"))
    weaver.close_activation("failed", at_ns, reason=reason, error=reason, detail=data.get("error"))
    weaver.finish("failed", at_ns, {"holdfast.reason": reason}, error=reason, detail=data.get("error"))


def _cancelled(weaver: Weaver, _seq: int, _data: Data, at_ns: int) -> None:
    weaver.close_activation("cancelled", at_ns)
    weaver.finish("cancelled", at_ns, {})


def _claimed(weaver: Weaver, seq: int, data: Data, at_ns: int) -> None:
    if weaver.activation:
        weaver.close_activation("interrupted", weaver.last_ns, error=INTERRUPTED)
    said: Given = {
        "holdfast.execution.id": weaver.id,
        "holdfast.worker": str(data.get("worker")),
        "holdfast.fence": int(data.get("fence") or 0),
    }
    weaver.activation = Open(activation_id(weaver.id, seq), at_ns, said, links=weaver.answered)
    weaver.answered = []
    for call_id, call in weaver.calls.items():
        if call["status"] == "running":  # it was under way when the worker before this one stopped: it is recovered
            _resume_step(weaver, call, at_ns)
            weaver.running[call_id] = Open(span_id_of(weaver.id, "call", call_id, seq), at_ns)


def _parked(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    reason = str(data.get("reason"))
    error = reason if reason == "ACTIVATION_FAILED" else None
    weaver.close_activation("parked", at_ns, reason=reason, error=error, detail=data.get("error"))


# --- models


def _requested(weaver: Weaver, seq: int, data: Data, at_ns: int) -> None:
    weaver.enter_step(int(data["step"]), at_ns)
    said: Given = {"holdfast.purpose": "closing"} if data.get("purpose") == "closing" else {}
    if most := data.get("gen_ai.request.max_tokens"):
        said["gen_ai.request.max_tokens"] = int(most)
    weaver.model = Open(span_id_of(weaver.id, "model", seq), at_ns, said)


def _answered(weaver: Weaver, seq: int, data: Data, at_ns: int) -> None:
    """A model answered, or one attempt at it failed."""
    weaver.totals.input_tokens += int(data.get("gen_ai.usage.input_tokens") or 0)
    weaver.totals.output_tokens += int(data.get("gen_ai.usage.output_tokens") or 0)
    weaver.totals.usd += float(data.get("cost_usd") or 0)
    asked, weaver.model = weaver.model, None
    if weaver.muted:
        return
    asked = asked or Open(span_id_of(weaver.id, "model", seq), at_ns)
    if not asked.measured:
        asked.start_ns = max(asked.start_ns, at_ns - _ns_of_ms(data.get("latency_ms")))
    said = {**weaver.common, **say.answered(data, content=weaver.content)}
    weaver.tell(
        f"chat {said['gen_ai.request.model']}",
        asked,
        at_ns,
        parent=weaver.inner,
        said=said,
        error=data.get("failure"),
        detail=data.get("error"),
        client=True,
    )


def _chain_failed(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    weaver.note("model.failed", at_ns, {"error.type": str(data.get("reason"))})


def _corrected(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    weaver.note("model.corrected", at_ns, {"holdfast.problem": str(data.get("problem"))})


def _compacted(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    sizes = {f"holdfast.{name}": int(data.get(name) or 0) for name in ("bytes_before", "bytes_after")}
    weaver.note("context.compacted", at_ns, sizes)


# --- calls


def _decided(weaver: Weaver, seq: int, data: Data, at_ns: int) -> None:
    weaver.enter_step(int(data["step"]), at_ns)
    if data["status"] != "running":  # of what runs at once, its own span says it
        _judged(weaver, seq, data, at_ns)
    weaver.calls[data["call_id"]] = data
    _begin_if_running(weaver, seq, data, at_ns)


def _dispatched(weaver: Weaver, seq: int, data: Data, at_ns: int) -> None:
    call_id = data["call_id"]
    call = {**weaver.calls.get(call_id, {}), "status": "running"}
    if data.get("arguments") is not None:
        call["arguments"] = data["arguments"]
    weaver.calls[call_id] = call
    _resume_step(weaver, call, at_ns)
    _begin_if_running(weaver, seq, {**call, "call_id": call_id}, at_ns)
    if approval_id := data.get("approval_id"):
        link = Link(weaver.trace_id, span_id_of(weaver.id, "approval", approval_id), "approval")
        weaver.running[call_id].links.append(link)


def _fell_back(weaver: Weaver, seq: int, data: Data, at_ns: int) -> None:
    call_id, failure = data["call_id"], str(data.get("failure") or "error")
    weaver.close_call(call_id, at_ns, {"holdfast.tool.status": "fell_back"}, error=failure, detail=data.get("error"))
    same = weaver.calls.get(call_id, {})
    weaver.calls[call_id] = {**same, **data, "gen_ai.tool.name": data["tool"]}
    _judged(weaver, seq, weaver.calls[call_id], at_ns)
    _begin_if_running(weaver, seq, data, at_ns)


def _ended(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    call_id, status = data["call_id"], str(data["status"])
    said: Given = {"holdfast.tool.status": status, "holdfast.tool.attempt": int(data.get("attempt") or 0)}
    if weaver.content:
        said["gen_ai.tool.call.result"] = say.dumped(data.get("content"))
    _resume_step(weaver, weaver.calls.get(call_id, {}), at_ns)
    error = str(data.get("failure") or status) if status in {"failed", "in_doubt"} else None
    latency_ns = _ns_of_ms(data.get("latency_ms"))
    weaver.close_call(call_id, at_ns, said, error=error, detail=data.get("error"), latency_ns=latency_ns)
    if status in {"completed", "failed", "denied"}:
        weaver.calls.pop(call_id, None)
    elif call_id in weaver.calls:
        weaver.calls[call_id] = {**weaver.calls[call_id], "status": status}


def _judged(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    """A gate decided about a call, a result, or changed or chosen tools."""
    if not weaver.muted:
        weaver.note("gate.decided", at_ns, say.decision(data, content=weaver.content))


def _begin_if_running(weaver: Weaver, seq: int, data: Data, at_ns: int) -> None:
    if data["status"] == "running":
        call_id = data["call_id"]
        weaver.running[call_id] = Open(span_id_of(weaver.id, "call", call_id, seq), at_ns)


def _resume_step(weaver: Weaver, call: Data, at_ns: int) -> None:
    """A later activation goes on in the step where the one before it stopped."""
    if weaver.activation and not weaver.step and "step" in call:
        weaver.enter_step(int(call["step"]), at_ns)


# --- people


def _opened(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    approval_id = data["approval_id"]
    weaver.asked[approval_id] = Open(span_id_of(weaver.id, "approval", approval_id), at_ns), data


def _ruled(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    said = {"holdfast.approval.by": data.get("by"), "holdfast.approval.note": data.get("note")}
    weaver.close_question(
        data["approval_id"], str(data.get("answer")), at_ns, say.known(said) if weaver.content else None
    )


def _expired(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    weaver.close_question(data["approval_id"], "expired", at_ns)


def _withdrawn(weaver: Weaver, _seq: int, data: Data, at_ns: int) -> None:
    weaver.close_question(data["approval_id"], "withdrawn", at_ns)


def _cancel_requested(weaver: Weaver, _seq: int, _data: Data, at_ns: int) -> None:
    weaver.note("cancel.requested", at_ns, {})


def _ns_of_ms(latency_ms: object) -> int:
    return int(latency_ms * 1_000_000) if isinstance(latency_ms, int | float) else 0


_HANDLERS: Final[Mapping[str, Callable[[Weaver, int, Data, int], None]]] = {
    kinds.STARTED: _started,
    kinds.CLAIMED: _claimed,
    kinds.PARKED: _parked,
    kinds.CANCEL_REQUESTED: _cancel_requested,
    kinds.COMPLETED: _completed,
    kinds.FAILED: _failed,
    kinds.CANCELLED: _cancelled,
    kinds.RETRIED: _retried,
    kinds.CONTEXT_COMPACTED: _compacted,
    kinds.TOOLS_CHANGED: _judged,
    kinds.TOOLS_SHORTLISTED: _judged,
    kinds.MODEL_REQUESTED: _requested,
    kinds.MODEL_RESPONDED: _answered,
    kinds.MODEL_ATTEMPT_FAILED: _answered,
    kinds.MODEL_FAILED: _chain_failed,
    kinds.CORRECTED: _corrected,
    kinds.CALL_DECIDED: _decided,
    kinds.CALL_DISPATCHED: _dispatched,
    kinds.CALL_FELL_BACK: _fell_back,
    kinds.CALL_ENDED: _ended,
    kinds.PANEL_RESOLVED: _judged,
    kinds.RESULT_PROPOSED: _judged,
    kinds.APPROVAL_OPENED: _opened,
    kinds.APPROVAL_DECIDED: _ruled,
    kinds.APPROVAL_EXPIRED: _expired,
    kinds.APPROVAL_WITHDRAWN: _withdrawn,
}
"""Kinds that a trace does not show are not listed."""
