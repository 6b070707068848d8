"""Parts of a response's output, as OpenAI's clients read them. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

from holdfast.types import ApprovalKind, Json

Data = dict[str, Any]
REQUEST: Final = "mcpr_"
"""How the ids of approval requests begin."""


def as_words(value: Json) -> str:
    """A result as text: words as they are, anything else as its JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def text_part(text: str) -> Data:
    """The text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message(name: str, text: str | None) -> Data:
    """The answer; `None`: it begins."""
    return {
        "id": f"msg_{name}",
        "type": "message",
        "role": "assistant",
        "status": "in_progress" if text is None else "completed",
        "phase": "final_answer",
        "content": [] if text is None else [text_part(text)],
    }


def call(call_id: str, *, agent: str, tool: str, arguments: str, approval_id: str | None) -> Data:
    """A tool call that runs. Clients show it, and run nothing."""
    return {
        "id": f"mcp_{call_id}",
        "type": "mcp_call",
        "server_label": agent,
        "name": tool,
        "arguments": arguments,
        "approval_request_id": None if approval_id is None else f"{REQUEST}{approval_id}",
        "output": None,
        "error": None,
        "status": "in_progress",
    }


def ended(item: Data, ending: Mapping[str, Any]) -> Data:
    """The same call when it is over."""
    content = str(ending["content"])
    if ending["status"] == "completed":
        return {**item, "status": "completed", "output": content}
    error = {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": content}]}
    return {**item, "status": "incomplete" if ending["status"] == "in_doubt" else "failed", "error": error}


def approval_request(opened: Mapping[str, Any], *, agent: str, arguments: Json) -> Data:
    """A question to people.

    Args:
        opened: The event that opened it.
        agent: Who asks.
        arguments: Of the call it is about; for other questions what it is about.
    """
    kind: ApprovalKind = opened["kind"]
    about = (
        arguments if kind == "call" else {"question": opened["question"], "reason": opened["reason"], kind: arguments}
    )
    return {
        "id": f"{REQUEST}{opened['approval_id']}",
        "type": "mcp_approval_request",
        "server_label": agent,
        "name": opened.get("gen_ai.tool.name") or kind,
        "arguments": json.dumps(about if about is not None else {}, ensure_ascii=False),
        # Not OpenAI's: for clients that know us.
        "kind": kind,
        "question": opened["question"],
        "reason": opened["reason"],
        "expires_at": opened["expires_at"],
    }


def approval_response(decided: Mapping[str, Any], *, seq: int) -> Data:
    """What a person answered, as an item of the input."""
    return {
        "id": f"mcprr_{decided['approval_id']}_{seq}",
        "type": "mcp_approval_response",
        "approval_request_id": f"{REQUEST}{decided['approval_id']}",
        "approve": decided["answer"] not in {"reject", "skip"},
        "reason": decided["note"],
    }


def user_message(name: str, text: str) -> Data:
    """What was asked, as an item of the input."""
    return {
        "id": f"msg_{name}_input",
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_text", "text": text}],
    }
