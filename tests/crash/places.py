"""A fresh database for every story, on either kind of server, cheap enough for hundreds."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLES = ("blobs", "workers", "approvals", "tool_calls", "events", "model_usage", "executions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """SQLite: a copy of a migrated file."""

    template: str
    folder: str

    def make(self, number: int) -> str:
        """A fresh one for the story with this number."""
        return str(shutil.copy(self.template, self.url_of(number)))

    def url_of(self, number: int) -> str:
        """The story's database."""
        return str(Path(self.folder) / f"story-{number}.db")

    def drop(self, number: int) -> None:
        """The story is over."""
        for path in Path(self.folder).glob(f"story-{number}.db*"):
            path.unlink()


@dataclass(slots=True, kw_only=True)
class Server:
    """PostgreSQL: clones of a migrated database, emptied and used again, for a clone takes a fifth of a second."""

    url: str
    """With `{}` in the database's place."""
    template: str
    _free: list[str] = field(default_factory=list[str])
    _used: dict[int, str] = field(default_factory=dict[int, str])

    def make(self, number: int) -> str:
        """A fresh one for the story with this number."""
        if not self._free:
            name = f"{self.template}_story_{os.getpid()}_{number}"
            self._run("postgres", f"CREATE DATABASE {name} TEMPLATE {self.template}")
            self._free.append(name)
        self._used[number] = self._free.pop()
        return self.url_of(number)

    def url_of(self, number: int) -> str:
        """The story's database."""
        return self.url.format(self._used[number])

    def drop(self, number: int) -> None:
        """The story is over."""
        name = self._used.pop(number)
        self._run(
            name,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            *(f"DELETE FROM agent_{table}" for table in TABLES),
        )
        self._free.append(name)

    def _run(self, database: str, *statements: str) -> None:
        import psycopg

        # Connected for this alone: a child must not inherit a live connection.
        with psycopg.connect(self.url.format(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


Place = Files | Server


def place_from(spelled: dict[str, Any]) -> Place:
    """As the driver's order spells it."""
    return Files(**spelled) if "folder" in spelled else Server(**spelled)
