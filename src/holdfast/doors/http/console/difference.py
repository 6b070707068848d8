"""What changed between two values, line by line: made here, so that it needs no script. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final, Literal

from holdfast.doors.http.console.exactly import pretty
from holdfast.types import Json

_MOST_LINES: Final = 1_500
"""Above it lines are compared one by one: matching them would take the square of their number."""
_MOST_CHARS: Final = 2_000
"""Of a line within which single words are compared."""
_ALIKE: Final = 0.4
_WORDS: Final = re.compile(r"\w+|\W")
_LINE_END: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\n")
_CONTEXT: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a line."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the difference."""

    kind: Literal["same", "gone", "new", "skipped"]
    pieces: tuple[Piece, ...]

    @property
    def sign(self) -> str:
        """What stands before the line, so that colour is not all that tells."""
        return {"same": " ", "gone": "-", "new": "+", "skipped": "…"}[self.kind]

    @property
    def word(self) -> str:
        """The same for who hears it."""
        return {"same": "", "gone": "was ", "new": "becomes ", "skipped": ""}[self.kind]


def difference(before: Json, after: Json) -> Sequence[Row]:
    """How one value differs from another, with a few lines around; nothing where they are the same."""
    old, new = _lines(before), _lines(after)
    if old == new:
        return ()
    return tuple(_shortened(_rows(old, new)))


def _lines(value: Json) -> Sequence[str]:
    """The value as JSON, with a line of its own for each line of a text in it."""
    return _LINE_END.sub(r"\1\\n\n    ", pretty(_sorted(value))).split("\n")


def _sorted(value: Json) -> Json:
    """The same with its members by name: their order says nothing."""
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_sorted(item) for item in value]
    return value


def _rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    for tag, start, end, other_start, other_end in _changes(old, new):
        if tag == "equal":
            yield from (_row("same", line) for line in old[start:end])
        else:
            yield from _replaced(old[start:end], new[other_start:other_end])


def _changes(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(old) + len(new) <= _MOST_LINES:
        return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    head = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    room = min(len(old), len(new)) - head
    tail = next((n for n in range(room) if old[-1 - n] != new[-1 - n]), room)
    a, b = len(old) - tail, len(new) - tail
    return [("equal", 0, head, 0, head), ("replace", head, a, head, b), ("equal", a, len(old), b, len(new))]


def _replaced(gone: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    """Old lines, then new ones; where there are as many of each, what changed within a line is marked."""
    if len(gone) != len(new):
        yield from (_row("gone", line) for line in gone)
        yield from (_row("new", line) for line in new)
        return
    pairs = [_marked(old, fresh) for old, fresh in zip_longest(gone, new, fillvalue="")]
    yield from (Row(kind="gone", pieces=old) for old, _ in pairs)
    yield from (Row(kind="new", pieces=fresh) for _, fresh in pairs)


def _marked(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Two lines with the words that differ; lines that have little in common are different as wholes."""
    plain = (Piece(text=old, changed=False),), (Piece(text=new, changed=False),)
    if max(len(old), len(new)) > _MOST_CHARS:
        return plain
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    matched = SequenceMatcher(None, before, after, autojunk=False)
    if matched.ratio() < _ALIKE:
        return plain
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, start, end, other_start, other_end in matched.get_opcodes():
        changed = tag != "equal"
        left += [Piece(text="".join(before[start:end]), changed=changed)] if end > start else []
        right += [Piece(text="".join(after[other_start:other_end]), changed=changed)] if other_end > other_start else []
    return tuple(left), tuple(right)


def _row(kind: Literal["same", "gone", "new"], line: str) -> Row:
    return Row(kind=kind, pieces=(Piece(text=line, changed=False),))


def _shortened(rows: Iterator[Row]) -> Iterator[Row]:
    """Without long stretches of what stayed as it was."""
    listed = list(rows)
    near = {
        at
        for place, row in enumerate(listed)
        if row.kind != "same"
        for at in range(place - _CONTEXT, place + _CONTEXT + 1)
    }
    skipping = False
    for place, row in enumerate(listed):
        if place in near or row.kind != "same":
            skipping = False
            yield row
        elif not skipping:
            skipping = True
            yield Row(kind="skipped", pieces=(Piece(text="", changed=False),))
