"""What people and time do to approvals and executions. Pure."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from holdfast.errors import AlreadyDecided, IllegalTransition, NotFound, Pruned, UsageError
from holdfast.trail import events
from holdfast.trail.controls.shared import subject_of
from holdfast.trail.heads import Head, Question
from holdfast.trail.ledger import Ledger, named
from holdfast.trail.requests import Cancel, Decide, Release, Retry, Row
from holdfast.trail.votes import (
    StoredVote,
    agreed,
    as_column,
    attend_at,
    cast_vote,
    groups_of,
    ladder_of,
    most_agreed,
)
from holdfast.types import ENDED, FeedbackKind, Json

ANSWERS: Final = {
    "call": {"approve": "approved", "reject": "rejected"},
    "result": {"approve": "approved", "reject": "rejected"},
    "question": {"answer": "answered", "reject": "rejected"},
    "doubt": {"happened": "answered", "run": "answered", "skip": "answered"},
    "change": {"approve": "approved", "reject": "rejected"},
    "escalation": {"approve": "approved", "reject": "rejected"},
}
"""What may be answered to each kind of approval, and the status that makes."""
_EDITABLE: Final = {("call", "approve"), ("result", "approve"), ("doubt", "happened"), ("escalation", "approve")}


def decide(ledger: Ledger, ruling: Decide) -> None:
    """Record an answer; wake the execution when it was the last one missing.

    Where several people must agree, a yes is one vote. A no decides at once, and takes back a yes until that is used.
    """
    question = ledger.questions.get(ruling.approval_id)
    if question is None:
        raise NotFound(f"no approval {ruling.approval_id!r}")
    head = ledger.head(question.execution_id)
    if not _takes_back(question, head, ruling):
        _refuse_decided(question, ruling.at)
    answer = _fitting_answer(question, ruling)
    agreed_to = (ruling.edit_digest if ruling.edit else None) or question.digest
    vote = StoredVote(by=ruling.by, answer=answer, at=ruling.at, digest=agreed_to, note=ruling.note)
    votes = cast_vote(question, vote)
    voters = agreed(votes, agreed_to) if answer == "approve" else [ruling.by]
    question.votes = as_column(votes)
    ledger.changed_questions[question.id] = question
    ledger.keep(ruling.blobs, ruling.at)
    if answer == "approve" and len(voters) < question.quorum:
        _count(ledger, head, question, ruling, yes=len(voters))
    else:
        _close(ledger, head, question, ruling, answer=answer, voters=voters)


def _takes_back(question: Question, head: Head, ruling: Decide) -> bool:
    """Whether it is a no to what was agreed to and has not begun: a no wins until dispatch."""
    unused = question.status == "approved" and question.consumed_at is None and head.status not in ENDED
    return unused and ruling.answer == "reject" and question.kind in {"call", "result"}


def _count(ledger: Ledger, head: Head, question: Question, ruling: Decide, *, yes: int) -> None:
    said = _said(question, ruling, "approve")
    ledger.note(head, events.APPROVAL_VOTED, {**said, "yes": yes, "quorum": question.quorum}, ruling.at)


def _close(  # noqa: PLR0913 - what an answer comes to
    ledger: Ledger, head: Head, question: Question, ruling: Decide, *, answer: str, voters: Sequence[str]
) -> None:
    question.status, question.answer = ANSWERS[question.kind][answer], answer
    question.decided_at, question.decided_by, question.note = ruling.at, " and ".join(voters), ruling.note
    question.edit, question.edit_digest = ruling.edit, ruling.edit_digest if ruling.edit else None
    decided: Json = {**_said(question, ruling, answer), "status": question.status, "voters": list(voters)}
    ledger.note(head, events.APPROVAL_DECIDED, decided, ruling.at)
    _learn(ledger, head, question, ruling)
    ledger.tell("decided", question, ruling.at)
    ledger.wake_if_answered(head, reason="ANSWERED", at=ruling.at)
    ledger.wake_if_waiting(head, at=ruling.at)


def _said(question: Question, ruling: Decide, answer: str) -> dict[str, Json]:
    return {
        **named(question),
        "answer": answer,
        "by": ruling.by,
        "note": ruling.note,
        "edit": json.loads(ruling.edit) if ruling.edit else None,
    }


def _learn(ledger: Ledger, head: Head, question: Question, ruling: Decide) -> None:
    """Keep what a person corrected, in the transaction of the correction."""
    kind = _lesson(question, ruling)
    if kind is None:
        return
    row: Row = (
        f"{question.id}:{kind}",
        head.id,
        head.agent_type,
        head.step_count,
        kind,
        question.tool_name,
        ruling.edit,
        ruling.by,
        ruling.note,
        ruling.at,
    )
    ledger.feedback.append((question.id, row))


def _lesson(question: Question, ruling: Decide) -> FeedbackKind | None:
    if question.status == "approved" and ruling.edit is not None:
        return "arguments" if question.kind == "call" else "result"
    if question.status == "rejected" and ruling.note and question.kind in {"call", "result"}:
        return "rejection"
    return None


def _refuse_decided(question: Question, now: str) -> None:
    if question.status == "open" and now < question.expires_at:
        return
    if question.status == "open":
        what, at = "expired", question.expires_at
    else:
        what, at = question.status, question.decided_at or question.expires_at
    by = f" by {question.decided_by}" if question.decided_by else ""
    used = ", and it has begun" if question.status == "approved" and question.consumed_at else ""
    raise AlreadyDecided(f"already decided: {what}{by} at {at[:10]} {at[11:16]} UTC{used}")


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
    if ruling.edit is not None and question.kind in {"call", "result"} and not ruling.edit_digest:
        raise UsageError("an edited call or result needs its digest: give edit_digest=")
    return answer


def attend(ledger: Ledger, question: Question, at: str) -> bool:
    """Do what is due about a question that nobody has answered: remind, ask further groups, close it.

    Returns:
        Whether its time is over. Silence counts as no.
    """
    if question.status != "open":
        return False
    head = ledger.head(question.execution_id)
    if at >= question.expires_at:
        _expire(ledger, head, question, at)
        return True
    ladder = ladder_of(question)
    for due in ladder:
        if not due["done"] and due["at"] <= at:
            due["done"] = True
            question.ladder = as_column(ladder)
            _act_on(ledger, head, question, to=due["to"], at=at)
    question.attend_at = attend_at(ladder, question.expires_at)
    ledger.changed_questions[question.id] = question
    return False


def _act_on(ledger: Ledger, head: Head, question: Question, *, to: str | None, at: str) -> None:
    if to is None:
        ledger.note(head, events.APPROVAL_REMINDED, {**named(question), "groups": groups_of(question)}, at)
        ledger.tell("reminded", question, at)
    else:
        ledger.note(head, events.APPROVAL_ESCALATED, {**named(question), "to": to}, at)
        ledger.tell("escalated", question, at, group=to)


def _expire(ledger: Ledger, head: Head, question: Question, at: str) -> None:
    question.status, question.decided_at = "expired", at
    ledger.changed_questions[question.id] = question
    came: dict[str, Json] = {"groups": list(groups_of(question)), "yes": most_agreed(question)}
    ledger.note(head, events.APPROVAL_EXPIRED, {**named(question), **came, "quorum": question.quorum}, at)
    ledger.tell("expired", question, at)
    ledger.wake_if_answered(head, reason="APPROVAL_EXPIRED", at=at)
    ledger.wake_if_waiting(head, at=at)


def cancel(ledger: Ledger, asked: Cancel) -> None:
    """Cancel what does not run; ask the worker of what runs."""
    head = ledger.head(asked.execution_id)
    if head.status in ENDED:
        raise IllegalTransition(f"execution {head.id} is {head.status}: there is nothing to cancel")
    _cancel(ledger, head, by=asked.by, at=asked.at)
    for below in ledger.family.get(head.id, ()):
        _cancel_below(ledger, below, by=asked.by, at=asked.at)


def abandon(ledger: Ledger, head: Head, at: str) -> None:
    """Cancel what an execution that ends has started, and that has not ended."""
    for below in ledger.family.get(head.id, ()):
        _cancel_below(ledger, below, by=f"end of {head.id}", at=at)


def _cancel_below(ledger: Ledger, execution_id: str, *, by: str, at: str) -> None:
    below = ledger.head(execution_id)
    if below.status not in ENDED:
        _cancel(ledger, below, by=by, at=at)


def _cancel(ledger: Ledger, head: Head, *, by: str, at: str) -> None:
    first = head.cancel_requested_at is None
    head.cancel_requested_at = head.cancel_requested_at or at
    ledger.moved[head.id] = head
    if head.status != "running" and first and undoes(head, on_cancel=True):
        ledger.note(head, events.CANCEL_REQUESTED, {"by": by}, at)
        ledger.move(head, "pending", reason="CANCELLING", at=at)
    elif head.status != "running":
        if ledger.shared.known.budgets:
            ledger.shared.closed(subject_of(head), datetime.fromisoformat(at))
        head.unknown_tokens, head.unknown_usd = head.reserved_tokens, head.reserved_usd
        ledger.move(head, "cancelled", reason="CANCELLED", at=at)
        ledger.note(head, events.CANCELLED, {"by": by}, at)
    elif first:
        ledger.note(head, events.CANCEL_REQUESTED, {"by": by}, at)


def undoes(head: Head, *, on_cancel: bool = False) -> bool:
    """Whether a worker has to undo what it did before it may end."""
    state = json.loads(head.state) if head.state else None
    return isinstance(state, dict) and ("undo_on_cancel" if on_cancel else "undo") in state


def retry(ledger: Ledger, asked: Retry) -> None:
    """Make a failed execution pending again."""
    head = ledger.head(asked.execution_id)
    if head.pruned_at is not None:
        raise Pruned(f"execution {head.id} was pruned on {head.pruned_at[:10]}: there is nothing to go on from")
    if head.status != "failed":
        raise IllegalTransition(f"execution {head.id} is {head.status}: only a failed one can be retried")
    if asked.last_seq is not None and asked.last_seq != head.last_seq:
        raise IllegalTransition(f"execution {head.id} went on meanwhile: look at it again, then retry")
    head.error = head.result = head.completed_at = head.cancel_requested_at = head.due_by = None
    ledger.keep(asked.blobs, asked.at)
    ledger.record(head, [asked.event], asked.at)
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
