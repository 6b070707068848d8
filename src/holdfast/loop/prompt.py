"""What an activation keeps of its prompt between turns, and how many tokens a prompt has at most.

The bound on tokens is a count of UTF-8 bytes. It is one because a byte-level tokenizer (BPE, or SentencePiece with
byte fallback) makes no token of less than a byte, and because the fixed amounts below exceed what providers add
around messages and tools. What providers re-render as JSON is counted as JSON, escapes included.
"""

from collections.abc import Mapping, Sequence
from json import JSONEncoder
from typing import TypeVar, assert_never, cast

from holdfast.loop.transcript import Answered, Entry, Responded, Returned, Told
from holdfast.ports import Tool
from holdfast.trail.codec import dump_with
from holdfast.types import Json

ENTRY_TOKENS = 32
"""More than any provider puts around a message, a call or a result."""

TOOL_TOKENS = 64
"""More than any provider puts around the definition of a tool."""

TOOLS_TOKENS = 1_024
"""More than the hidden instructions that come with tools (Anthropic documents up to 813)."""

REQUEST_TOKENS = 64

_dump = dump_with(JSONEncoder())

T = TypeVar("T")


class Newer:
    """Finds what a transcript has that was not there the last time.

    One that was changed rather than appended to (a compaction, a recalled thread) is noticed by its first entry,
    or by the last one seen.
    """

    def __init__(self) -> None:
        self._done = 0
        self._first: Entry | None = None
        self._last: Entry | None = None

    def of(self, entries: Sequence[Entry]) -> tuple[bool, Sequence[Entry]]:
        """Whether everything starts anew, and the new entries."""
        anew = self._done == 0 or not (
            len(entries) >= self._done and entries[0] is self._first and entries[self._done - 1] is self._last
        )
        new = entries if anew else entries[self._done :]
        if entries:
            self._done, self._first, self._last = len(entries), entries[0], entries[-1]
        return anew, new


class Prompt:
    """An activation's working copies of its transcript: a turn adds what is new instead of starting over.

    It is a cache: a new one gives the same results.
    """

    def __init__(self) -> None:
        self._newer = Newer()
        self._size = 0
        self._kept: object = None

    def size(self, entries: Sequence[Entry]) -> int:
        """Tokens of a transcript at most."""
        anew, new = self._newer.of(entries)
        self._size = sum(map(size, new)) + (0 if anew else self._size)
        return self._size

    def keep(self, make: type[T]) -> T:
        """The one object of this class that belongs to the prompt."""
        if not isinstance(self._kept, make):
            self._kept = make()
        return self._kept


def size(entry: Entry) -> int:
    """Tokens of one entry at most."""
    match entry:
        case Told(text) | Answered(text):
            return ENTRY_TOKENS + _bytes(text)
        case Returned():
            return ENTRY_TOKENS + _bytes(entry.tool) + len(entry.provider_call_id) + _json_bytes(entry.content)
        case Responded(response):
            return sum(map(_part_size, _parts(response)), ENTRY_TOKENS)
        case _:
            assert_never(entry)


def calls_size(entry: Entry) -> int:
    """Tokens of an entry's tool calls at most: providers write their arguments anew when they send them back."""
    if not isinstance(entry, Responded):
        return 0
    return sum(_part_size(part) for part in _parts(entry.response) if part["part_kind"] == "tool-call")


def fixed_size(instructions: str, tools_size: int, *, bare: bool) -> int:
    """Tokens of what comes before the messages at most; a `bare` request has no tools."""
    return REQUEST_TOKENS + _bytes(instructions) + (0 if bare else TOOLS_TOKENS + tools_size)


def tool_size(tool: Tool) -> int:
    """Tokens of a tool's definition at most."""
    return schema_size(tool.name + tool.description, tool.parameters)


class ToolSizes:
    """Tokens of sets of tools at most, each tool counted once: there are as many shortlists as conversations.

    Args:
        own: Of what is offered besides.
    """

    def __init__(self, *, own: int) -> None:
        self._own = own
        self._known: dict[str, int] = {}

    def of(self, tools: Sequence[Tool]) -> int:
        """Tokens of these tools, and of what is offered besides."""
        return self._own + sum(map(self._one, tools))

    def _one(self, tool: Tool) -> int:
        key = tool.name + tool.schema_hash
        if key not in self._known:
            self._known[key] = tool_size(tool)
        return self._known[key]


def schema_size(words: str, schema: Mapping[str, Json]) -> int:
    """Tokens of a definition with these words and this schema at most."""
    return TOOL_TOKENS + _bytes(words) + _json_bytes(schema)


def _parts(response: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    return cast("Sequence[Mapping[str, Json]]", response["parts"])


def _part_size(part: Mapping[str, Json]) -> int:
    match part["part_kind"]:
        case "text":
            return _bytes(str(part["content"])) + 8
        case "tool-call":
            args = part.get("args")
            return ENTRY_TOKENS + _bytes(f"{part['tool_name']}{part['tool_call_id']}") + _json_bytes(args)
        case _:  # thinking with its signature, and whatever else a provider made: all of it
            return ENTRY_TOKENS + _json_bytes(part)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _json_bytes(value: Json) -> int:
    return len(_dump(value))
