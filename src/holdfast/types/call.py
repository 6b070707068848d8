"""Tool calls: the rows, and changes to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdfast.types.frozen import frozen
from holdfast.types.value import Json

CallStatus = Literal["pending", "awaiting_review", "running", "completed", "failed", "denied", "in_doubt"]
Effect = Literal["read", "idempotent", "irreversible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One row of `agent_tool_calls`: a request by a model to run a tool, and what came of it."""

    id: str
    """`{execution_id}:{step}:{index}`"""
    execution_id: str
    step_number: int
    tool_name: str
    tool_input: Json
    tool_output: Json
    status: CallStatus
    effect: Effect
    idempotency_key: str
    """The same for every attempt of this call, for ever."""
    attempt: int
    """Attempts made so far, this one included."""
    latency_ms: float | None
    error: str | None
    called_at: datetime | None
    finished_at: datetime | None


@frozen
class CallChange:
    """A tool call's row, new or changed. Fields left `None` keep what the row has."""

    id: str
    status: CallStatus
    step_number: int
    tool_name: str
    effect: Effect
    idempotency_key: str
    tool_input: Json = None
    tool_output: Json = None
    attempt: int = 0
    latency_ms: float | None = None
    error: str | None = None
    called_at: datetime | None = None
    finished_at: datetime | None = None
    input_text: str | None = None
    """`tool_input` as canonical text without secrets, where its maker has that already (`trail.codec.stored`): stored
    as it is. `None`: the journal makes it."""
    output_text: str | None = None
    """The same of `tool_output`."""
