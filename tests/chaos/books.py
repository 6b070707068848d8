"""What the world has seen: tools, models and people write it down themselves, and the checks believe nothing else."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tests.crash.witness import Note, What, Witness

MODELS, WRITES, FATES = "models", "writes", "fates"
"""Books that are not those of one execution."""
PULSE = "pulse"


class Books(Witness):
    """A folder of notes, a file for each execution, so that a service finds what it knows without reading it all.

    Processes die here and the machine does not: what was written is there for the next reader without `fsync`.

    Args:
        folder: Where they are.
        life: The number of the process that writes.
    """

    def __init__(self, folder: Path, life: int) -> None:
        super().__init__(folder, life)

    def note(self, what: What, name: str, *, key: str = "", args: str = "", book: str = "") -> None:
        line = json.dumps(asdict(Note(what=what, name=name, key=key, args=args, life=self.life)))
        self._add(book or _book_of(key), f"\n{line}\n")

    def has(self, what: What, key: str) -> bool:
        return any(note.what == what and note.key == key for note in self.of(_book_of(key)))

    def notes(self) -> list[Note]:
        """What tools and people saw, execution by execution."""
        shared = {MODELS, WRITES, FATES, PULSE}
        return [note for path in sorted(self.path.iterdir()) if path.name not in shared for note in self.of(path.name)]

    def of(self, book: str) -> Iterator[Note]:
        """The whole notes of one book; a kill may have cut one off."""
        path = self.path / book
        for line in path.read_text().split("\n") if path.exists() else ():
            with suppress(json.JSONDecodeError):
                yield Note(**json.loads(line))

    def beat(self) -> None:
        """One more write of a worker to the journal was answered."""
        self._add(PULSE, ".")

    @property
    def beats(self) -> int:
        """How many were: the fleet's own time."""
        with suppress(FileNotFoundError):
            return (self.path / PULSE).stat().st_size
        return 0

    def _add(self, book: str, text: str) -> None:
        file = os.open(self.path / book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def _book_of(key: str) -> str:
    return key.partition(":")[0]
