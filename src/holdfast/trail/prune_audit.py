"""Tells a journal that was pruned from one that somebody cut. Pure.

Of each pruned execution `agent_pruned` says how its journal ended and what stays of it; the entry of the operators'
record that pruned it has a digest over these rows. So nobody can cut a journal and call it pruned, or change what stays
of one that was, without changing that record too.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from holdfast.trail.prune_remains import Removed

Note = Callable[[str | None, int | None, str], None]
"""Says that a row is broken: of which execution, its number, and what is the matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedRow:
    """One row of `agent_pruned`."""

    execution_id: str
    entry: int
    last_seq: int
    last_hash: str
    remains: str | None
    """The digest of what stays; `None`: nothing does."""


@dataclass(slots=True)
class Prunings:
    """What was pruned, as it is met on a walk over all executions in order of ids."""

    rows: Iterable[PrunedRow]
    """By execution id in order of code points, then by entry."""
    note: Note
    count: int = 0
    """Executions that were pruned."""
    _by_entry: dict[int, Removed] = field(default_factory=dict[int, Removed])
    _next: PrunedRow | None = None
    _begun: bool = False

    def of(self, execution_id: str) -> PrunedRow | None:
        """The newest pruning of an execution that is there; to be asked in order of ids."""
        while (row := self._peek()) is not None and row.execution_id < execution_id:
            self._pass_by(self._newest(row.execution_id))
        if row is None or row.execution_id != execution_id:
            return None
        return self._newest(execution_id)

    def finish(self) -> None:
        """No more executions come."""
        while (row := self._peek()) is not None:
            self._pass_by(self._newest(row.execution_id))

    def check(self, entry: int, data: Mapping[str, object]) -> str | None:
        """What is wrong with a pruning's entry on the operators' record, compared with what was met."""
        met = self._by_entry.pop(entry, Removed())
        if data.get("removed") == met.digest():
            return None
        return f"it pruned {data.get('executions')} executions, and agent_pruned does not have these: it was changed"

    def unclaimed(self) -> Iterable[int]:
        """Entries that pruned nothing by the operators' record, and are named as if they had."""
        return sorted(self._by_entry)

    def _peek(self) -> PrunedRow | None:
        if not self._begun:
            self.rows, self._begun = iter(self.rows), True
            self._step()
        return self._next

    def _step(self) -> None:
        self._next = next(iter(self.rows), None)

    def _newest(self, execution_id: str) -> PrunedRow:
        """Take all prunings of an execution: the audit may have been kept first, and gone later."""
        self.count += 1
        newest = self._next
        while (row := self._next) is not None and row.execution_id == execution_id:
            removed = self._by_entry.setdefault(row.entry, Removed())
            removed.add(row.execution_id, row.last_seq, row.last_hash, row.remains)
            newest = row
            self._step()
        assert newest is not None  # noqa: S101 - who asks has seen it
        return newest

    def _pass_by(self, row: PrunedRow) -> None:
        if row.remains is not None:
            self.note(
                row.execution_id,
                None,
                f"missing: entry {row.entry} of the operators' record pruned it and kept its audit",
            )


def parsed(text: str) -> Mapping[str, object]:
    """The data of an entry; empty where it is no object: its hash tells of that."""
    try:
        data: object = json.loads(text)
    except ValueError:
        return {}
    return {str(key): value for key, value in data.items()} if isinstance(data, dict) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
