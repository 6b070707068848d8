"""Executions: one attempt to take an input to a result, as it is stored, started and claimed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from holdfast.types.call import ToolCall
from holdfast.types.event import Event, NewEvent
from holdfast.types.value import Json

Status = Literal["pending", "running", "awaiting_review", "completed", "failed", "cancelled"]
ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})

FOR_OTHERS: frozenset[str] = frozenset({"CHILDREN", "AGENTS"})
"""Reasons for which one is pending that waits for executions below it: a supervisor's, and a workflow's."""

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    "pending": frozenset({"running", "failed", "cancelled"}),
    "running": frozenset({"pending", "awaiting_review", "completed", "failed", "cancelled"}),
    "awaiting_review": frozenset({"pending", "failed", "cancelled"}),
    "completed": frozenset(),
    "failed": frozenset({"pending"}),
    "cancelled": frozenset(),
}
"""Which status may follow which. `running` to `running` (a take-over) goes through a claim alone.
`failed` to `pending` is a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One attempt to take an input to a result: a row of `agent_executions`."""

    id: str
    parent_id: str | None
    thread_id: str | None
    user_id: str | None
    agent_type: str
    agent_version: str
    status: Status
    status_reason: str | None
    """Why it has this status, as a stable name: `MAX_STEPS_EXCEEDED`, `APPROVAL`, `RETRY_LATER`, ..."""
    priority: int
    """Higher is claimed earlier."""
    input_data: Json
    state: Json
    """What it waits for and how far it is, for people; never needed to resume."""
    result: Json
    """The answer; of a failed execution the partial result."""
    error: str | None
    step_count: int
    token_count: int
    cost_usd: Decimal
    reserved_tokens: int
    """Held for a model call that is under way, or that a crash left with an unknown bill."""
    reserved_usd: Decimal
    unknown_tokens: int = 0
    """Of those, held for calls whose bill nobody knows; budgets count it as spent."""
    unknown_usd: Decimal = Decimal(0)
    waits_for: int = 0
    """Children that it started and that have not ended."""
    descendants: int = 0
    """Executions that it started, they started, and so on, and that have ended."""
    family_tokens: int = 0
    """What those had, beside `token_count`."""
    family_usd: Decimal = Decimal(0)
    lease_owner: str | None
    fence: int
    """Grows with every claim; a write with an older one is refused."""
    wake_at: datetime | None
    """While pending: not to be claimed before."""
    deadline: datetime | None
    """While running: when `total_timeout_s` is used up."""
    pinned_to: str | None = None
    """The version of its agent that it stays with; `None`: any version serves it."""
    due_by: datetime | None = None
    """By when it must have ended; later it ends failed, `DEADLINE_EXCEEDED`. A retry has no deadline."""
    cancel_requested_at: datetime | None
    idempotency_key: str | None
    last_seq: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    pruned_at: datetime | None = None
    """Since when what it read, said and did is gone, and only who decided what stays."""
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen (short of a retry)."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """A request to start; stored as `pending` with its first event in one commit."""

    id: str
    agent_type: str
    agent_version: str
    input_data: Json
    started: NewEvent
    """The `execution.started` event."""
    parent_id: str | None = None
    parent_call: str | None = None
    """The parent's call that waits for its end."""
    thread_id: str | None = None
    user_id: str | None = None
    priority: int = 0
    idempotency_key: str | None = None
    start_at: datetime | None = None
    """Not to begin before."""
    due_by: datetime | None = None
    """By when it must have ended."""
    pinned: bool = False
    """Whether it stays with `agent_version`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An execution that this worker holds now, with its whole journal."""

    execution: Execution
    events: tuple[Event, ...]
