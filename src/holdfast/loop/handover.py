"""What an execution that cannot go on alone hands over: what happened and what is open, from the record."""

from collections.abc import Mapping, Sequence

from holdfast.loop.activation import Activation
from holdfast.loop.digest import fit
from holdfast.loop.history import History
from holdfast.trail.codec import as_text
from holdfast.types import CallRecord, Json

SHOWN = 50
"""Calls that an account lists of each sort, the newest."""
WORDS_OF_A_RESULT = 300


def account(activation: Activation, reason: str, said: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """The state of the work for whoever takes it over: effects by the record, the agent's own words beside them."""
    history, tools = activation.history, activation.cast.tools
    effects = [item for item in history.records if item.effect != "read" or _is_effect(activation, item.tool)]
    happened = [_happened(item) for item in effects if item.status == "completed" and item.effect != "read"]
    undone = [_undone(item) for item in effects if item.status != "completed" and item.tool in tools]
    return {
        "reason": reason,
        "happened": [*_set_aside(history), *happened][-SHOWN:],
        "open": [*undone, *_unsettled(history)][-SHOWN:],
        "said": {name: (said or {}).get(name) for name in ("done", "open")},
    }


def in_words(found: Mapping[str, Json]) -> str:
    """The effects of an account in one line."""
    return f"On record as happened: {_list(found['happened'])}. Open: {_list(found['open'])}."


def _is_effect(activation: Activation, tool: str) -> bool:
    known = activation.cast.tools.get(tool)
    return known is not None and known.effect != "read"


def _happened(item: CallRecord) -> dict[str, Json]:
    result = fit(as_text(item.result), WORDS_OF_A_RESULT)
    return {"tool": item.tool, "arguments": dict(item.arguments), "result": result}


def _undone(item: CallRecord) -> dict[str, Json]:
    why = fit(as_text(item.result), WORDS_OF_A_RESULT)
    return {"tool": item.tool, "arguments": dict(item.arguments), "status": item.status, "why": why}


def _set_aside(history: History) -> list[dict[str, Json]]:
    """Effects of turns that a retry set aside: they happened all the same."""
    return [
        {"tool": item.tool, "arguments": None, "result": fit(str(item.ended["content"]), WORDS_OF_A_RESULT)}
        for item in history.happened
        if item.ended is not None and item.ended["status"] == "completed"
    ]


def _unsettled(history: History) -> list[dict[str, Json]]:
    """Calls of this turn that nobody knows the end of."""
    return [
        {"tool": call.asked, "arguments": dict(call.arguments), "status": call.status, "why": ""}
        for call in history.open_calls()
        if call.effect != "read"
    ]


def _list(items: Json) -> str:
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        return "nothing"
    return "; ".join(_line(item) for item in items if isinstance(item, Mapping))


def _line(item: Mapping[str, Json]) -> str:
    arguments = fit(as_text(item["arguments"]), 120) if item["arguments"] is not None else ""
    came = item.get("result") or f"{item.get('status')}: {item.get('why')}"
    return f"{item['tool']}({arguments}) -> {fit(as_text(came), 120)}"
