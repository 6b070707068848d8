"""What people corrected: kept to learn from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdfast.types.value import Json

FeedbackKind = Literal["arguments", "result", "rejection"]
"""A person ran a call with other arguments, gave another result, or said no and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A row of `agent_feedback`, written in the commit of the decision it comes from."""

    id: str
    execution_id: str
    agent_type: str
    step_number: int
    kind: FeedbackKind
    tool_name: str | None
    """`None`: it is about a result."""
    asked: Json
    """The execution's input."""
    was: Json
    """What the agent wanted: arguments, or a result."""
    should_be: Json
    """What it should have been; `None` with a rejection."""
    given_by: str
    why: str | None
    created_at: datetime
