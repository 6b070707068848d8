"""Folding: what each kind of event does to a history. The same code serves resuming and going on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast

from holdfast.loop import flow_fold
from holdfast.loop.asked import attempt_failed, chain_failed, parked, requested, responded, shortlisted
from holdfast.loop.carried import take_over
from holdfast.loop.history import (
    CALL_OVER,
    MALFORMED_GATES,
    CallState,
    Child,
    History,
    Origin,
    body_of,
    result_of,
    size_of,
)
from holdfast.loop.people import escalated, escalation_answered, opened, proposed, result_refused, ruled, taught
from holdfast.loop.rewind import before_step, happened_of, standing
from holdfast.loop.transcript import Answered, Entry, Returned, Told
from holdfast.policy.loops import Seen
from holdfast.teams.ceiling import Ceiling
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text
from holdfast.types import CallRecord, Event, Json

NOT_BY_A_WORKER: Final = frozenset(
    {
        kinds.APPROVAL_VOTED,
        kinds.APPROVAL_DECIDED,
        kinds.APPROVAL_REMINDED,
        kinds.APPROVAL_ESCALATED,
        kinds.APPROVAL_EXPIRED,
        kinds.APPROVAL_WITHDRAWN,
        kinds.CANCEL_REQUESTED,
        kinds.RETRIED,
        kinds.CHILD_ENDED,
        kinds.SIGNAL_RECEIVED,
        kinds.WORKFLOW_UNDOING,
    }
)
"""Events that may come while no worker holds the execution."""

Data: TypeAlias = dict[str, Any]
"""An event's data: JSON of our own writing, its shape given by kind and version (`trail/events.py`)."""


TOOL_FAILURES: Final = frozenset({"error", "timeout", "refused", "postponed", "contract", "missing"})
"""Classes of failure that are a tool's own, and no mistake of the model."""

CARRIED: Final = ("step", "tokens", "cost_usd", "held_tokens", "held_usd", "tool_calls", "pins", "rung", "model",
                  "used", "last_at", "descendants", "family_tokens", "family_usd", "ceiling")  # fmt: skip
"""What turns that are set aside leave behind: what they cost, and steps that are counted once."""


def replay(history: History, events: Sequence[Event]) -> None:
    """Apply events read from the journal, timing included."""
    for place, event in enumerate(events):
        if event.kind == kinds.RETRIED and event.data.get("from_step"):
            rewind(history, events[:place], cast("Data", event.data))
        keep_time(history, event)
        keep_count(history, event)
        apply(history, event.kind, event.data)


def rewind(history: History, before: Sequence[Event], data: Data) -> None:
    """Set turns aside, as if they had not been said; what they did and cost stays known."""
    base = History()
    for event in before_step(standing(before), data["from_step"]):
        apply(base, event.kind, event.data)
    for name in CARRIED:
        setattr(base, name, getattr(history, name))
    base.approvals, base.calls, base.reserved = {}, {}, None
    endings: dict[Json, Mapping[str, Json]] = {
        one.call_id: one.ended
        for one in history.happened
        if one.ended is not None  # of agents before this one too
    } | {event.data["call_id"]: event.data for event in before if event.kind == kinds.CALL_ENDED}
    base.happened = [happened_of(cast("Data", item), endings) for item in data["happened"]]
    for field in fields(History):
        setattr(history, field.name, getattr(base, field.name))


def apply(history: History, kind: str, data: Mapping[str, Json]) -> None:
    """Take one event into account. The same code serves resuming and going on."""
    handler = HANDLERS.get(kind)
    if handler is not None:
        handler(history, cast("Data", data))


def keep_count(history: History, event: Event) -> None:
    """Count the activations in a row that left nothing behind."""
    history.fruitless = history.fruitless + 1 if event.kind == kinds.CLAIMED else 0


def keep_time(history: History, event: Event) -> None:
    """Activity is from a claim to the last that its worker wrote."""
    if event.kind == kinds.CLAIMED:
        if history.claimed_at and history.last_at:
            history.active_s += (history.last_at - history.claimed_at).total_seconds()
        history.claimed_at = event.at
    if event.kind not in NOT_BY_A_WORKER:
        history.last_at = event.at


def started(history: History, data: Data) -> None:
    history.input = data["input"]
    history.user = data["user"]
    history.pins = dict(data["tools"])
    origin: Data = data.get("origin") or {}
    if "ceiling" in origin:
        history.ceiling = Ceiling.of_event(origin["ceiling"])
    history.add(Told(as_text(history.input)))
    if "handover" in data:
        take_over(history, data["handover"])


def claimed(history: History, _data: Data) -> None:
    # A model call that was under way has an unknown bill: its reservation stays held for good.
    history.reserved = None
    history.calls = {key: replace(call, fresh=False) for key, call in history.calls.items()}
    flow_fold.claimed(history)


def retried(history: History, data: Data) -> None:
    history.since = (
        history.step,
        history.all_tokens,
        history.all_usd,
        history.tool_calls,
    )
    history.corrections, history.closing, history.malformed = 0, None, False
    history.seen.clear()
    history.tried.clear()
    history.failures.clear()
    # What a person said no to may be asked again: that is what a retry is for.
    history.forget_approvals("escalation")
    history.forget_approvals("change")
    history.active_s, history.claimed_at = 0.0, None
    flow_fold.retried(history)
    if data.get("told"):
        history.tell(data["told"])


def recalled(history: History, data: Data) -> None:
    history.recalled = tuple(item["id"] for item in data["executions"])
    earlier: list[Entry] = []
    for asked, answered in data["exchanges"]:
        earlier += [Told(asked), Answered(answered)]
        history.notes.append(f"Earlier in this thread: {asked}\nAnswered: {answered}")
    history.entries[:0] = earlier
    history.entry_steps[:0] = [0] * len(earlier)
    history.context_bytes += sum(map(size_of, earlier))
    history.rebuilt += 1


def compacted(history: History, data: Data) -> None:
    keep_from: int = data["keep_from"]
    kept = [
        (step, entry) for step, entry in zip(history.entry_steps, history.entries, strict=True) if step >= keep_from
    ]
    history.entries = [Told(data["digest"]), *(entry for _, entry in kept)]
    history.entry_steps = [0, *(step for step, _ in kept)]
    history.context_bytes = sum(map(size_of, history.entries))
    history.last_usage = None
    history.rebuilt += 1


def tools_changed(history: History, data: Data) -> None:
    history.pins = dict(data["tools"])
    history.forget_approvals("change")


def corrected(history: History, data: Data) -> None:
    history.malformed = True
    if data.get("provider_call_id"):
        history.add(
            Returned(
                provider_call_id=data["provider_call_id"],
                tool=data["tool"],
                content=data["message"],
                status="failed",
            )
        )
    else:
        history.tell(data["message"])


def decided(history: History, data: Data) -> None:
    history.malformed |= data["decision"]["gate"] in MALFORMED_GATES
    history.tool_calls += data["call_id"] not in history.calls  # decided again where a grant was used up
    history.calls[data["call_id"]] = CallState(
        id=data["call_id"],
        provider_call_id=data["gen_ai.tool.call.id"],
        step=data["step"],
        index=data["index"],
        tool=data["gen_ai.tool.name"],
        arguments=data["arguments"],
        effect=data["effect"],
        status=data["status"],
        digest=data["digest"],
        schema_hash=data["schema_hash"],
        key=data.get("idempotency_key") or data["call_id"],
    )
    if data.get("idempotency_key"):
        forget_happened(history, data["idempotency_key"])


def dispatched(history: History, data: Data) -> None:
    call = history.calls[data["call_id"]]
    history.calls[call.id] = replace(
        call,
        status="running",
        fresh=True,
        arguments=data["arguments"] if data.get("arguments") is not None else call.arguments,
        digest=data.get("digest") or call.digest,
        schema_hash=data.get("schema_hash") or call.schema_hash,
    )
    history.use_approvals(call.id)


def fell_back(history: History, data: Data) -> None:
    call = history.calls[data["call_id"]]
    first = call.origin or Origin(tool=call.tool, digest=call.digest, effect=call.effect, error="")
    history.calls[call.id] = replace(
        call,
        tool=data["tool"],
        effect=data["effect"],
        status=data["status"],
        arguments=data["arguments"],
        digest=data["digest"],
        schema_hash=data["schema_hash"],
        key=f"{call.id}:{data['tool']}",
        origin=replace(first, error=data["error"]),
        fresh=True,
        attempts=0,
        waits=0,
    )
    history.use_approvals(call.id)


def child_started(history: History, data: Data) -> None:
    ceiling = Ceiling.of_event(data["ceiling"])
    history.children[data["call_id"]] = Child(
        id=data["child_id"],
        agent=data["agent"],
        ceiling=ceiling,
        call=data.get("serves") or data["call_id"],
        panel=data.get("panel"),
        takes_over=data.get("handover", False),
    )


def child_ended(history: History, data: Data) -> None:
    history.descendants += 1 + data["descendants"]
    history.family_tokens += data["tokens"]
    history.family_usd += Decimal(data["cost_usd"])
    if child := history.children.get(data["call_id"]):
        history.children[data["call_id"]] = replace(child, end=data)


def ended(history: History, data: Data) -> None:
    call = replace(history.calls[data["call_id"]], status=data["status"], attempts=data["attempt"])
    if call.status == "pending":
        call = replace(call, waits=call.waits + 1)
    history.calls[call.id] = call
    if call.status not in CALL_OVER:
        return
    if history.children:
        history.children = {name: child for name, child in history.children.items() if child.call != call.id}
    history.use_approvals(call.id)
    history.records.append(record_of(call, data))
    first = call.origin.digest if call.origin else call.digest
    came = f"{call.status}:{body_of(data)}"
    history.seen.append(Seen(digest=first, outcome_digest=came, tool=call.tool, arguments=call.arguments))
    if data.get("failure") in TOOL_FAILURES:
        history.failures.append(f"{call.asked}: {data['error'] or data['content']}")
    if data.get("reused_from"):
        forget_happened(history, data["reused_from"])
    history.contents[call.id] = data["content"]
    if not history.has_open_calls():
        return_all(history)


def record_of(call: CallState, data: Data) -> CallRecord:
    """A finished call as a rule sees it."""
    stood_in = data.get("fallback")
    return CallRecord(
        tool=call.asked,
        arguments=call.arguments,
        status=call.status,
        result=result_of(data),
        effect=call.effect,
        fallback=(stood_in["tool"] or stood_in["kind"]) if stood_in else None,
    )


def forget_happened(history: History, name: str) -> None:
    """A call that happened before a retry was asked for again: that was its once."""
    history.happened = [item for item in history.happened if name not in {item.call_id, item.key}]


def return_all(history: History) -> None:
    # A provider wants the results of one message together and in its order.
    for call in sorted(history.calls.values(), key=lambda call: call.index):
        history.add(
            Returned(
                provider_call_id=call.provider_call_id,
                tool=call.asked,
                content=history.contents.pop(call.id),
                status=call.status,
            )
        )
    for text in history.held_back:
        history.add(Told(text))
    history.held_back.clear()


HANDLERS: Final[Mapping[str, Callable[[History, Data], None]]] = {
    kinds.STARTED: started,
    kinds.CLAIMED: claimed,
    kinds.RETRIED: retried,
    kinds.THREAD_RECALLED: recalled,
    kinds.CONTEXT_COMPACTED: compacted,
    kinds.TOOLS_CHANGED: tools_changed,
    kinds.TOOLS_SHORTLISTED: shortlisted,
    kinds.PARKED: parked,
    kinds.MODEL_REQUESTED: requested,
    kinds.MODEL_RESPONDED: responded,
    kinds.MODEL_ATTEMPT_FAILED: attempt_failed,
    kinds.MODEL_FAILED: chain_failed,
    kinds.CORRECTED: corrected,
    kinds.CALL_DECIDED: decided,
    kinds.CALL_DISPATCHED: dispatched,
    kinds.CALL_FELL_BACK: fell_back,
    kinds.CHILD_STARTED: child_started,
    kinds.CHILD_ENDED: child_ended,
    kinds.CALL_ENDED: ended,
    kinds.APPROVAL_OPENED: opened,
    kinds.RESULT_PROPOSED: proposed,
    kinds.RESULT_REFUSED: result_refused,
    kinds.FEEDBACK_RECALLED: taught,
    kinds.APPROVAL_ESCALATED: escalated,
    kinds.APPROVAL_DECIDED: ruled,
    kinds.APPROVAL_EXPIRED: ruled,
    kinds.APPROVAL_WITHDRAWN: ruled,
    kinds.GUIDED: escalation_answered,
    **flow_fold.FLOW_HANDLERS,
}
"""What each kind of event changes; kinds that change nothing a worker needs are not listed."""
