"""The end of the work: is a message a result, may it be the result, and what people say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from holdfast.errors import ApprovalUnusable, ApprovalWithdrawn, InvalidArguments
from holdfast.loop.activation import Activation
from holdfast.loop.history import ApprovalState, Proposed
from holdfast.loop.model import RawCall, Response
from holdfast.loop.outcome import refusal
from holdfast.loop.output import parse_arguments
from holdfast.loop.rights import lost_right
from holdfast.policy import approval as asking
from holdfast.policy import gate
from holdfast.trail import events as kinds
from holdfast.trail.codec import storable
from holdfast.types import ApprovalUse, Decision, Json, Proposal

REJECTED = "RESULT_REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A result, and the model's call that handed it in, if one did."""

    result: Json
    provider_call_id: str | None = None
    tool: str | None = None

    @property
    def digest(self) -> str:
        """What an approval of it is bound to."""
        return asking.digest(asking.RESULT, self.result)


async def take_text(activation: Activation, response: Response) -> None:
    """A message without calls: the answer of a text agent, or something to correct."""
    contract, text = activation.cast.contract, response.text
    if response.finish_reason == "length":
        correct(activation, "truncated", "Your message was cut off at the token limit. Answer again, shorter.")
    elif not text.strip():
        correct(activation, "empty", "Your message was empty. Call a tool or give your answer.")
    elif not contract.structured:
        await finish(activation, Handed(result=text))
    else:
        await take_value(activation, text)


async def take_value(activation: Activation, text: str) -> None:
    """Text where a structured result is wanted: taken if it holds exactly one."""
    try:
        result = activation.cast.contract.from_text(text)
    except InvalidArguments as problem:
        correct(activation, "malformed", f"Give your result by calling final_result. {problem}")
        return
    await finish(activation, Handed(result=result))


async def take_result(activation: Activation, call: RawCall, *, cut: bool) -> None:
    """The final result, validated."""
    try:
        result = activation.cast.contract.validate(parse_arguments(call.arguments))
    except InvalidArguments as problem:
        words = "It was cut off at the token limit. " if cut else ""
        correct(activation, "invalid_result", f"{words}{problem}", call)
        return
    await finish(activation, Handed(result=result, provider_call_id=call.provider_call_id, tool=call.tool))


def correct(activation: Activation, problem: str, message: str, call: RawCall | None = None) -> None:
    """Tell the model what was wrong with its message; stored with the next commit."""
    activation.fact(
        kinds.CORRECTED,
        {
            "step": activation.history.step,
            "problem": problem,
            "message": message,
            "provider_call_id": call.provider_call_id if call else None,
            "tool": call.tool if call else None,
        },
    )


async def finish(activation: Activation, handed: Handed) -> None:
    """Complete with a valid result, unless the agent's review rule has something against it."""
    rule = activation.cast.agent.review
    if rule is None:
        await activation.complete(handed.result)
        return
    # What is judged and shown is what is recorded: secrets go before.
    handed = replace(handed, result=storable(handed.result, activation.desk.redactor))
    proposal = propose(activation, handed)
    decision = gate.judge(rule, proposal)
    if decision.verdict == "rewrite":
        handed, decision = rewritten(activation, handed, decision)
    event = proposed(activation, handed, decision)
    match decision.verdict:
        case "review":
            activation.intend(kinds.RESULT_PROPOSED, event)
            await ask(activation, proposal, handed.result, decision)
        case "deny":
            activation.fact(kinds.RESULT_PROPOSED, event)
            refuse(activation, handed, decision.reason)
        case _:
            activation.fact(kinds.RESULT_PROPOSED, event)
            await activation.complete(handed.result)


def propose(activation: Activation, handed: Handed | Proposed) -> Proposal:
    """A result as a review rule sees it: its fields as the arguments."""
    result = handed.result
    arguments = result if isinstance(result, Mapping) else {"result": result}
    return Proposal(
        call_id=f"{activation.id}:{activation.history.step}:result",
        execution_id=activation.id,
        step=activation.history.step,
        tool=asking.RESULT,
        effect="irreversible",
        arguments=cast("Mapping[str, Json]", arguments),
        args=activation.cast.contract.typed(result),
        digest=handed.digest,
        schema_hash="",
        agent=activation.cast.agent.name,
        user=activation.history.user,
    )


def rewritten(activation: Activation, handed: Handed, decision: Decision) -> tuple[Handed, Decision]:
    """The result as the rule wants it, or the question to a person where that does not fit."""
    try:
        return replace(handed, result=activation.cast.contract.again(dict(decision.rewritten or {}))), decision
    except InvalidArguments as error:
        return handed, gate.misfit(error)


def proposed(activation: Activation, handed: Handed, decision: Decision) -> dict[str, Json]:
    """The `result.proposed` event."""
    return {
        "step": activation.history.step,
        "result": handed.result,
        "digest": handed.digest,
        "decision": gate.as_event(decision),
        "provider_call_id": handed.provider_call_id,
        "tool": handed.tool,
    }


async def ask(activation: Activation, proposal: Proposal, result: Json, decision: Decision) -> None:
    """Open the approval and park."""
    desk = activation.desk
    question = asking.ask_for_result(
        proposal,
        result,
        decision,
        approval_id=desk.new_id(),
        now=desk.clock.now(),
        expiry_s=desk.approval_expiry_s,
    )
    activation.ask(question)
    await activation.park("APPROVAL", status="awaiting_review")


def refuse(activation: Activation, handed: Handed | Proposed, why: str, *, approval_id: str | None = None) -> None:
    """It is not the result: the model is told why, and goes on within its limits."""
    activation.fact(
        kinds.RESULT_REFUSED,
        {
            "step": activation.history.step,
            "message": f"Your result was not accepted. {why}",
            "provider_call_id": handed.provider_call_id,
            "tool": handed.tool,
            "approval_id": approval_id,
        },
    )


# --- when people have answered


async def obey_result(activation: Activation) -> None:
    """Do what people said of the result that waits for them."""
    waiting = activation.history.proposed
    if waiting is None:
        return
    answers = [item for item in activation.history.approvals.values() if item.kind == "result"]
    answer = answers[-1] if answers else None
    if answer is None:
        lost = Decision(verdict="review", gate=asking.ASKED_AGAIN, reason="Nobody was asked about it yet.")
        await ask(activation, propose(activation, waiting), waiting.result, lost)
    elif not answer.over:
        await activation.park("APPROVAL", status="awaiting_review")
    elif answer.answer == "approve":
        await accept(activation, waiting, answer)
    elif answer.answer == "reject":
        refuse(activation, waiting, refusal(answer), approval_id=answer.id)
    else:
        why = refusal(answer)
        refuse(activation, waiting, why, approval_id=answer.id)
        await activation.fail(REJECTED, f"A person had to agree to the result. {why}", result=waiting.result)


async def accept(activation: Activation, waiting: Proposed, answer: ApprovalState) -> None:
    """Complete with what was agreed to, if the answer still covers it; else people are asked again."""
    edited = answer.edit is not None
    agreed_to = answer.edit if edited else waiting.result
    try:
        result = activation.cast.contract.again(agreed_to)
    except InvalidArguments as error:
        await misfit(activation, waiting, answer, str(error), edited=edited)
        return
    if why := lost_right(activation, answer):
        await ask_again(activation, waiting, answer, f"Agreed to, but {why}.")
        return
    digest = asking.digest(asking.RESULT, agreed_to) if edited else waiting.digest
    try:
        await activation.complete(result, use=ApprovalUse(approval_id=answer.id, digest=digest))
    except ApprovalWithdrawn as no:
        said = replace(answer, answer="reject", by=no.by, note=no.note, edit=None)
        refuse(activation, waiting, refusal(said), approval_id=answer.id)
    except ApprovalUnusable as unusable:
        await ask_again(activation, waiting, answer, str(unusable))


async def misfit(activation: Activation, waiting: Proposed, answer: ApprovalState, why: str, *, edited: bool) -> None:
    """What was agreed to is no result: a correction is asked about again, what a deploy left behind is made anew."""
    if edited:
        await ask_again(activation, waiting, answer, f"The corrected result does not fit. {why}")
    else:
        refuse(activation, waiting, f"It was agreed to, but does not fit any more. {why}", approval_id=answer.id)


async def ask_again(activation: Activation, waiting: Proposed, answer: ApprovalState, reason: str) -> None:
    """Ask the same people about the same result."""
    decision = Decision(verdict="review", gate=asking.ASKED_AGAIN, reason=reason, routing=answer.routing)
    activation.history.forget_approvals("result")
    await ask(activation, propose(activation, waiting), waiting.result, decision)
