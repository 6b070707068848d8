"""Calls of turns that a retry set aside: asked for again, they are answered from the record, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from holdfast.loop.activation import Activation
from holdfast.loop.history import History, body_of, result_of
from holdfast.loop.judged import Judged
from holdfast.trail import events as kinds
from holdfast.types import CallChange, Decision

REUSED = Decision(
    verdict="allow", gate="retry", reason="It happened before the retry: its recorded result is given, nothing runs."
)


def recognised(history: History, judged: Sequence[Judged]) -> list[Judged]:
    """The calls of a message, those that happened before a retry marked as such."""
    left, found = list(history.happened), list[Judged]()
    for call in judged:
        same = next((item for item in left if call.proposal and call.digest in item.digests), None)
        if same is None:
            found.append(call)
            continue
        left.remove(same)
        found.append(replace(call, happened=same, decision=REUSED if same.ended is not None else call.decision))
    return found


def give_recorded(activation: Activation, call: Judged) -> None:
    """Answer a call with what it came to before the retry."""
    if call.happened is None or call.happened.ended is None:
        return
    ended = dict[str, Any](call.happened.ended)
    activation.intend(
        kinds.CALL_ENDED,
        {
            "call_id": call.id,
            "status": ended["status"],
            "content": f"{preface(call.raw.tool, ended)}\n{body_of(ended)}",
            "json": ended.get("json", False),
            "blob": ended["blob"],
            "error": ended["error"],
            "attempt": 0,
            "latency_ms": 0.0,
            "reused_from": call.happened.call_id,
        },
        CallChange(
            id=call.id,
            status=ended["status"],
            step_number=activation.history.step,
            tool_name=call.raw.tool,
            effect=call.effect,
            idempotency_key=call.key,
            tool_input=call.arguments,
            tool_output=result_of(ended) if ended["status"] == "completed" else None,
            finished_at=activation.desk.clock.now(),
        ),
    )


def preface(tool: str, ended: Mapping[str, Any]) -> str:
    """What the model is told before the recorded result."""
    if ended["status"] == "completed":
        return f"[{tool} happened before, and was not done again. What follows is its recorded result.]"
    return f"[{tool} was asked for before, and is not done again.]"
