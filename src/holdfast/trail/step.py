"""Whether an append is accepted, and what it changes. Pure."""

from holdfast.errors import (
    ApprovalUnusable,
    ApprovalWithdrawn,
    CancelRequested,
    DeadlineExceeded,
    IllegalTransition,
    StaleFence,
)
from holdfast.trail.heads import Head, Question
from holdfast.trail.ledger import Ledger
from holdfast.trail.overdue import is_overdue
from holdfast.trail.requests import AppendStep, Row
from holdfast.trail.rulings import abandon
from holdfast.trail.starting import start_new
from holdfast.types import ENDED, TRANSITIONS, Append, Appended, ApprovalUse, ModelUsage

_STATUS, _OUTPUT, _ATTEMPT = 6, 5, 9
"""Places in a tool call's row."""


def append(ledger: Ledger, step: AppendStep) -> Appended:
    """Accept one step of one execution, or raise and change nothing."""
    asked = step.append
    head = ledger.head(asked.execution_id)
    _refuse(head, asked)
    if asked.refuse_if_cancelled and asked.status not in ENDED and is_overdue(head, step.at):
        raise DeadlineExceeded(f"execution {head.id} was to have ended by {head.due_by}; start nothing new")
    granted = ledger.leave(head, asked, step.at)
    if step.uses:
        _consume(ledger, step)
    if granted is not None:
        ledger.take(granted, step.at)
    _bring(ledger, head, step)
    news = asked.known_seq is not None and head.last_seq != asked.known_seq
    ledger.record(head, step.events, step.at)
    seq = head.last_seq
    _advance(head, step)
    if asked.status is not None:
        _leave(ledger, head, step)
        if news:
            ledger.wake_if_waiting(head, at=step.at)
    elif step.children:
        ledger.moved[head.id] = head
    elif asked.status_reason is not None:
        head.status_reason = asked.status_reason
        ledger.moved[head.id] = head
    cancelled = head.cancel_requested_at is not None
    if granted is None:
        return Appended(seq=seq, cancel_requested=cancelled, at=step.at)
    return Appended(
        seq=seq,
        cancel_requested=cancelled,
        at=step.at,
        rung=granted.rung,
        probe=granted.probe,
        probing_tools=granted.probing_tools,
    )


def _bring(ledger: Ledger, head: Head, step: AppendStep) -> None:
    """What comes with the events: children, questions, payloads, calls, usage."""
    for child in step.children:
        start_new(ledger, child)
    head.waits_for += len(step.children)
    for row in step.questions:
        _open(ledger, head, row, step.at)
    if step.blobs:
        ledger.keep(step.blobs, step.at)
    for row in step.calls:
        _put_call(ledger, row)
    if step.append.usage:
        ledger.usage += [usage_row(head.id, one) for one in step.append.usage]


def _refuse(head: Head, asked: Append) -> None:
    if asked.fence != head.fence or (head.status != "running" and head.status not in ENDED):
        raise StaleFence(
            f"execution {head.id} is no longer held under fence {asked.fence}: it is {head.status} under {head.fence}"
        )
    if head.status != "running":
        raise IllegalTransition(f"execution {head.id} is {head.status}: nothing can be added to it")
    if asked.status is not None and asked.status not in TRANSITIONS["running"]:
        raise IllegalTransition(f"execution {head.id}: {asked.status} cannot follow running")
    if asked.refuse_if_cancelled and head.cancel_requested_at is not None:
        raise CancelRequested(f"somebody asked to cancel execution {head.id}; start nothing new")


def _consume(ledger: Ledger, step: AppendStep) -> None:
    found = [_usable(ledger.questions.get(use.approval_id), use, step) for use in step.uses]
    if len({question.id for question in found}) < len(found):
        raise ApprovalUnusable("an approval is used twice in one append")
    for question in found:
        question.consumed_at = step.at
        ledger.changed_questions[question.id] = question


def _usable(question: Question | None, use: ApprovalUse, step: AppendStep) -> Question:
    if question is None or question.execution_id != step.append.execution_id:
        raise ApprovalUnusable(f"approval {use.approval_id!r} is none of this execution's")
    if question.status not in {"approved", "rejected", "answered"}:
        raise ApprovalUnusable(f"approval {question.id} is {question.status}, not decided")
    if question.consumed_at is not None:
        raise ApprovalUnusable(f"approval {question.id} was used at {question.consumed_at}")
    if question.kind in {"call", "result"} and question.status == "rejected":
        raise ApprovalWithdrawn(
            f"approval {question.id} was taken back by {question.decided_by}",
            approval_id=question.id,
            by=question.decided_by or "",
            note=question.note,
        )
    if question.kind in {"call", "result"}:
        if use.digest != (question.edit_digest or question.digest):
            raise ApprovalUnusable(f"approval {question.id} is for other arguments: ask again")
        if use.schema_hash != question.schema_hash:
            raise ApprovalUnusable(f"approval {question.id} is for another version of the tool: ask again")
    return question


def _open(ledger: Ledger, head: Head, row: Row, at: str) -> None:
    ledger.new_questions.append((*row, head.agent_type))
    question = Question(
        id=str(row[0]),
        execution_id=head.id,
        call_id=None if row[2] is None else str(row[2]),
        kind=str(row[3]),
        status="open",
        tool_name=None if row[5] is None else str(row[5]),
        digest=str(row[7]),
        schema_hash=str(row[8]),
        expires_at=str(row[14]),
        reviewers=None if row[16] is None else str(row[16]),
        quorum=int(row[17] or 1),
        ladder=None if row[19] is None else str(row[19]),
        votes=None,
        attend_at=str(row[15]),
        decided_at=None,
        decided_by=None,
        note=None,
        edit=None,
        edit_digest=None,
        answer=None,
        consumed_at=None,
    )
    ledger.add_question(question)
    ledger.tell("opened", question, at)


def _put_call(ledger: Ledger, row: Row) -> None:
    """Merge with an earlier change of the same batch: a row may be written once in a statement."""
    key = str(row[1])
    if (earlier := ledger.calls.get(key)) is None:
        ledger.calls[key] = row
        return
    merged = [new if new is not None else old for old, new in zip(earlier, row, strict=True)]
    if not row[_ATTEMPT]:
        merged[_ATTEMPT] = earlier[_ATTEMPT]
    ledger.calls[key] = tuple(merged)


def _advance(head: Head, step: AppendStep) -> None:
    asked = step.append
    if asked.step_count is not None:
        head.step_count = asked.step_count
    if asked.token_count is not None:
        head.token_count = asked.token_count
    if asked.cost_usd is not None:
        head.cost_usd = str(asked.cost_usd)
    if asked.reserved_tokens is not None:
        head.reserved_tokens = asked.reserved_tokens
    if asked.reserved_usd is not None:
        head.reserved_usd = str(asked.reserved_usd)
    if asked.status in ENDED:  # no call is under way any more: what is still held is a bill that nobody knows
        head.unknown_tokens, head.unknown_usd = head.reserved_tokens, head.reserved_usd
    elif asked.unknown_tokens is not None:
        head.unknown_tokens, head.unknown_usd = asked.unknown_tokens, str(asked.unknown_usd or 0)
    head.state = step.state or head.state
    head.result = step.result or head.result
    head.error = step.error or head.error
    head.deadline = step.deadline or head.deadline


def _leave(ledger: Ledger, head: Head, step: AppendStep) -> None:
    status = step.append.status
    if status is None:
        return
    if step.append.abandons:
        abandon(ledger, head, step.at)
    ledger.move(head, status, reason=step.append.status_reason, wake_at=step.wake_at, at=step.at)
    # A person may have answered between the question and the parking: nobody else would wake it.
    ledger.wake_if_answered(head, reason="ANSWERED", at=step.at)
    # As well a child may have ended.
    ledger.wake_if_alone(head, at=step.at)


def usage_row(execution_id: str, usage: ModelUsage) -> Row:
    """A row of `agent_model_usage`."""
    return (
        execution_id,
        usage.model,
        usage.provider,
        usage.calls,
        usage.failed_calls,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        str(usage.cost_usd),
        usage.latency_ms,
    )
