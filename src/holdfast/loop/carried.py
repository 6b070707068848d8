"""A conversation as one agent gives it to another: out of one history, into the next, whole."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from holdfast.loop.history import CallState, Happened, History, size_of
from holdfast.loop.transcript import Answered, Entry, Responded, Returned, Told
from holdfast.types import CallRecord, Json


def carry(history: History, call: CallState, words: str) -> dict[str, Json]:
    """Everything that was said and done, as the journal keeps it.

    Args:
        history: Of the agent that gives it away.
        call: By which it does: the newest, and the only one that is open.
        words: What the other agent reads in the place of its result.
    """
    last = Returned(provider_call_id=call.provider_call_id, tool=call.tool, content=words, status="completed")
    record = CallRecord(tool=call.tool, arguments=call.arguments, status="completed", result=words)
    return {
        "entries": [_spelled(entry) for entry in (*history.entries, last)],
        "records": [to_jsonable_python(one) for one in (*history.records, record)],
        "notes": list(history.notes),
        "provider_ids": sorted(history.provider_ids),
        "happened": [_happened(item) for item in history.happened],
    }


def take_over(history: History, data: Mapping[str, Any]) -> None:
    """Go on with a conversation as if it had been this execution's from the beginning."""
    history.entries = [_read(entry) for entry in data["entries"]]
    history.entry_steps = [0] * len(history.entries)
    history.context_bytes = sum(map(size_of, history.entries))
    history.records = [CallRecord(**record) for record in data["records"]]
    history.notes = list(data["notes"])
    history.provider_ids = set(data["provider_ids"])
    history.happened = [_known(item) for item in data["happened"]]
    history.recalled = ()  # its thread's earlier words are among those taken over
    history.rebuilt += 1


def _happened(item: Happened) -> dict[str, Json]:
    """A call of turns that a retry set aside: the other agent does not make it again either."""
    return {
        "call_id": item.call_id,
        "tool": item.tool,
        "digests": sorted(item.digests),
        "ended": item.ended,
        "key": item.key,
    }


def _known(item: Mapping[str, Any]) -> Happened:
    return Happened(
        call_id=item["call_id"],
        tool=item["tool"],
        digests=frozenset(item["digests"]),
        ended=item["ended"],
        key=item["key"],
    )


def _spelled(entry: Entry) -> dict[str, Json]:
    match entry:
        case Told(text):
            return {"told": text}
        case Answered(text):
            return {"answered": text}
        case Responded(response):
            return {"response": response}
        case Returned():
            return {
                "returned": entry.content,
                "id": entry.provider_call_id,
                "tool": entry.tool,
                "status": entry.status,
            }


def _read(entry: Mapping[str, Any]) -> Entry:
    if "told" in entry:
        return Told(entry["told"])
    if "answered" in entry:
        return Answered(entry["answered"])
    if "response" in entry:
        return Responded(entry["response"])
    return Returned(provider_call_id=entry["id"], tool=entry["tool"], content=entry["returned"], status=entry["status"])
