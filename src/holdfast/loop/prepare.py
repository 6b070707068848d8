"""The start of an activation: the thread's earlier words, tools that changed, answers that came."""

from collections.abc import Mapping
from hashlib import sha256

from holdfast.loop.activation import Activation
from holdfast.loop.handover import account
from holdfast.loop.history import ApprovalState
from holdfast.loop.outcome import end_call, refusal
from holdfast.loop.result import obey_result
from holdfast.memory.guidance import most_alike, told
from holdfast.memory.thread import exchanges
from holdfast.policy import approval as asking
from holdfast.trail import events as kinds
from holdfast.types import Json, OnChange

MOST_FRUITLESS = 10
"""Workers that may die in a row on one execution before it counts as the cause."""


async def prepare(activation: Activation) -> None:
    """Bring an execution up to date before its next turn. May end or park it."""
    if activation.history.fruitless > MOST_FRUITLESS:
        await activation.fail(
            "WORKERS_LOST", f"{activation.history.fruitless - 1} workers in a row died while they worked on it."
        )
        return
    if activation.history.step == 0:
        await recall_thread(activation)
        await recall_feedback(activation)
    await meet_changed_tools(activation)
    if not activation.over:
        await obey_escalation(activation)
    if not activation.over:
        await obey_result(activation)


async def recall_thread(activation: Activation) -> None:
    """Record which earlier executions of the thread this one continues, and what was said in them."""
    execution = activation.execution
    if execution.thread_id is None or activation.history.recalled is not None:
        return
    earlier = await activation.desk.earlier(execution)
    if earlier:
        activation.fact(
            kinds.THREAD_RECALLED,
            {
                "executions": [{"id": past.id, "last_seq": past.last_seq} for past in earlier],
                "exchanges": [list(pair) for pair in exchanges(earlier)],
            },
        )


async def recall_feedback(activation: Activation) -> None:
    """Tell the model, once, what people corrected in the most similar earlier work of this agent."""
    agent = activation.cast.agent
    if not agent.learn_from_feedback or activation.history.taught is not None:
        return
    rows = await activation.desk.feedback(agent.name)
    chosen = [row for row in most_alike(rows, activation.history.input) if row.execution_id != activation.id]
    if chosen:
        notes: list[Json] = [told(row) for row in chosen]
        activation.fact(kinds.FEEDBACK_RECALLED, {"ids": [row.id for row in chosen], "notes": notes})


async def meet_changed_tools(activation: Activation) -> None:
    """Compare the tools with the ones this execution was started with, and do as each declares."""
    changes = changed_tools(activation)
    if not changes:
        return
    policies = {name: policy_of(activation, name) for name in changes}
    if "fail" in policies.values():
        names = ", ".join(name for name, policy in policies.items() if policy == "fail")
        await activation.fail("TOOL_CHANGED", f"changed since it was started, declared to fail: {names}")
    elif "review" in policies.values():
        await review_changes(activation, changes, [n for n, policy in policies.items() if policy == "review"])
    else:
        accept_changes(activation, changes, "the tools declare on_change='continue'")


def changed_tools(activation: Activation) -> dict[str, tuple[str, str | None]]:
    """Pinned and present schema hash of each tool that is not what it was; `None`: it is gone."""
    present = activation.cast.pins
    return {
        name: (pinned, present.get(name))
        for name, pinned in activation.history.pins.items()
        if present.get(name) != pinned
    }


def policy_of(activation: Activation, name: str) -> OnChange:
    """What the tool declares about its own change; a tool that is gone can declare nothing: review.

    A call of it that waits for a person is asked again with the new schema: that review is enough.
    """
    tool = activation.cast.tools.get(name)
    if tool is None:
        return "review"
    asked_anyway = any(
        call.tool == name and call.status == "awaiting_review" for call in activation.history.open_calls()
    )
    return "continue" if tool.on_change == "review" and asked_anyway else tool.on_change


async def review_changes(activation: Activation, changes: dict[str, tuple[str, str | None]], names: list[str]) -> None:
    """Ask people whether the execution may go on with changed tools, or do what they answered."""
    digest = sha256(repr(sorted(changes.items())).encode()).hexdigest()
    answers = [item for item in activation.history.approvals.values() if item.kind == "change" and item.over]
    answer = next((item for item in answers if item.digest == digest), None)
    if answer is None:
        await ask_about_changes(activation, names, digest)
    elif answer.answer == "approve":
        accept_changes(activation, changes, f"approved by {answer.by}")
    else:
        await activation.fail("TOOL_CHANGED", f"{', '.join(names)} changed; {refusal(answer)}")


async def ask_about_changes(activation: Activation, names: list[str], digest: str) -> None:
    """Open the question and park."""
    desk = activation.desk
    activation.ask(
        asking.ask_person(
            kind="change",
            approval_id=desk.new_id(),
            question=f"May this execution go on with the changed tools {', '.join(names)}?",
            reason="Their schema is not the one this execution was started with.",
            gate="tool_pin",
            now=desk.clock.now(),
            expiry_s=desk.approval_expiry_s,
            digest=digest,
        )
    )
    await activation.park("TOOL_CHANGED", status="awaiting_review")


def accept_changes(activation: Activation, changes: dict[str, tuple[str, str | None]], reason: str) -> None:
    """Pin the tools as they are now."""
    activation.fact(
        kinds.TOOLS_CHANGED,
        {
            "changes": [{"tool": name, "pinned": was, "present": present} for name, (was, present) in changes.items()],
            "decision": {"verdict": "allow", "gate": "tool_pin", "reason": reason},
            "tools": activation.cast.pins,
        },
    )


async def obey_escalation(activation: Activation) -> None:
    """Do what a person said about an execution that could not go on alone."""
    answer = next(
        (item for item in activation.history.approvals.values() if item.kind == "escalation" and item.over), None
    )
    if answer is None:
        return
    if answer.answer != "approve":
        handed = handed_over(activation, answer)
        if answer.call_id:  # answered, so that a retry finds a whole conversation
            end_call(activation, activation.history.calls[answer.call_id], "denied", refusal(answer))
        await activation.fail(answer.gate, f"{answer.reason} {refusal(answer)}", result=handed)
    elif answer.edit is not None:
        await activation.complete(answer.edit)
    else:
        go_on(activation, answer)


def handed_over(activation: Activation, answer: ApprovalState) -> dict[str, Json] | None:
    """What the execution leaves behind that gave up by its own word, or whose tools failed."""
    if answer.gate not in {"CANNOT_COMPLETE", "TOOL_FAILED"}:
        return None
    call = activation.history.calls.get(answer.call_id or "")
    said: Mapping[str, Json] = call.arguments if call else {}
    return account(activation, str(said.get("reason") or answer.reason), said)


def go_on(activation: Activation, answer: ApprovalState) -> None:
    """Give the person's words to the model and let it try again."""
    note = answer.note or "Go on."
    if answer.call_id:
        call = activation.history.calls[answer.call_id]
        end_call(activation, call, "completed", f"{answer.by} answered: {note}", output=note)
    activation.fact(kinds.GUIDED, {"approval_id": answer.id, "by": answer.by, "note": note, "call_id": answer.call_id})
