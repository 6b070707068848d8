"""What a panel is made of: values exactly as they are, facts by name, and entries at their time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from holdfast.doors.http.console.exactly import visible
from holdfast.types import Event, Json

MOST_CHARS: Final = 20_000
"""Of one value on a page; the whole of it is in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A large value that is kept apart."""

    digest: str
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Exactly what went in or came out."""

    title: str
    text: str
    cut: bool = False
    blobs: tuple[Blob, ...] = ()
    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Small things by name."""

    title: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that was decided, tried or said, at its time."""

    title: str
    said: str
    event: Event
    status: str = ""
    """As `states` knows it."""
    approval: str = ""
    """Leads to that approval."""


Block: TypeAlias = Value | Facts | Entry


def value(title: str, given: Json, *, look: str = "") -> Value:
    """A value as it is, every character of it visible; large parts of it as what leads to them."""
    blobs: list[Blob] = []
    plain = _without_blobs(given, blobs)
    text = visible(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, indent=2))
    return Value(
        title=title, text=text[:MOST_CHARS], cut=len(text) > MOST_CHARS, blobs=tuple(dict.fromkeys(blobs)), look=look
    )


def _without_blobs(given: Json, found: list[Blob]) -> Json:
    if isinstance(given, Mapping):
        digest = given.get("$blob")
        if isinstance(digest, str):
            blob = Blob(digest=digest, size=_size(given.get("bytes")))
            found.append(blob)
            return f"({blob.size}, kept as blob {digest[:12]}…)"
        return {_own_key(key): _without_blobs(item, found) for key, item in given.items()}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return [_without_blobs(item, found) for item in given]
    return given


def facts(title: str, **pairs: object) -> Facts:
    """Those that are there."""
    given = [(name.replace("_", " ").capitalize(), str(item)) for name, item in pairs.items() if item not in (None, "")]
    return Facts(title=title, pairs=tuple(given))


def _own_key(key: str) -> str:
    """A key as it was before it was kept apart from references to blobs."""
    return key[1:] if key.startswith("$$") and key.endswith("blob") else key


def _size(count: Json) -> str:
    return f"{count:,} bytes" if isinstance(count, int) else "a large value"


def message(response: Json) -> Iterator[Block]:
    """A model's message, as the model library's JSON: what it thinks, says and asks for."""
    parts = response.get("parts") if isinstance(response, Mapping) else None
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        yield value("Answer", response)
        return
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        kind, content = part.get("part_kind"), part.get("content")
        if kind == "tool-call":
            yield value(f"Asks for {part.get('tool_name')}", loaded(part.get("args")))
        elif kind == "thinking" and content:
            yield value("Thinks", content)
        elif content:
            yield value("Says" if kind == "text" else str(kind), content)


def loaded(args: Json) -> Json:
    """Arguments as an object: some providers give them as text."""
    if isinstance(args, str):
        try:
            loaded: Json = json.loads(args)
        except ValueError:
            return args
        return loaded
    return args
