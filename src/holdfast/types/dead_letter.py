"""Executions that ended failed, and what a retry leaves behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.types.value import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An execution that ended failed: why, and from where it could go on."""

    id: str
    agent: str
    user: str | None
    thread: str | None
    reason: str
    """The stable name: `LOOP_DETECTED`, `MODEL_UNAVAILABLE`, ..."""
    error: str | None
    step_count: int
    last_good_step: int
    """The newest step of which every call came to an end; 0: none. A retry goes on after it."""
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Turns that a retry leaves behind."""

    from_step: int
    """They and all later ones are no longer part of the conversation."""
    told: str | None
    """What the model is told of them; `None`: they did nothing."""
    happened: Sequence[Mapping[str, Json]]
    """Their calls that are not made again: call_id, tool, digests, key."""
    last_seq: int
    """The newest event that this was worked out from."""
