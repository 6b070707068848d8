"""Rows of running executions as this process last wrote them: nobody writes them while it holds their fences."""

from collections.abc import Iterable
from typing import Final

from holdfast.trail.heads import Head
from holdfast.trail.ledger import Ledger

_MOST: Final = 10_000
"""Executions that are remembered: of those that other processes hold, nobody here learns that they ended."""


class Remembered:
    """What a writer's connection knows between two transactions; each database finds out whether it is still true."""

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self.version: str | None = None
        """Which definitions of the controls were in force; `None`: not known."""

    def known(self, ids: Iterable[str]) -> list[Head]:
        """Those of these executions that are remembered."""
        return [self._heads[execution_id] for execution_id in ids if execution_id in self._heads]

    def keep(self, ledger: Ledger) -> None:
        """Remember what was written."""
        if ledger.shared.redefined:
            self.version = None
        for head in (*ledger.advanced.values(), *ledger.moved.values()):
            self._heads.pop(head.id, None)  # what is written again comes last
            if head.status == "running":
                self._heads[head.id] = head
        while len(self._heads) > _MOST:
            del self._heads[next(iter(self._heads))]

    def forget(self) -> None:
        """Somebody else wrote, or this one's transaction was undone."""
        self._heads.clear()
        self.version = None
