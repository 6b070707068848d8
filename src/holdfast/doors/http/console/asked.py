"""What an execution was asked, in a few words: the text a person wrote, out of whatever shape an input has."""

import json
import re
from collections.abc import Mapping
from typing import Final, cast

_TELLING: Final = (
    "subject",
    "title",
    "question",
    "request",
    "task",
    "text",
    "message",
    "prompt",
    "answer",
    "summary",
    "input",
    "body",
)
"""Fields of an input or a result that say what it is about, the most telling first."""
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)')


def gist_of(value: object, *, at_most: int = 200) -> str:
    """A line for an input or a result that is known whole."""
    return " ".join(_words(value).split())[:at_most]


def gist(beginning: str, *, at_most: int = 200) -> str:
    """A line for an input of which the first characters of its JSON are known."""
    try:
        value = json.loads(beginning)
    except ValueError:
        value = _cut(beginning)
    return gist_of(value, at_most=at_most)


def _words(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        given = cast("Mapping[str, object]", value)
        if "$blob" in given:
            return f"({given.get('bytes', 'many')} bytes, kept as a blob)"
        if told := next((text for name in _TELLING if isinstance(text := given.get(name), str) and text), None):
            return told
    return json.dumps(value, ensure_ascii=False)


def _cut(beginning: str) -> object:
    """JSON that ends in the middle: the text of it that can be had."""
    if not beginning.startswith('"'):
        for name in _TELLING:
            if (at := beginning.find(f'"{name}":')) >= 0 and (found := _STRING.search(beginning, at + len(name) + 3)):
                return _unescaped(found[1])
        return beginning
    found = _STRING.match(beginning)
    return _unescaped(found[1] if found else beginning)


def _unescaped(text: str) -> str:
    for end in (len(text), len(text) - 1, len(text) - 6, len(text) - 12):
        try:
            return str(json.loads(f'"{text[:end]}"'))
        except ValueError:
            continue
    return text
