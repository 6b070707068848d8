"""A deterministic short account of an execution: for compaction, closing summaries and people."""

from typing import cast

from holdfast.loop.history import History
from holdfast.loop.transcript import Responded, Returned, Told
from holdfast.types import Json

WORDS_OF_A_CALL = 200
WORDS_OF_A_MESSAGE = 300


def digest_of(history: History, *, before: int | None = None) -> str:
    """One line for each thing said and done, notes of people and unfinished business included.

    Args:
        history: Of the execution.
        before: Leave out what belongs to this step or a later one. Default: everything.
    """
    told = [
        f"- told: {fit(entry.text, WORDS_OF_A_MESSAGE)}"
        for step, entry in zip(history.entry_steps, history.entries, strict=True)
        if isinstance(entry, Told) and step > 0 and (before is None or step < before)
    ]
    said = [
        f"- step {step}: {line}"
        for step, entry in zip(history.entry_steps, history.entries, strict=True)
        if (before is None or step < before) and (line := line_of(entry))
    ]
    earlier = history.entries[0] if history.rebuilt and history.entries else None
    past = [earlier.text] if isinstance(earlier, Told) and before is not None else []
    open_ones = [f"- open: {item.kind}: {item.reason}" for item in history.approvals.values() if not item.over]
    return "\n".join([*past, *said, *told, *open_ones]) or "Nothing was done yet."


def line_of(entry: object) -> str | None:
    """What one entry comes to, if it says anything by itself."""
    match entry:
        case Returned():
            return f"{entry.tool} -> {entry.status}: {fit(entry.content, WORDS_OF_A_CALL)}"
        case Responded(response):
            return fit(words_of(response.get("parts")), WORDS_OF_A_MESSAGE) or None
        case _:
            return None


def words_of(parts: Json) -> str:
    """Text and calls of a model's message, in its library's JSON."""
    words: list[str] = []
    for part in cast("list[dict[str, Json]]", parts or []):
        match part.get("part_kind"):
            case "text":
                words.append(str(part["content"]))
            case "tool-call":
                words.append(f"{part['tool_name']}({part.get('args')})")
            case _:
                pass
    return " ".join(words)


def fit(text: str, size: int) -> str:
    """The text, with its middle left out when it is longer than `size` characters."""
    if len(text) <= size:
        return text
    head = max(size * 2 // 3, 1)
    tail = max(size - head - 40, 0)
    cut = len(text) - head - tail
    return f"{text[:head]} [... {cut:,} characters left out ...] {text[len(text) - tail :] if tail else ''}"
