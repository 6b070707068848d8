"""What becomes of an execution whose activation broke: another attempt after a while, and an end to that."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from holdfast.trail import events as kinds
from holdfast.types import Append, Claimed, Event, NewEvent

REASON: Final = "ACTIVATION_FAILED"
ATTEMPTS: Final = 8
"""Broken activations in a row, without one event of progress between them, before it ends failed."""
LONGEST_S: Final = 300.0


def after_failure(claimed: Claimed, *, error: str, now: datetime, jitter: float) -> Append:
    """The step that gives a broken activation's execution back, or ends it.

    Args:
        claimed: What was claimed; its journal says how often this happened before.
        error: What went wrong, for people.
        now: The time.
        jitter: From 0 to 1: where in the second half of the wait it wakes.
    """
    failures = _failures(claimed.events) + 1
    if failures >= ATTEMPTS:
        return _ended(claimed, f"its activation failed {failures} times in a row; the last time: {error}")
    wait_s = min(2.0 ** (failures - 1), LONGEST_S) * (0.5 + jitter / 2)
    wake_at = now + timedelta(seconds=wait_s)
    parked = {"reason": REASON, "wake_at": wake_at.isoformat(), "error": error}
    return Append(
        execution_id=claimed.execution.id,
        fence=claimed.execution.fence,
        events=(NewEvent(kind=kinds.PARKED, data=parked),),
        status="pending",
        status_reason=REASON,
        wake_at=wake_at,
    )


def _ended(claimed: Claimed, error: str) -> Append:
    return Append(
        execution_id=claimed.execution.id,
        fence=claimed.execution.fence,
        events=(NewEvent(kind=kinds.FAILED, data={"reason": REASON, "error": error, "result": None}),),
        status="failed",
        status_reason=REASON,
        error=error,
    )


def _failures(events: Sequence[Event]) -> int:
    """How many activations broke since anything else happened."""
    count = 0
    for event in reversed(events):
        if event.kind == kinds.PARKED and event.data.get("reason") == REASON:
            count += 1
        elif event.kind != kinds.CLAIMED:
            break
    return count
