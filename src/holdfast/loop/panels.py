"""Panels: what counts of what several specialists came to, decided once all have ended, and on the record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from holdfast.errors import InvalidArguments
from holdfast.loop.activation import Activation
from holdfast.loop.child import confidence_of, said_of, told_of
from holdfast.loop.history import ApprovalState, CallState, Child
from holdfast.loop.outcome import end_call, refusal
from holdfast.policy import approval as asking
from holdfast.policy import gate
from holdfast.teams.panel import Panel
from holdfast.teams.panel_ruling import Resolution, Voice, resolve
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text
from holdfast.types import CallStatus, Json


def settle_panel(activation: Activation, call: CallState, children: Sequence[Child]) -> None:
    """Decide what counts, or ask people, or take their answer; all members have ended."""
    delegate = activation.cast.team.get(call.tool)
    panel = delegate.panel if delegate else None
    found = _found(activation, panel, children)
    answer = activation.history.approval_for(call.id)
    if panel is None or not found.asks:
        _record(activation, call, children, found)
    elif answer is None:
        _ask(activation, call, panel, children, found.reason)
    elif answer.over:
        _take(activation, call, panel, children, replace(found, asks=False), answer)


def _found(activation: Activation, panel: Panel[Any] | None, children: Sequence[Child]) -> Resolution:
    if panel is None:
        gone = "the panel is not declared any more"
        return Resolution(outcome="undecided", gate="supervisor", reason=gone)
    return resolve(panel, [_voice(activation, child) for child in children])


def _voice(activation: Activation, child: Child) -> Voice:
    end: Mapping[str, Any] = child.end or {}
    result: Json = end["result"]
    completed = end["status"] == "completed"
    return Voice(
        agent=child.agent,
        completed=completed,
        result=result,
        value=_typed(activation, child.agent, result) if completed else None,
        confidence=confidence_of(result),
    )


def _typed(activation: Activation, agent: str, result: Json) -> object:
    cast = activation.desk.casts.get(agent)
    try:
        return cast.contract.typed(result) if cast else result
    except InvalidArguments:  # a deploy changed the type meanwhile
        return result


# --- people


def _ask(activation: Activation, call: CallState, panel: Panel[Any], children: Sequence[Child], reason: str) -> None:
    desk = activation.desk
    names = [child.agent for child in children if told_of(child)["status"] == "completed"]
    shown: dict[str, Json] = {
        "task": call.arguments.get("task"),
        "results": {child.agent: _shown(child) for child in children},
    }
    question = asking.ask_person(
        kind="question",
        approval_id=desk.new_id(),
        question=f"The members of {panel.name} contradict each other. Whose result counts: {' or '.join(names)}?"
        " Answer with that name.",
        reason=reason,
        gate="panel",
        now=desk.clock.now(),
        expiry_s=desk.approval_expiry_s,
        call_id=call.id,
        tool=call.tool,
        arguments=shown,
        digest=asking.digest(call.tool, shown),
    )
    activation.ask(asking.route(question, panel.routing, now=desk.clock.now(), expiry_s=desk.approval_expiry_s))


def _shown(child: Child) -> Json:
    """A member's result as people see it; of one that has none, why."""
    told = told_of(child)
    return told["result"] if told["status"] == "completed" else said_of(child)


def _take(  # noqa: PLR0913, PLR0917 - a choice, and among what
    activation: Activation,
    call: CallState,
    panel: Panel[Any],
    children: Sequence[Child],
    found: Resolution,
    answer: ApprovalState,
) -> None:
    if answer.answer not in {"answer", "approve"}:
        outcome = "expired" if answer.answer is None else "rejected"
        _record(activation, call, children, replace(found, outcome=outcome, reason=refusal(answer)), answer)
        return
    chosen = _named(answer.note or "", list(found.sides))
    if chosen is None:
        _ask(activation, call, panel, children, f"{answer.by} answered {answer.note!r}, which is none of the names.")
        return
    said = f"{answer.by} chose {chosen}"
    _record(activation, call, children, replace(found, outcome="chosen", member=chosen, reason=said), answer)


def _named(said: str, names: Sequence[str]) -> str | None:
    wanted = said.strip().strip("'\".").casefold()
    return next((name for name in names if name.casefold() == wanted), None)


# --- the record


def _record(
    activation: Activation,
    call: CallState,
    children: Sequence[Child],
    found: Resolution,
    answer: ApprovalState | None = None,
) -> None:
    panel = children[0].panel
    winner = next((child for child in children if child.agent == found.member), None)
    result: Json = told_of(winner)["result"] if winner else None
    event: dict[str, Json] = {
        "call_id": call.id,
        "gen_ai.tool.name": call.tool,
        "panel": panel,
        "outcome": found.outcome,
        "decision": gate.as_event(found.decision),
        "member": found.member,
        "result": result,
        "votes": [_vote(child, found) for child in children],
        "before": list(found.before),
    }
    if answer is not None:
        event |= {"approval_id": answer.id, "by": answer.by or None, "note": answer.note}
    activation.fact(kinds.PANEL_RESOLVED, event)
    status, told = _status(found), _told(children, found, result)
    words = None if status == "completed" else f"{panel}: {found.reason}"
    end_call(activation, call, status, as_text(told), output=told, error=words)


def _status(found: Resolution) -> CallStatus:
    match found.outcome:
        case "too_few":
            return "failed"
        case "rejected" | "expired":
            return "denied"
        case _:
            return "completed"


def _vote(child: Child, found: Resolution) -> dict[str, Json]:
    told = told_of(child)
    return {
        "agent": child.agent,
        "child_id": child.id,
        "status": told["status"],
        "side": found.sides.get(child.agent),
        "score": found.scores.get(child.agent),
        "confidence": told.get("confidence"),
        "cost_usd": told["cost_usd"],
        "reason": None if told["status"] == "completed" else said_of(child),
    }


def _told(children: Sequence[Child], found: Resolution, result: Json) -> dict[str, Json]:
    """What the model is given: what counts and why, and what each member said."""
    ends: list[Mapping[str, Any]] = [child.end or {} for child in children]
    return {
        "panel": children[0].panel,
        "outcome": found.outcome,
        "reason": found.reason,
        "member": found.member,
        "result": result,
        "members": [told_of(child) for child in children],
        "steps": sum(end["steps"] for end in ends),
        "tokens": sum(end["tokens"] for end in ends),
        "cost_usd": float(sum((Decimal(end["cost_usd"]) for end in ends), Decimal(0))),
    }
