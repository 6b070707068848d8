"""What spans say of events: OpenTelemetry's GenAI conventions where they have a word, `holdfast.*` where not."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from holdfast.trail.traces.span import Attribute

Data: TypeAlias = Mapping[str, Any]
Given: TypeAlias = dict[str, Attribute]

LONGEST: Final = 64 * 1024
"""Characters of captured content in one attribute."""

_COUNTED: Final = (
    ("cache_read_tokens", "gen_ai.usage.cache_read.input_tokens"),
    ("cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens"),
)


def known(attributes: Mapping[str, Attribute | None]) -> Given:
    """Those that somebody knows."""
    return {name: value for name, value in attributes.items() if value is not None}


def answered(data: Data, *, content: bool) -> Given:
    """What a model call came to, failed or not."""
    asked = str(data.get("gen_ai.request.model") or "")
    found: Given = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": str(data["gen_ai.provider.name"]),
        "gen_ai.request.model": plain(asked or str(data.get("gen_ai.response.model"))),
        "gen_ai.usage.input_tokens": int(data.get("gen_ai.usage.input_tokens") or 0),
        "gen_ai.usage.output_tokens": int(data.get("gen_ai.usage.output_tokens") or 0),
    }
    if usd := float(data.get("cost_usd") or 0):
        found["holdfast.cost_usd"] = usd
    if rung := data.get("rung"):
        found["holdfast.model.rung"] = int(rung)
    for key, name in _COUNTED:
        if tokens := data.get(key):
            found[name] = int(tokens)
    if model := data.get("gen_ai.response.model"):
        found["gen_ai.response.model"] = str(model)
    response: Data = data.get("response") or {}
    if reason := response.get("finish_reason"):
        found["gen_ai.response.finish_reasons"] = (str(reason),)
    if then := data.get("then"):
        found["holdfast.then"] = str(then)
    if content and response:
        found["gen_ai.output.messages"] = spoken(response)
    return found


def plain(model: str) -> str:
    """A model's name without its provider's."""
    return model.partition(":")[2] or model


def decision(data: Data, *, content: bool) -> Given:
    """What a gate said of a call, a result or changed tools. Its reason may quote what it judged: that is content."""
    said = data["decision"]
    found: Given = {"holdfast.decision.verdict": str(said["verdict"]), "holdfast.decision.gate": str(said["gate"])}
    if said.get("risk"):
        found["holdfast.decision.risk"] = float(said["risk"])
    for name in ("gen_ai.tool.name", "call_id"):
        if data.get(name):
            found[name.replace("call_id", "holdfast.call.id")] = str(data[name])
    if content and said.get("reason"):
        found["holdfast.decision.reason"] = str(said["reason"])
    return found


def dumped(value: object) -> str:
    """Captured content as one attribute."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} [...]"


def message(role: str, value: object) -> str:
    """One message of plain content, as the conventions write messages."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return dumped([{"role": role, "parts": [{"type": "text", "content": text}]}])


def spoken(response: Data) -> str:
    """A model's message, from the model library's JSON of it."""
    parts: Sequence[Data] = response.get("parts") or ()
    said = [part for part in map(_part, parts) if part]
    return dumped([{"role": "assistant", "parts": said, "finish_reason": response.get("finish_reason")}])


def _part(part: Data) -> Data | None:
    match part.get("part_kind"):
        case "text":
            return {"type": "text", "content": part.get("content")}
        case "tool-call":
            return {
                "type": "tool_call",
                "id": part.get("tool_call_id"),
                "name": part.get("tool_name"),
                "arguments": part.get("args"),
            }
        case _:
            return None


def called(call_id: str, call: Data, *, content: bool) -> Given:
    """What is known of a call that ran."""
    found: Given = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": str(call.get("gen_ai.tool.name")),
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": str(call.get("gen_ai.tool.call.id")),
        "holdfast.call.id": call_id,
        "holdfast.tool.effect": str(call.get("effect")),
    }
    if "decision" in call:
        found |= decision(call, content=content)
    if content:
        found["gen_ai.tool.call.arguments"] = dumped(call.get("arguments"))
    return found


def asked(data: Data, *, content: bool) -> Given:
    """What is known of a question to people."""
    return known(
        {
            "holdfast.approval.id": str(data["approval_id"]),
            "holdfast.approval.kind": str(data.get("kind")),
            "holdfast.call.id": data.get("call_id"),
            "holdfast.decision.gate": data.get("gate"),
            "gen_ai.tool.name": data.get("gen_ai.tool.name"),
            "holdfast.approval.question": str(data.get("question")) if content else None,
        }
    )
