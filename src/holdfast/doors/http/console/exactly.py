"""Values as people must see them before they agree: whole, every character of them visible."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from holdfast.types import Json

_FOLDED_LINES: Final = 12
_FOLDED_CHARS: Final = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One argument, or a whole value that is no object."""

    name: str
    kind: str
    """Text, number, list: what tells `"120"` from `120`."""
    text: str
    long: bool
    """Whether it is folded at first."""
    beginning: str
    """Of a long one, on one line."""
    size: str
    """Of text and lists, in words."""


def parts(value: Json) -> Sequence[Part]:
    """The arguments of a call by name; a value that is no object is one part without a name."""
    if isinstance(value, Mapping):
        return [_part(name, item) for name, item in value.items()]
    return [] if value is None else [_part("", value)]


def pretty(value: Json) -> str:
    """The value as JSON over several lines, every character of it visible."""
    return visible(json.dumps(value, ensure_ascii=False, indent=2))


def editable(value: Json) -> str:
    """The value as JSON that a person edits: what cannot be seen is written as JSON's escape, which means the same."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(char if char == "\n" or _seen(char) else _json_escape(char) for char in text)


def visible(text: str) -> str:
    r"""Text with every character that leaves no trace, or changes how others are read, as `\u202e` and the like."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in "\n\t" or _seen(char) else _escape(char) for char in text)


def _seen(char: str) -> bool:
    """Whether a character shows as itself: other blanks than the usual one, joiners and marks of direction do not."""
    return char == " " or (char.isprintable() and unicodedata.category(char) not in {"Cf", "Zs"})


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _json_escape(char: str) -> str:
    return json.dumps(char)[1:-1]


def _part(name: str, value: Json) -> Part:
    text = visible(value) if isinstance(value, str) else pretty(value)
    long = len(text) > _FOLDED_CHARS or text.count("\n") >= _FOLDED_LINES
    beginning = " ".join(text[:300].split())
    return Part(
        name=visible(name),
        kind=kind_of(value),
        text=text,
        long=long,
        beginning=f"{beginning[:140]}…" if long else "",
        size=_size(value),
    )


def kind_of(value: Json) -> str:
    """What sort of JSON it is, in a word."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case str():
            return "text"
        case _:
            return "object" if isinstance(cast("object", value), Mapping) else "list"


def _size(value: Json) -> str:
    if isinstance(value, str):
        return f"{len(value):,} characters" if len(value) > 80 or value != value.strip() else ""
    if isinstance(value, Sequence):
        return f"{len(value):,} items"
    return ""
