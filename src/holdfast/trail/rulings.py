"""What people and time do to approvals and executions. Pure."""

import json
from typing import Final

from holdfast.errors import AlreadyDecided, IllegalTransition, NotFound, UsageError
from holdfast.trail import events
from holdfast.trail.heads import Head, Question
from holdfast.trail.ledger import Ledger, named
from holdfast.trail.requests import Cancel, Decide, Release, Retry
from holdfast.types import ENDED

ANSWERS: Final = {
    "call": {"approve": "approved", "reject": "rejected"},
    "question": {"answer": "answered", "reject": "rejected"},
    "doubt": {"happened": "answered", "run": "answered", "skip": "answered"},
    "change": {"approve": "approved", "reject": "rejected"},
    "escalation": {"approve": "approved", "reject": "rejected"},
}
"""What may be answered to each kind of approval, and the status that makes."""
_EDITABLE: Final = {("call", "approve"), ("doubt", "happened"), ("escalation", "approve")}


def decide(ledger: Ledger, ruling: Decide) -> None:
    """Record an answer; wake the execution when it was the last one missing."""
    question = ledger.questions.get(ruling.approval_id)
    if question is None:
        raise NotFound(f"no approval {ruling.approval_id!r}")
    _refuse_decided(question, ruling.at)
    answer = _fitting_answer(question, ruling)
    question.status, question.answer = ANSWERS[question.kind][answer], answer
    question.decided_at, question.decided_by, question.note = ruling.at, ruling.by, ruling.note
    question.edit, question.edit_digest = ruling.edit, ruling.edit_digest if ruling.edit else None
    ledger.changed_questions[question.id] = question
    ledger.keep(ruling.blobs, ruling.at)
    head = ledger.head(question.execution_id)
    ledger.note(
        head,
        events.APPROVAL_DECIDED,
        {
            **named(question),
            "answer": answer,
            "status": question.status,
            "by": ruling.by,
            "note": ruling.note,
            "edit": json.loads(ruling.edit) if ruling.edit else None,
        },
        ruling.at,
    )
    ledger.wake_if_answered(head, reason="ANSWERED", at=ruling.at)


def _refuse_decided(question: Question, now: str) -> None:
    if question.status == "open" and now < question.expires_at:
        return
    if question.status == "open":
        what, at = "expired", question.expires_at
    else:
        what, at = question.status, question.decided_at or question.expires_at
    by = f" by {question.decided_by}" if question.decided_by else ""
    raise AlreadyDecided(f"already decided: {what}{by} at {at[:10]} {at[11:16]} UTC")


def _fitting_answer(question: Question, ruling: Decide) -> str:
    answer: str = ruling.answer
    if question.kind == "question" and answer == "approve" and ruling.note:
        answer = "answer"
    allowed = ANSWERS[question.kind]
    if answer not in allowed:
        hint = " with a note" if question.kind == "question" else ""
        raise UsageError(
            f"{ruling.answer!r} does not answer a {question.kind}: use {' or '.join(map(repr, allowed))}{hint}"
        )
    if answer == "answer" and not ruling.note:
        raise UsageError("a question wants an answer: give it as the note")
    if ruling.edit is not None and (question.kind, answer) not in _EDITABLE:
        raise UsageError(f"{answer!r} of a {question.kind} takes no edit")
    if ruling.edit is not None and question.kind == "call" and not ruling.edit_digest:
        raise UsageError("edited arguments need their digest: give edit_digest=")
    return answer


def expire(ledger: Ledger, question: Question, at: str) -> bool:
    """Close a question that nobody answered in time, unless it was answered meanwhile."""
    if question.status != "open" or at < question.expires_at:
        return False
    head = ledger.head(question.execution_id)
    question.status, question.decided_at = "expired", at
    ledger.changed_questions[question.id] = question
    ledger.note(head, events.APPROVAL_EXPIRED, named(question), at)
    ledger.wake_if_answered(head, reason="APPROVAL_EXPIRED", at=at)
    return True


def cancel(ledger: Ledger, asked: Cancel) -> None:
    """Cancel what does not run; ask the worker of what runs."""
    head = ledger.head(asked.execution_id)
    if head.status in ENDED:
        raise IllegalTransition(f"execution {head.id} is {head.status}: there is nothing to cancel")
    first = head.cancel_requested_at is None
    head.cancel_requested_at = head.cancel_requested_at or asked.at
    ledger.moved[head.id] = head
    if head.status != "running":
        ledger.move(head, "cancelled", reason="CANCELLED", at=asked.at)
        ledger.note(head, events.CANCELLED, {"by": asked.by}, asked.at)
    elif first:
        ledger.note(head, events.CANCEL_REQUESTED, {"by": asked.by}, asked.at)


def retry(ledger: Ledger, asked: Retry) -> None:
    """Make a failed execution pending again."""
    head = ledger.head(asked.execution_id)
    if head.status != "failed":
        raise IllegalTransition(f"execution {head.id} is {head.status}: only a failed one can be retried")
    head.error = head.result = head.completed_at = head.cancel_requested_at = None
    ledger.note(head, events.RETRIED, {"by": asked.by}, asked.at)
    ledger.move(head, "pending", at=asked.at)


def claim(ledger: Ledger, head: Head, *, worker: str, at: str) -> None:
    """Give a pending execution to a worker, under a new fence."""
    head.status, head.status_reason, head.wake_at = "running", None, None
    head.lease_owner, head.claimed_at = worker, at
    head.fence += 1
    ledger.moved[head.id] = head
    ledger.note(head, events.CLAIMED, {"worker": worker, "fence": head.fence}, at)


def take_over(ledger: Ledger, head: Head, *, reason: str, at: str) -> bool:
    """Make an execution claimable whose worker is gone."""
    if head.status != "running":
        return False
    ledger.move(head, "pending", reason=reason, at=at)
    return True


def release(ledger: Ledger, asked: Release) -> None:
    """Put claimed executions back."""
    for execution_id, fence in asked.held:
        head = ledger.head(execution_id)
        if head.status == "running" and head.fence == fence:
            ledger.note(head, events.PARKED, {"reason": asked.reason, "wake_at": asked.wake_at}, asked.at)
            ledger.move(head, "pending", reason=asked.reason, wake_at=asked.wake_at, at=asked.at)
