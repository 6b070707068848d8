"""What was said, in the model library's JSON: reading a response, and writing one for a rule.

The JSON is the one that the model library gives its `ModelResponse`. Reading and writing it here without the
library keeps agents that answer by rules, and whoever only reads a journal, from importing it.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import cast

from pydantic_core import to_json, to_jsonable_python

from holdfast.types import Call, Calls, Final, Json, Reply, Say

OUTPUT_TOOL = "final_result"
"""The tool by which a model hands in a structured result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCall:
    """A tool call as the model wrote it, before anything was checked."""

    provider_call_id: str
    tool: str
    arguments: str | Mapping[str, Json]
    """Text that should be JSON, or JSON already."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply taken apart: text, or calls."""

    text: str
    calls: tuple[Call, ...] = ()


def response_view(response: Mapping[str, Json]) -> tuple[str, tuple[RawCall, ...], str | None]:
    """Text, tool calls and finish reason of a recorded response.

    Adjacent pieces of text are joined as they are; pieces with something between them get a blank line.
    """
    texts: list[str] = []
    calls: list[RawCall] = []
    adjacent = False
    for part in cast("Sequence[Mapping[str, Json]]", response["parts"]):
        is_text = part["part_kind"] == "text"
        if is_text:
            texts.append(str(part["content"]) if adjacent or not texts else f"\n\n{part['content']}")
        elif part["part_kind"] == "tool-call":
            calls.append(_raw_call(part))
        adjacent = is_text
    return "".join(texts), tuple(calls), cast("str | None", response.get("finish_reason"))


def with_distinct_ids(response: Mapping[str, Json], taken: AbstractSet[str]) -> Mapping[str, Json]:
    """A recorded response in which every call has an id of its own, and none of `taken`."""
    parts = cast("Sequence[Mapping[str, Json]]", response["parts"])
    ids = call_ids(response)
    if len(set(ids)) == len(ids) and "" not in ids and taken.isdisjoint(ids):
        return response
    used, renamed = {*taken, ""}, list[Json]()
    for part in parts:
        if part["part_kind"] == "tool-call":
            name = str(part["tool_call_id"])
            if name in used:
                name = next(free for number in count(len(used)) if (free := f"call_{number}") not in used)
            used.add(name)
            renamed.append({**part, "tool_call_id": name})
        else:
            renamed.append(part)
    return {**response, "parts": renamed}


def call_ids(response: Mapping[str, Json]) -> list[str]:
    """How a provider names the calls of a recorded response, in order."""
    parts = cast("Sequence[Mapping[str, Json]]", response["parts"])
    return [str(part["tool_call_id"]) for part in parts if part["part_kind"] == "tool-call"]


def _raw_call(part: Mapping[str, Json]) -> RawCall:
    arguments = part.get("args")
    return RawCall(
        provider_call_id=str(part["tool_call_id"]),
        tool=str(part["tool_name"]),
        arguments=arguments if isinstance(arguments, str | Mapping) else {},
    )


def said(reply: object, *, structured: bool, wrapped_in: str | None = None) -> Said:
    """What a rule or a script answered, as text and calls.

    Args:
        reply: A `Reply`: `Say`, `Call`, `Calls`, `Final` or a plain string.
        structured: Whether the agent has an output type, so that a `Final` goes through the output tool.
        wrapped_in: The key under which that tool wants the value; `None` when the value is an object itself.

    Raises:
        TypeError: It is none of these, or its value cannot be the result.
    """
    match cast("Reply", reply):
        case str(text) | Say(text):
            return Said(text)
        case Call() as call:
            return Said("", (call,))
        case Calls(calls):
            return Said("", tuple(calls))
        case Final(value) if structured:
            args = {wrapped_in: value} if wrapped_in else to_jsonable_python(value)
            if not isinstance(args, Mapping):
                raise TypeError(f"Final({value!r}): the agent's output is an object; give one of its type, or a dict")
            return Said("", (Call(OUTPUT_TOOL, cast("Mapping[str, object]", args)),))
        case Final(value):
            return Said(value if isinstance(value, str) else to_json(value).decode())
        case _:
            raise TypeError(
                f"{reply!r} is no reply: return Say(text), Call(tool, args), Calls([...]), Final(value) or a string"
            )


def rule_response(what: Said, *, name: str, at: datetime, call_prefix: str) -> Mapping[str, Json]:
    """A rule's answer as the library would record it.

    Args:
        what: The answer.
        name: Of the rule; it stands where a model's name would.
        at: When it answered.
        call_prefix: Makes call ids unique in their conversation: `{call_prefix}-{index}`.
    """
    parts: list[Json] = [{"content": what.text, "part_kind": "text"}] if what.text else []
    for index, call in enumerate(what.calls):
        parts.append(
            {
                "tool_name": call.tool,
                "args": cast("Json", to_jsonable_python(call.args)),
                "tool_call_id": f"{call_prefix}-{index}",
                "part_kind": "tool-call",
            }
        )
    return {
        "parts": parts,
        "model_name": name,
        "provider_name": "rules",
        "timestamp": at.isoformat(),
        "finish_reason": "tool_call" if what.calls else "stop",
        "kind": "response",
        "state": "complete",
    }
