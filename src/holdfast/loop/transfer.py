"""Handovers: a whole conversation goes to another agent, and what that one comes to is the end of this execution."""

from holdfast.agent import Agent
from holdfast.loop.activation import Activation
from holdfast.loop.carried import carry
from holdfast.loop.child import begin_child, said_of, told_of
from holdfast.loop.history import CallState, Child
from holdfast.loop.outcome import end_call
from holdfast.teams.ceiling import Ceiling
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text
from holdfast.types import Json


def begin_transfer(activation: Activation, call: CallState, to: Agent[object], *, ceiling: Ceiling) -> None:
    """Let another agent go on with the conversation from the next commit on, within what is left."""
    execution, name = activation.execution, activation.cast.agent.name
    reason = str(call.arguments["reason"])
    words = f"You are {to.name} now: {name} handed this conversation over to you. Why: {reason}"
    given = {"from": name, "execution": execution.id, "reason": reason}
    child_id = begin_child(
        activation,
        call.id,
        to,
        execution.input_data,
        ceiling=ceiling,
        told={"handover": True},
        thread=execution.thread_id,
        handover={**given, **carry(activation.history, call, words)},
    )
    activation.intend(
        kinds.CONVERSATION_TRANSFERRED,
        {"call_id": call.id, "child_id": child_id, "from": name, "to": to.name, "reason": reason},
    )


async def follow(activation: Activation, call: CallState, child: Child) -> None:
    """End as the agent ended that has the conversation: with its result, its status and its reason."""
    end, told = child.end or {}, told_of(child)
    activation.standing = standing_of(child)
    # The call is answered in any case: a retry finds a whole conversation, and gives it back to this agent.
    if end["status"] == "completed":
        end_call(activation, call, "completed", as_text(told), output=told)
        await activation.complete(end["result"])
        return
    words = said_of(child)
    end_call(activation, call, "failed", words, output=told, error=words)
    if end["status"] == "cancelled":
        await activation.end_cancelled(by=child.agent)
    else:
        await activation.fail(end["reason"], end["error"] or words, result=end["result"])


def standing_of(child: Child) -> Json:
    """Who has the conversation, for people who look at an execution that gave it away."""
    return {"handed_over_to": child.agent, "execution": child.id}
