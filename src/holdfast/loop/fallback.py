"""What stands in for a tool that failed: another tool, its last good result, or a default."""

from dataclasses import replace

from holdfast.errors import InvalidArguments
from holdfast.loop.activation import Activation
from holdfast.loop.good_results import last_good
from holdfast.loop.history import CallState
from holdfast.loop.outcome import StoodIn, changed, end_call, failed_so_far
from holdfast.loop.propose import propose, rewritten
from holdfast.policy import approval as asking
from holdfast.policy import gate
from holdfast.ports import Tool
from holdfast.tools.execute import Outcome
from holdfast.tools.result import present
from holdfast.trail import events as kinds
from holdfast.types import Cached, Decision, Default, Proposal


async def stand_in(activation: Activation, call: CallState, outcome: Outcome) -> bool:
    """Answer a failed call in another way, or let another tool serve it from here on; `False`: nothing can.

    Only where the effect certainly did not happen: two tools could do it twice.
    """
    tool = activation.cast.runnable.get(call.tool)
    if tool is None or tool.fallback is None or outcome.status != "failed" or outcome.may_have_happened:
        return False
    match tool.fallback:
        case Cached() as cached:
            return await give_last_good(activation, call, outcome, tool, cached)
        case Default() as default:
            give_default(activation, call, outcome, default)
            return True
        case _ as other:
            return pass_on(activation, call, outcome, other)


async def give_last_good(activation: Activation, call: CallState, outcome: Outcome, tool: Tool, cached: Cached) -> bool:
    """Answer with what the tool said last, if that is young enough."""
    good = await last_good(activation, call, tool, cached)
    if good is None:
        return False
    stood_in = StoodIn(kind="cached", tool=call.tool, age_s=good.age_s, error=failed_so_far(activation, call, outcome))
    end_call(
        activation, call, "completed", good.content, output=good.output, error=outcome.error,
        attempt=outcome.attempts, latency_ms=outcome.latency_ms, stood_in=stood_in,
    )  # fmt: skip
    return True


def give_default(activation: Activation, call: CallState, outcome: Outcome, default: Default) -> None:
    """Answer with the declared default. A call that should have had an effect stays failed: it had none."""
    shown = present(default.value)
    stood_in = StoodIn(kind="default", tool=None, error=failed_so_far(activation, call, outcome))
    end_call(
        activation, call, "completed" if call.effect == "read" else "failed", shown.content, output=shown.output,
        error=outcome.error, attempt=outcome.attempts, latency_ms=outcome.latency_ms, stood_in=stood_in,
    )  # fmt: skip


def pass_on(activation: Activation, call: CallState, outcome: Outcome, tool: Tool) -> bool:
    """Let another tool serve the call: it gets an intent of its own, and its own review rule is asked."""
    error = failed_so_far(activation, call, outcome)
    try:
        proposal, decision = judged(activation, call, tool)
    except InvalidArguments as misfit:
        decline(activation, call, outcome, f"Its fallback {tool.name} does not take these arguments: {misfit}")
        return True
    if decision.verdict == "deny":
        decline(activation, call, outcome, f"Its fallback {tool.name} may not run: {decision.reason}")
        return True
    activation.fact(
        kinds.CALL_FELL_BACK,
        {
            "call_id": call.id,
            "tool": tool.name,
            "error": error,
            "failure": outcome.failure,
            "effect": tool.effect,
            "status": "awaiting_review" if decision.verdict == "review" else "pending",
            "arguments": dict(proposal.arguments),
            "digest": proposal.digest,
            "schema_hash": tool.schema_hash,
            "decision": gate.as_event(decision),
        },
        changed(call, "awaiting_review" if decision.verdict == "review" else "pending", error=outcome.error),
    )
    if decision.verdict == "review":
        ask(activation, proposal, decision, error)
    return True


def decline(activation: Activation, call: CallState, outcome: Outcome, why: str) -> None:
    """The call has failed, and what was to stand in for it cannot."""
    end_call(
        activation, call, "failed", f"{outcome.content} {why}", error=outcome.error, attempt=outcome.attempts,
        latency_ms=outcome.latency_ms, failure=outcome.failure,
    )  # fmt: skip


def judged(activation: Activation, call: CallState, tool: Tool) -> tuple[Proposal, Decision]:
    """The call as the other tool would run it, and what its review rule says of that.

    Raises:
        InvalidArguments: The arguments do not fit it.
    """
    proposal = propose(activation, tool, call.arguments, call_id=call.id, step=call.step)
    return rewritten(activation, tool, proposal, gate.judge(tool.review, proposal))


def ask(activation: Activation, proposal: Proposal, decision: Decision, error: str) -> None:
    """Ask a person whether the other tool may run."""
    desk = activation.desk
    because = f"{decision.reason} It stands in: {error}." if decision.reason else f"It stands in: {error}."
    activation.ask(
        asking.ask_for_call(
            proposal,
            replace(decision, reason=because),
            approval_id=desk.new_id(),
            now=desk.clock.now(),
            expiry_s=desk.approval_expiry_s,
        )
    )
