"""Delegations: a call that child executions serve, from its start to what came of it."""

from collections.abc import Sequence
from typing import Final

from holdfast.agent import Agent
from holdfast.loop.activation import Activation
from holdfast.loop.child import begin_child, said_of, told_of
from holdfast.loop.history import CallState, Child
from holdfast.loop.outcome import end_call
from holdfast.loop.panels import settle_panel
from holdfast.loop.transfer import begin_transfer, follow, standing_of
from holdfast.teams.ceiling import Ceiling, Family, Wanted, shares
from holdfast.teams.delegate import task_of
from holdfast.teams.handover import AS_DEEP
from holdfast.trail.codec import as_text
from holdfast.types import Decision

LOOK_S: Final = 86_400.0
"""Seconds after which a parent looks by itself; the end of its last child wakes it."""


def ceilings_for(activation: Activation, tool: str, *, among: int) -> Sequence[Ceiling] | str:
    """What each child of a delegation may have now, or why there can be none.

    Args:
        activation: The supervisor's.
        tool: The delegation's name.
        among: Executions that share what is left, those of this delegation included.
    """
    delegate = activation.cast.team[tool]
    if delegate.takes_over and activation.limits.depth < 1:
        return AS_DEEP
    wanted = [_wanted(member) for member in delegate.members]
    return shares(activation.limits, activation.spent, _family(activation), wanted, among=among)


def ceiling_of(activation: Activation, member: Agent[object], *, among: int) -> Ceiling | str:
    """What an execution of an agent may have below this one now, or why there can be none."""
    room = shares(activation.limits, activation.spent, _family(activation), [_wanted(member)], among=among)
    return room if isinstance(room, str) else room[0]


def _wanted(member: Agent[object]) -> Wanted:
    return Wanted(limits=member.limits, leads=bool(member.team or member.handover))


def _family(activation: Activation) -> Family:
    history, live = activation.history, activation.history.at_work
    below = history.descendants + sum(1 + child.ceiling.descendants for child in live)
    return Family(live=len(live), descendants=below, depth=activation.limits.depth)


def size_of(activation: Activation, tool: str) -> int:
    """Executions that one call of a delegation starts."""
    return len(activation.cast.team[tool].members)


def refused_delegation(activation: Activation, tool: str, *, among: int) -> Decision | None:
    """The no for a delegation that there is no room for."""
    room = ceilings_for(activation, tool, among=among)
    return Decision(verdict="deny", gate="team", reason=room) if isinstance(room, str) else None


def delegate(activation: Activation, call: CallState, *, ceilings: Sequence[Ceiling]) -> None:
    """Let the children of a delegation begin with the next commit."""
    asked = activation.cast.team[call.tool]
    if asked.takes_over:
        begin_transfer(activation, call, asked.agent, ceiling=ceilings[0])
        return
    for member, ceiling in zip(asked.members, ceilings, strict=True):
        task = task_of(member, call.arguments)
        if asked.panel is None:
            begin_child(activation, call.id, member, task, ceiling=ceiling)
        else:
            serves = {"serves": call.id, "panel": asked.panel.name}
            begin_child(activation, f"{call.id}/{member.name}", member, task, ceiling=ceiling, told=serves)


def delegate_late(activation: Activation, call: CallState) -> bool:
    """Let a child begin for a call that waited for its turn; `False`: it waits on, or was refused."""
    if is_full(activation, size_of(activation, call.tool)):
        return False
    waiting = [other for other in activation.history.open_calls() if other.status != "running"]
    among = sum(size_of(activation, other.tool) for other in waiting if other.tool in activation.cast.team)
    room = ceilings_for(activation, call.tool, among=among)
    if isinstance(room, str):
        end_call(activation, call, "denied", room)
        return False
    delegate(activation, call, ceilings=room)
    return True


def is_full(activation: Activation, more: int = 1) -> bool:
    """Whether so many more would be more children than may work at the same time."""
    return len(activation.history.at_work) + more > activation.limits.children


async def settle_children(activation: Activation) -> None:
    """Give the model what children came to that have ended; end with what an agent came to that took over."""
    for call in activation.history.open_calls():
        children = activation.history.children_of(call.id)
        if not children or any(child.end is None for child in children):
            continue
        first = children[0]
        if first.panel is not None:
            settle_panel(activation, call, children)
        elif first.takes_over:
            await follow(activation, call, first)
        else:
            _settle(activation, call, first)


def at_hand(activation: Activation) -> list[CallState]:
    """The turn's open calls that this worker can do something about.

    Those of children at work are served elsewhere, and where there is no room for more, further ones wait for their
    turn.
    """
    history, team = activation.history, activation.cast.team
    return [
        call
        for call in history.open_calls()
        if not history.children_of(call.id)
        and not (call.tool in team and is_full(activation, size_of(activation, call.tool)))
    ]


async def wait_for_children(activation: Activation) -> None:
    """Leave the worker until the last child has ended."""
    taken = next((child for child in activation.history.at_work if child.takes_over), None)
    if taken is not None:
        activation.standing = standing_of(taken)
    await activation.park_for(LOOK_S, "CHILDREN")


def _settle(activation: Activation, call: CallState, child: Child) -> None:
    told = told_of(child)
    if told["status"] == "completed":
        end_call(activation, call, "completed", as_text(told), output=told)
    else:
        words = said_of(child)
        end_call(activation, call, "failed", words, output=told, error=words)
