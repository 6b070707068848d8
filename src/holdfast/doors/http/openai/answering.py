"""Answers to approval requests, given by whoever sends them."""

from collections.abc import Sequence
from typing import Final, cast

from holdfast.app import App
from holdfast.doors.http.guard import entitled
from holdfast.doors.http.openai.asked import Given
from holdfast.doors.http.openai.refusal import Unfit
from holdfast.types import Answer, Approval, ApprovalKind, Caller

_DOUBT: Final = ("happened", "run", "skip")


async def answer_all(app: App, caller: Caller, execution_id: str, given: Sequence[Given]) -> None:
    """Give these answers, or none of them where one cannot be right.

    An answer that this caller gave before is given once: clients repeat requests whose answers were lost.

    Raises:
        Forbidden: The caller may not decide.
        Unfit: One is for no question of this execution, or does not fit it.
        NotEntitled: It is not theirs to answer.
        AlreadyDecided: Somebody else was faster; the message says who.
    """
    entitled(caller, "decide")
    asked = {one.id: one for one in await app.approvals(None, execution_id=execution_id)}
    ready = [_ready(asked.get(one.approval_id), one) for one in given]
    for approval, answer, reason in ready:
        if not _said_before(approval, answer, caller.name):
            await app.decide(approval.id, answer, by=caller.name, note=reason)


async def spoken_answer(app: App, execution_id: str, text: str) -> Given:
    """Words that answer the one open question of the agent.

    Raises:
        Unfit: Something else is open: it takes an approval response.
    """
    waiting = await app.approvals("open", execution_id=execution_id)
    if len(waiting) == 1 and waiting[0].kind == "question":
        return Given(approval_id=waiting[0].id, approve=True, reason=text)
    raise Unfit(
        "input", "the previous response waits for people: answer its mcp_approval_request with an mcp_approval_response"
    )


def _ready(approval: Approval | None, given: Given) -> tuple[Approval, Answer, str | None]:
    if approval is None:
        raise Unfit("input", f"the previous response has no approval request mcpr_{given.approval_id}")
    return approval, _answer(approval.kind, given), given.reason


def _answer(kind: ApprovalKind, given: Given) -> Answer:
    if kind == "doubt":
        word = (given.reason or "").strip().partition(" ")[0].lower().rstrip(".,:")
        if word not in _DOUBT:
            raise Unfit("input", f"nobody knows whether that call happened: begin the reason with {', '.join(_DOUBT)}")
        return cast("Answer", word)
    if kind == "question" and given.approve:
        if not given.reason:
            raise Unfit("input", "it is a question: write the answer as the reason")
        return "answer"
    return "approve" if given.approve else "reject"


def _said_before(approval: Approval, answer: Answer, name: str) -> bool:
    if any(vote.by == name and vote.answer == answer for vote in approval.votes):
        return True
    return approval.status != "open" and approval.decided_by == name and approval.answer == answer
