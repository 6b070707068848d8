"""Agents: what they are declared with here, which others the record knows, and stopping them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import Request
from pydantic import ConfigDict
from starlette.responses import Response

from holdfast.agent import Agent, Model
from holdfast.app import App
from holdfast.doors.http.api.answering import ALWAYS, CHANGES, Responses, answer, problems
from holdfast.doors.http.api.asking import Asked, Id, Reason, Words, refuse_bound
from holdfast.doors.http.api.routes import Operating, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.errors import NotFound
from holdfast.router import in_force
from holdfast.types import Caller, Effect, Json, Limits, Line, Switch

router = noun("agents")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolView:
    """A tool that an agent has."""

    name: str
    description: str
    effect: Effect
    schema_hash: str
    """Changes when a recorded call could mean another thing."""
    parameters: Mapping[str, Json]
    """JSON schema of its arguments."""
    review: bool
    """Whether a rule of its own says when people are asked; an irreversible one without asks each time."""
    probe: bool
    """Whether it can say if an effect of unknown outcome happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """An agent."""

    name: str
    declared: bool
    """Whether this server can start it; `False`: only the record knows it."""
    version: str
    """As declared here, else as the record has it last."""
    models: Sequence[str]
    tools: Sequence[ToolView]
    shown_tools: int | None
    """Of many tools, how many a model is shown at first; `None`: all."""
    limits: Limits | None
    paused: Switch | None
    """Who stopped it, and why; `None`: it is not stopped."""
    last_execution: str | None
    """Id of the newest one that the caller reaches."""
    last_started_at: datetime | None


@router.get(
    "/agents",
    operation_id="list_agents",
    summary="List agents",
    responses={200: {"model": page(shape(AgentView))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing) -> Response:
    """By name, all of them."""
    return answer({"items": await _views(app_of(request), caller), "next": None})


@router.get(
    "/agents/{name}",
    operation_id="get_agent",
    summary="Get an agent",
    responses={200: {"model": shape(AgentView)}} | problems(*ALWAYS),
)
async def got(request: Request, caller: Seeing, name: Id) -> Response:
    """As it is declared here, or as the record has it."""
    return answer(await _view(app_of(request), caller, name))


class PauseRequest(Asked):
    """Why it is stopped."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "It sends the wrong invoices."}]})

    why: Reason
    """For the record, and for whoever finds it stopped."""


class ResumeRequest(Asked):
    """Why it may go on."""

    why: Words = ""
    """For the record."""


_AGENT: Final[Responses] = {200: {"model": shape(AgentView)}}


@router.post(
    "/agents/{name}/pause",
    operation_id="pause_agent",
    summary="Stop an agent",
    responses=_AGENT | problems(*CHANGES),
)
async def pause(request: Request, caller: Operating, name: Id, body: PauseRequest) -> Response:
    """In every worker, from the next dispatch on; what it was asked waits."""
    app = app_of(request)
    await _stoppable(app, caller, name)
    await app.control.pause("agent", name, by=caller.name, why=body.why)
    return answer(await _view(app, caller, name))


@router.post(
    "/agents/{name}/resume",
    operation_id="resume_agent",
    summary="Let an agent go on",
    responses=_AGENT | problems(*CHANGES),
)
async def resume(request: Request, caller: Operating, name: Id, body: ResumeRequest | None = None) -> Response:
    """What waited for it goes on."""
    app = app_of(request)
    await _stoppable(app, caller, name)
    await app.control.resume("agent", name, by=caller.name, why=body.why if body else "")
    return answer(await _view(app, caller, name))


async def _stoppable(app: App, caller: Caller, name: str) -> None:
    await _view(app, caller, name)
    if caller.user is not None:  # it would stop everybody's
        refuse_bound(caller)


async def _view(app: App, caller: Caller, name: str) -> AgentView:
    for view in await _views(app, caller):
        if view.name == name:
            return view
    raise NotFound(f"there is no agent {name!r}")


async def _views(app: App, caller: Caller) -> list[AgentView]:
    last = {line.agent_type: line for line in await app.glance.agents(caller)}
    stopped = {one.name: one for one in (await app.control.look()).switches if one.kind == "agent"}
    reached = [name for name in app.agents if not caller.agents or name in caller.agents]
    return [
        _agent_view(name, app.agents.get(name), last.get(name), stopped.get(name)) for name in sorted({*reached, *last})
    ]


def _agent_view(name: str, agent: Agent[object] | None, last: Line | None, paused: Switch | None) -> AgentView:
    models = [_model_name(one) for one in agent.models] if agent else []
    rules = all(model.startswith("rules:") for model in models)
    router = in_force(agent.router, len(agent.tools), rules=rules) if agent else None
    return AgentView(
        name=name,
        declared=agent is not None,
        version=agent.version if agent else last.agent_version if last else "",
        models=models,
        tools=_tool_views(agent) if agent else (),
        shown_tools=router.most if router else None,
        limits=agent.limits if agent else None,
        paused=paused,
        last_execution=last.id if last else None,
        last_started_at=last.created_at if last else None,
    )


def _tool_views(agent: Agent[object]) -> list[ToolView]:
    return [
        ToolView(
            name=tool.name,
            description=tool.description,
            effect=tool.effect,
            schema_hash=tool.schema_hash,
            parameters=tool.parameters,
            review=tool.review is not None,
            probe=tool.has_probe,
        )
        for tool in agent.tools
    ]


def _model_name(model: object) -> str:
    """As the author wrote it: a provider's model, one with settings of its own, or a rule."""
    inner: object = model.model if isinstance(model, Model) else model
    if isinstance(inner, str):
        return inner
    named: object = getattr(inner, "model_name", None)
    return str(named) if named else f"rules:{getattr(inner, '__name__', type(inner).__name__)}"
