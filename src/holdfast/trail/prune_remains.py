"""What stays of a pruned journal, how that is told in one digest, and the word to those who ask for the rest. Pure."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from holdfast.errors import Pruned
from holdfast.trail import events as kinds
from holdfast.trail.codec import canonical

ENTRY: Final = "executions.pruned"
"""The kind of a pruning's entry on the operators' record."""
DECISIONS: Final = (
    kinds.CALL_DECIDED, kinds.CALL_DISPATCHED, kinds.CALL_FELL_BACK, kinds.TOOLS_CHANGED, kinds.WORKFLOW_CHANGED,
    kinds.APPROVAL_OPENED, kinds.APPROVAL_VOTED, kinds.APPROVAL_DECIDED, kinds.APPROVAL_REMINDED,
    kinds.APPROVAL_ESCALATED, kinds.APPROVAL_EXPIRED, kinds.APPROVAL_WITHDRAWN, kinds.GUIDED, kinds.RETRIED,
    kinds.CANCEL_REQUESTED, kinds.CANCELLED, kinds.CHILD_STARTED, kinds.PLAN_REFUSED, kinds.PLAN_APPROVED,
    kinds.PANEL_RESOLVED, kinds.CONVERSATION_TRANSFERRED,
)  # fmt: skip
"""Events that say who decided what: they stay whole where the audit is kept, and still verify."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event's row as pruning sees it, its time as the chain spells it."""

    seq: int
    kind: str
    version: int
    at: str
    hash: str
    data: str | None
    """`None`: not read, because it goes."""


def remains(journal: Sequence[Stored]) -> list[Stored]:
    """What stays of a journal: its decisions, and a row in the place of each run of others.

    Such a row has the hash of the last event that it stands for: the decision behind it still verifies.
    """
    left: list[Stored] = []
    run = 0
    for place, row in enumerate(journal):
        if row.kind in DECISIONS:
            left.append(row)
            continue
        run += 1
        if place + 1 == len(journal) or journal[place + 1].kind in DECISIONS:
            data = canonical({"events": run})
            left.append(Stored(row.seq, kinds.JOURNAL_PRUNED, 1, row.at, row.hash, data))
            run = 0
    return left


class Sum:
    """The digest over what stays of one journal, row by row."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, row: Stored) -> None:
        """The next row."""
        # JSON, so that no two different rows spell the same; canonical, so that no database's spelling matters.
        data = canonical(json.loads(row.data or "null"))
        self._hash.update(f"{canonical([row.seq, row.kind, row.version, row.at, row.hash, data])}\n".encode())

    def digest(self) -> str:
        """Of the rows so far."""
        return self._hash.hexdigest()


def sum_of(rows: Iterable[Stored]) -> str:
    """The digest over what stays of one journal."""
    whole = Sum()
    for row in rows:
        whole.add(row)
    return whole.digest()


class Removed:
    """The digest that an entry of the operators' record has of what was pruned: of each, in order of ids."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, execution_id: str, last_seq: int, last_hash: str, left: str | None) -> None:
        """The next execution: how its journal ended, and the digest of what stays of it."""
        self._hash.update(f"{canonical([execution_id, last_seq, last_hash, left])}\n".encode())
        self.count += 1

    def digest(self) -> str:
        """Of the executions so far."""
        return self._hash.hexdigest()


def gone(execution_id: str, at: datetime, *, wholly: bool) -> Pruned:
    """The word to who asks for what was pruned."""
    left = "nothing of it stays" if wholly else "what it read, said and did is gone, and who decided what stays"
    return Pruned(f"execution {execution_id!r} was pruned on {at:%Y-%m-%d %H:%M} UTC: {left}")
