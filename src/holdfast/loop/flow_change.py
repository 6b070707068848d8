"""A workflow whose code is not the one that its journal was written by: people say whether it may go on."""

from hashlib import sha256

from holdfast.loop.activation import Activation
from holdfast.loop.flow_history import Undoing
from holdfast.loop.flow_stage import Stage
from holdfast.loop.flow_undo import begin_undoing
from holdfast.loop.outcome import refusal
from holdfast.policy import approval as asking
from holdfast.trail import events as kinds

CHANGED = "WORKFLOW_CHANGED"
_APPROVED = ". Approved, it goes on with"


async def ask_about_change(activation: Activation, message: str) -> None:
    """Open the question and park."""
    desk, name = activation.desk, activation.cast.agent.name
    activation.ask(
        asking.ask_person(
            kind="change",
            approval_id=desk.new_id(),
            question=f"May this execution go on with the changed code of workflow {name}?",
            reason=f"{message}{_APPROVED} steps known by their names; finished ones are not done again.",
            gate="workflow",
            now=desk.clock.now(),
            expiry_s=desk.approval_expiry_s,
            digest=sha256(message.encode()).hexdigest(),
        )
    )
    await activation.park(CHANGED, status="awaiting_review")


async def heed_change(stage: Stage) -> None:
    """Do what people said about changed code, if they were asked."""
    activation = stage.activation
    asked = [item for item in activation.history.approvals.values() if item.kind == "change"]
    if not asked:
        return
    answer = asked[-1]
    if not answer.over:
        await activation.park(CHANGED, status="awaiting_review")
        return
    message, agreed = answer.reason.partition(_APPROVED)[0], answer.answer == "approve"
    said = f"approved by {answer.by}" if agreed else refusal(answer)
    decision = {"verdict": "allow" if agreed else "deny", "gate": "workflow", "reason": said}
    activation.fact(kinds.WORKFLOW_CHANGED, {"message": message, "decision": decision})
    if not agreed:
        begin_undoing(stage, Undoing(reason=CHANGED, error=f"{message}. {said}", step=None, cancelled=False))
