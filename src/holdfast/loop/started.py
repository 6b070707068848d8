"""The first event of an execution: what was asked of whom, and the tools and limits as they were then."""

from collections.abc import Mapping

from pydantic_core import to_jsonable_python

from holdfast.agent import Agent
from holdfast.teams.workflow import Workflow
from holdfast.trail import events as kinds
from holdfast.types import Json, NewEvent


def started_event(  # noqa: PLR0913 - the parts of a request
    agent: Agent[object],
    asked: Json,
    *,
    user: str | None,
    thread: str | None,
    priority: int,
    origin: Mapping[str, Json] | None = None,
    times: Mapping[str, Json] | None = None,
    handover: Mapping[str, Json] | None = None,
) -> NewEvent:
    """The `execution.started` event of a request to an agent."""
    return NewEvent(
        kind=kinds.STARTED,
        data={
            "input": asked,
            "agent": agent.name,
            "agent_version": agent.version,
            "user": user,
            "thread": thread,
            "priority": priority,
            "tools": {tool.name: tool.schema_hash for tool in agent.tools},
            "limits": to_jsonable_python(agent.limits),
            **(times or {}),
            **({"origin": dict(origin)} if origin else {}),
            **({"workflow": True} if isinstance(agent, Workflow) else {}),
            **({"handover": dict(handover)} if handover else {}),
        },
    )
