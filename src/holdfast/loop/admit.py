"""Leave for tools: kill switches and breakers, asked in the very commit that lets calls begin."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from holdfast.errors import Paused, Refused, Unavailable
from holdfast.loop.activation import Activation
from holdfast.loop.fallback import stand_in
from holdfast.loop.history import CallState
from holdfast.loop.outcome import end_call
from holdfast.tools.execute import FailureClass, Outcome
from holdfast.types import Admission, Report, Switch

BLAMES_TOOL: frozenset[FailureClass] = frozenset({"error", "timeout", "contract", "unknown"})
"""Failures that say something about the tool; that an order does not exist says nothing."""


def leave_for(tools: Iterable[str]) -> Admission:
    """What calls of these tools need before they begin."""
    return Admission(tools=tuple(dict.fromkeys(tools)))


def stand_back(activation: Activation, calls: Iterable[str]) -> None:
    """Nothing of a refused commit began: its calls wait for their turn again."""
    states = activation.history.calls
    for call_id in calls:
        if states[call_id].status == "running":
            states[call_id] = replace(states[call_id], status="pending")


async def answer_refused(activation: Activation, group: Sequence[CallState], refusal: Refused) -> None:
    """Tell the model at once what is unavailable and why, or let a fallback answer; the other calls go on.

    Raises:
        Refused: More than a tool is stopped.
    """
    if not isinstance(refusal, Paused | Unavailable) or refusal.kind != "tool":
        raise refusal
    told = str(refusal)
    for call in group:
        if call.tool != refusal.name or call.status == "running":
            continue
        failed = replace(Outcome.failed(told, kind="refused"), attempts=call.attempts)
        if isinstance(refusal, Paused) or not await stand_in(activation, call, failed):
            end_call(activation, call, "denied", f"Not run: {told}. Go on without it if you can.", error=told)


async def heed_switches(activation: Activation, group: Sequence[CallState]) -> bool:
    """Before a call of an earlier activation runs again: park if it was stopped meanwhile; whether it was."""
    if all(call.fresh for call in group):
        return False
    stopped = [switch for switch in await activation.desk.switches() if concerns(switch, activation, group)]
    if stopped:
        await activation.park_for(60.0, "PAUSED")
    return bool(stopped)


def concerns(switch: Switch, activation: Activation, group: Sequence[CallState]) -> bool:
    """Whether a switch stops one of these calls."""
    names = {"agent": {activation.cast.agent.name}, "tool": {call.tool for call in group}, "all": {switch.name}}
    return switch.name in names.get(switch.kind, set())


def report_outcome(activation: Activation, call: CallState, outcome: Outcome) -> None:
    """Count what came of a call for its tool's breaker; only a failure, or the outcome of a probe, is written."""
    desk, probe = activation.desk, call.tool in activation.probing
    activation.probing.discard(call.tool)
    now = desk.clock.monotonic()
    # What a dead worker left in doubt says nothing about the tool.
    if outcome.failure not in BLAMES_TOOL or not call.fresh:
        if probe:
            activation.report(Report(kind="tool", name=call.tool, ok=1, probe=True))
        elif outcome.status == "completed":
            desk.tallies.ok("tool", call.tool, now=now)
        return
    ok = desk.tallies.take("tool", call.tool, now=now)
    reason = f"{outcome.failure}: {outcome.error}"
    activation.report(Report(kind="tool", name=call.tool, ok=ok, failed=1, reason=reason, probe=probe))
