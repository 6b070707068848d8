"""What was to have ended by now, and has not: it ends failed. Pure."""

from datetime import datetime
from typing import Final

from holdfast.trail import events
from holdfast.trail.controls.shared import subject_of
from holdfast.trail.heads import Head
from holdfast.trail.ledger import Ledger
from holdfast.trail.rulings import abandon, undoes
from holdfast.types import ENDED, Json

REASON: Final = "DEADLINE_EXCEEDED"


def is_overdue(head: Head, at: str) -> bool:
    """Whether its deadline has passed."""
    return head.due_by is not None and head.due_by <= at and head.status not in ENDED


def fail_overdue(ledger: Ledger, head: Head, at: str) -> bool:
    """End an execution that no worker holds, with what it has started; whether it was to be ended."""
    if head.status == "running" or not is_overdue(head, at):
        return False
    if undoes(head):
        _undo(ledger, head, at)
        return True
    begun = "its time came while it was parked" if head.step_count else "it had not begun"
    end(ledger, head, f"It was to have ended by {head.due_by}: {begun}.", at)
    return True


def _undo(ledger: Ledger, head: Head, at: str) -> None:
    """Let a worker undo what it did; then it ends."""
    error = f"It was to have ended by {head.due_by}."
    told: dict[str, Json] = {"reason": REASON, "error": error, "step": None, "cancelled": False}
    head.due_by = None
    ledger.note(head, events.WORKFLOW_UNDOING, told, at)
    ledger.move(head, "pending", reason="WOKEN", at=at)


def end(ledger: Ledger, head: Head, error: str, at: str) -> None:
    """End an execution for its deadline."""
    if ledger.shared.known.budgets:
        ledger.shared.closed(subject_of(head), datetime.fromisoformat(at))
    head.unknown_tokens, head.unknown_usd = head.reserved_tokens, head.reserved_usd
    head.error = error
    abandon(ledger, head, at)
    ledger.move(head, "failed", reason=REASON, at=at)
    ledger.note(head, events.FAILED, {"reason": REASON, "error": error, "result": None}, at)
