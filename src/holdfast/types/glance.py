"""Executions at a glance: what a list of many shows of each, and how many stand how."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from holdfast.types.execution import ENDED, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which executions; every part narrows the rest."""

    status: Status | None = None
    agents: tuple[str, ...] = ()
    """Any of these; empty: all."""
    user: str | None = None
    thread: str | None = None
    since: datetime | None = None
    """Started at this time or later."""
    until: datetime | None = None
    """Started before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One execution as a line: no blob is read for it."""

    id: str
    parent_id: str | None
    thread_id: str | None
    user_id: str | None
    agent_type: str
    agent_version: str
    status: Status
    status_reason: str | None
    step_count: int
    token_count: int
    cost_usd: Decimal
    lease_owner: str | None
    last_seq: int
    asked: str
    """How its input begins, as JSON, maybe cut."""
    error: str | None
    """How it begins."""
    wake_at: datetime | None
    cancel_requested_at: datetime | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    pruned_at: datetime | None = None
    """Since when what it read, said and did is gone."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen (short of a retry)."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCounts:
    """How many executions have each status: live ones all, ended ones of those that started lately."""

    counts: Mapping[Status, int]
    most: int
    """Nothing is counted further than this."""
    since: datetime
    """From when on ended ones count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """How an agent's newest ended executions ended."""

    agent: str
    completed: int
    failed: int
    reasons: Mapping[str, int]
    """Of the failed ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One journal without what its events hold: enough to read it a stretch at a time."""

    turns: tuple[int, ...]
    """Sequence numbers at which the model was asked, in order."""
    last_seq: int
    began_at: datetime | None
    last_at: datetime | None
