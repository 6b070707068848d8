"""Small shared state: rows of `agent_controls`, as a transaction works on them.

One table holds all of it, so that a batch reads what it needs in one statement, locks in one order and writes in one
statement. Definitions (budgets, rates, switches, breakers, grants, channels) change seldom: each process keeps them and
reads them again when the version row says so. Accounts and flows change with every model call that they cover: they
are locked and read each time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Key: TypeAlias = tuple[str, str]
"""Kind and key."""
Data: TypeAlias = dict[str, Any]
"""JSON of our own writing; its shape is given by the kind's own file."""

VERSION: Final[Key] = ("version", "")
WATCH: Final[Key] = ("watch", "alerts")
"""Which worker looks after alerts, and until when."""
DEFINED: Final = ("budget", "rate", "switch", "breaker", "grant", "channel", "share")
"""Kinds that each process keeps; changing one of them changes the version."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row to write: new, changed or (`data is None`) deleted."""

    kind: str
    key: str
    data: Data | None
    is_new: bool


class Cells:
    """Rows read and locked by one transaction, and what it makes of them."""

    def __init__(self, asked: Iterable[Key] = (), found: Mapping[Key, Data] | None = None) -> None:
        self._asked = frozenset(asked)
        found = found or {}
        self._stored: frozenset[Key] = frozenset(found)
        self._now: dict[Key, Data | None] = dict(found)
        self._changed: set[Key] = set()

    def get(self, kind: str, key: str) -> Data | None:
        """A row's data as it stands now."""
        return self._now.get((kind, key))

    def put(self, kind: str, key: str, data: Data | None) -> None:
        """Change a row, or delete it with `None`."""
        self._now[kind, key] = data
        self._changed.add((kind, key))

    def changes(self) -> list[Change]:
        """What is to be written, in the order of the locks."""
        return [
            Change(kind, key, self._now[kind, key], (kind, key) not in self._stored and kind != VERSION[0])
            for kind, key in sorted(self._changed)
            if self._now[kind, key] is not None or (kind, key) in self._stored
        ]

    def has(self, kind: str, key: str) -> bool:
        """Whether this transaction looked for the row, or made it."""
        return (kind, key) in self._now or (kind, key) in self._asked
