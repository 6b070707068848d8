"""One child execution: how it begins with its parent's next commit, and what is told of its end."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from holdfast.agent import Agent
from holdfast.loop.activation import Activation
from holdfast.loop.history import Child
from holdfast.loop.started import started_event
from holdfast.teams.ceiling import Ceiling
from holdfast.types import Json, NewExecution


def begin_child(  # noqa: PLR0913 - what a request has, and what its parent keeps of it
    activation: Activation,
    name: str,
    member: Agent[object],
    asked: Json,
    *,
    ceiling: Ceiling,
    told: Mapping[str, Json] | None = None,
    thread: str | None = None,
    handover: Mapping[str, Json] | None = None,
) -> str:
    """Let an execution of an agent begin with the next commit; its end is told to this one.

    Args:
        activation: The parent's.
        name: By which the parent knows it again: its call, or the member's part in one.
        member: Who works on it.
        asked: Its input.
        ceiling: What of the parent's remainder is held for it.
        told: What else the parent's journal says of its start. Default: nothing.
        thread: The conversation that it is part of. Default: none.
        handover: The conversation that it takes over. Default: none.

    Returns:
        Its id.
    """
    parent = activation.execution
    origin = {"parent": parent.id, "call": name, "ceiling": ceiling.as_event()}
    child = NewExecution(
        id=activation.desk.new_id(),
        agent_type=member.name,
        agent_version=member.version,
        pinned=member.pinned,
        input_data=asked,
        started=started_event(
            member,
            asked,
            user=activation.history.user,
            thread=thread,
            priority=parent.priority,
            origin=origin,
            handover=handover,
            times={"deadline": parent.due_by.isoformat()} if parent.due_by else None,
        ),
        parent_id=parent.id,
        parent_call=name,
        thread_id=thread,
        user_id=parent.user_id,
        priority=parent.priority,
        due_by=parent.due_by,
    )
    start: dict[str, Json] = {"call_id": name, "child_id": child.id, "agent": member.name}
    activation.start_child(child, {**start, "ceiling": ceiling.as_event(), **(told or {})})
    return child.id


def told_of(child: Child) -> dict[str, Json]:
    """What a model is told of a child that has ended."""
    end = child.end or {}
    result = end["result"]
    told: dict[str, Json] = {
        "agent": child.agent,
        "execution": child.id,
        "status": end["status"],
        "result": result,
        "steps": end["steps"],
        "tokens": end["tokens"],
        "cost_usd": float(Decimal(end["cost_usd"])),
    }
    if (confidence := confidence_of(result)) is not None:
        told["confidence"] = confidence
    if end["status"] != "completed":
        told |= {"reason": end["reason"], "error": end["error"]}
    return told


def said_of(child: Child) -> str:
    """Why a child came to no result, in words."""
    end: Mapping[str, Any] = child.end or {}
    return f"{child.agent} {end['status']}: {end['reason']}: {end['error'] or 'no more is known'}"


def confidence_of(result: Json) -> float | None:
    """How sure a result says it is, if it does."""
    said = cast("Mapping[str, Json]", result).get("confidence") if isinstance(result, Mapping) else None
    return said if isinstance(said, int | float) and not isinstance(said, bool) else None
