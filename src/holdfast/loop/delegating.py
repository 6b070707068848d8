"""Delegations: a call that a child execution serves, from its start to what came of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, cast

from holdfast.agent import Agent
from holdfast.loop.activation import Activation
from holdfast.loop.history import CallState, Child
from holdfast.loop.outcome import end_call
from holdfast.loop.started import started_event
from holdfast.teams.ceiling import Ceiling, Family, share
from holdfast.teams.delegate import task_of
from holdfast.trail.codec import as_text
from holdfast.types import Decision, Json, NewExecution

LOOK_S: Final = 86_400.0
"""Seconds after which a parent looks by itself; the end of its last child wakes it."""


def ceiling_for(activation: Activation, tool: str, *, among: int) -> Ceiling | str:
    """What a delegation may have now, or why there can be none.

    Args:
        activation: The supervisor's.
        tool: The delegation's name.
        among: Delegations that share what is left, this one included.
    """
    return ceiling_of(activation, activation.cast.team[tool].agent, among=among)


def ceiling_of(activation: Activation, member: Agent[object], *, among: int) -> Ceiling | str:
    """What an execution of an agent may have below this one now, or why there can be none."""
    history, limits = activation.history, activation.limits
    live = history.at_work
    below = history.descendants + sum(1 + child.ceiling.descendants for child in live)
    family = Family(live=len(live), descendants=below, depth=limits.depth)
    return share(limits, activation.spent, family, member=member.limits, leads=bool(member.team), among=among)


def refused_delegation(activation: Activation, tool: str, *, among: int) -> Decision | None:
    """The no for a delegation that there is no room for."""
    room = ceiling_for(activation, tool, among=among)
    return Decision(verdict="deny", gate="team", reason=room) if isinstance(room, str) else None


def delegate(
    activation: Activation, call_id: str, tool: str, arguments: Mapping[str, Json], *, ceiling: Ceiling
) -> None:
    """Let the child of a delegation begin with the next commit."""
    member = activation.cast.team[tool].agent
    begin_child(activation, call_id, member, task_of(member, arguments), ceiling=ceiling)


def begin_child(activation: Activation, call_id: str, member: Agent[object], asked: Json, *, ceiling: Ceiling) -> None:
    """Let an execution of an agent begin with the next commit; its end is told to this one."""
    parent = activation.execution
    origin = {"parent": parent.id, "call": call_id, "ceiling": ceiling.as_event()}
    child = NewExecution(
        id=activation.desk.new_id(),
        agent_type=member.name,
        agent_version=member.version,
        input_data=asked,
        started=started_event(
            member, asked, user=activation.history.user, thread=None, priority=parent.priority, origin=origin
        ),
        parent_id=parent.id,
        parent_call=call_id,
        user_id=parent.user_id,
        priority=parent.priority,
    )
    told: dict[str, Json] = {"call_id": call_id, "child_id": child.id, "agent": member.name}
    activation.start_child(child, {**told, "ceiling": ceiling.as_event()})


def delegate_late(activation: Activation, call: CallState) -> bool:
    """Let a child begin for a call that waited for its turn; `False`: it waits on, or was refused."""
    if is_full(activation):
        return False
    waiting = [other for other in activation.history.open_calls() if other.status != "running"]
    among = sum(other.tool in activation.cast.team for other in waiting)
    room = ceiling_for(activation, call.tool, among=among)
    if isinstance(room, str):
        end_call(activation, call, "denied", room)
        return False
    delegate(activation, call.id, call.tool, call.arguments, ceiling=room)
    return True


def is_full(activation: Activation) -> bool:
    """Whether as many children work as may at the same time."""
    return len(activation.history.at_work) >= activation.limits.children


def settle_children(activation: Activation) -> None:
    """Give the model what children came to that have ended."""
    for call in activation.history.open_calls():
        child = activation.history.children.get(call.id)
        if child is not None and child.end is not None:
            _settle(activation, call, child, child.end)


def at_hand(activation: Activation) -> list[CallState]:
    """The turn's open calls that this worker can do something about.

    Those of children at work are served elsewhere, and where as many work as may, further ones wait for their turn.
    """
    history = activation.history
    team = activation.cast.team if is_full(activation) else ()
    return [call for call in history.open_calls() if call.id not in history.children and call.tool not in team]


async def wait_for_children(activation: Activation) -> None:
    """Leave the worker until the last child has ended."""
    await activation.park_for(LOOK_S, "CHILDREN")


def _settle(activation: Activation, call: CallState, child: Child, end: Mapping[str, Any]) -> None:
    completed, result = end["status"] == "completed", end["result"]
    confidence = cast("Mapping[str, Json]", result).get("confidence") if isinstance(result, Mapping) else None
    told: dict[str, Json] = {
        "agent": child.agent,
        "execution": child.id,
        "status": end["status"],
        "result": result,
        "steps": end["steps"],
        "tokens": end["tokens"],
        "cost_usd": float(Decimal(end["cost_usd"])),
    }
    if isinstance(confidence, int | float):
        told["confidence"] = confidence
    if completed:
        end_call(activation, call, "completed", as_text(told), output=told)
        return
    told |= {"reason": end["reason"], "error": end["error"]}
    words = f"{child.agent} {end['status']}: {end['reason']}: {end['error'] or 'no more is known'}"
    end_call(activation, call, "failed", words, output=told, error=words)
