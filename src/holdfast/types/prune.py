"""What pruning takes away: the rule of it, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

TOLD_FROM: Final = 80
"""The newest executions of a thread from which a new one on it is told what was said: more than it is told, for some
were handed over, and some came to no answer. Pruning leaves them while the thread lives."""
Ending = Literal["completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRule:
    """Which executions are pruned, and what of them stays. An execution goes with its whole family, or not at all."""

    before: datetime
    """It, and all that it started, must have ended before."""
    keep_audit: bool = False
    """Whether the record of who decided what stays; else nothing does but that it was pruned."""
    agents: tuple[str, ...] = ()
    """Only those of these; empty: all. Of a family the one at its head counts."""
    statuses: tuple[Ending, ...] = ()
    """Only those that ended like this; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """A batch of a rule: executions of a few families, to be pruned in one transaction."""

    rule: PruneRule
    families: Sequence[tuple[str, Sequence[str]]]
    """The head of each family, which must still be ended, and its members that go now: the youngest first."""
    by: str
    why: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """Payloads that nobody refers to."""

    digests: Sequence[str]
    before: datetime
    """Only those that nobody stored or used again since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneBatch:
    """What one step of pruning came to; steps add up."""

    executions: int = 0
    events: int = 0
    payloads: int = 0
    spared: int = 0
    """Executions that fit the rule and stay: living threads tell them to their agents."""
    reached: datetime | None = None
    """Everything that ended before has had its turn."""
    took_s: float = 0.0
    """For how long its transaction kept others from writing, without the commit."""
