"""What the tools, the model and the person write down themselves: the witness that the checks believe."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

What = Literal["model", "begun", "failed", "later", "effect", "known", "no", "write"]
"""A model was asked; a tool began; it failed; it asked to be tried later; its effect happened; its service knew the
key already; a probe or a person said that it did not happen; a worker tried to write to the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line."""

    what: What
    name: str
    """The tool, the step, or what came of a write."""
    key: str
    """The idempotency key; of a model's answer and of a write the execution."""
    args: str
    life: int
    """Which process of this story wrote it, from 1."""


class Witness:
    """A file of notes, each on the disk before its writer goes on; any number of processes write to it.

    Args:
        path: The file.
        life: The number of this process in its story.
    """

    def __init__(self, path: Path, life: int) -> None:
        self.path, self.life = path, life

    def note(self, what: What, name: str, *, key: str = "", args: str = "") -> None:
        line = json.dumps(asdict(Note(what=what, name=name, key=key, args=args, life=self.life)))
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # A write to a file opened for appending meets no other. A kill may cut it off at the end of a page, though,
            # and a reader may see it half done: each note begins a line of its own, and counts once it is whole.
            os.write(file, f"\n{line}\n".encode())
            os.fsync(file)
        finally:
            os.close(file)

    def notes(self) -> list[Note]:
        if not self.path.exists():
            return []
        return list(_whole(self.path.read_text().split("\n")))

    def has(self, what: What, key: str) -> bool:
        return any(note.what == what and note.key == key for note in self.notes())


def _whole(lines: Iterable[str]) -> Iterator[Note]:
    for line in lines:
        with suppress(json.JSONDecodeError):
            yield Note(**json.loads(line))
