"""Agents: what they are declared as, how they do, how they are started and stopped."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.agent import Agent
from holdfast.doors.http.console.agent_view import Declared, declared, model_name
from holdfast.doors.http.console.figures import now
from holdfast.doors.http.console.forms import Form, Posted
from holdfast.doors.http.console.remembered import remembered
from holdfast.doors.http.console.shell import app_of, page, redirect
from holdfast.doors.http.guard import needs
from holdfast.errors import NotFound, Refused, UsageError
from holdfast.types import AgentHealth, Caller, Controls, Switch, SwitchKind, Wanted

router = APIRouter(include_in_schema=False)

SPANS: Final[Mapping[str, int]] = {"1": 1, "7": 7, "30": 30}
_FAILURES: Final = 10
Sees = Annotated[Caller, Depends(needs("see"))]
Operates = Annotated[Caller, Depends(needs("operate"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCard:
    """One agent of the list."""

    name: str
    version: str
    """Empty: this process does not have it, only executions of it are known."""
    chain: Sequence[str]
    tools: int
    switch: Switch | None
    health: AgentHealth | None


@router.get("/agents")
async def agents(request: Request, caller: Sees) -> Response:
    """All that the caller reaches."""
    days = _days(request)
    controls, (health, age_s) = await asyncio.gather(app_of(request).control.look(), _health(request, caller, days))
    everything = next((one for one in controls.switches if one.kind == "all"), None)
    return await page(
        request, "agents.html", caller=caller, title="Agents", days=days, spans=SPANS, age_s=age_s,
        cards=cards(_mine(request, caller), controls, health), everything=everything,
    )  # fmt: skip


@router.get("/agents/{name}")
async def agent(request: Request, name: str, caller: Sees) -> Response:
    """One agent."""
    app, days = app_of(request), _days(request)
    controls, (health, age_s), failures = await asyncio.gather(
        app.control.look(),
        _health(request, caller, days),
        app.glance.lines(caller, Wanted(status="failed", agents=(name,)), limit=_FAILURES),
    )
    known = _mine(request, caller).get(name)
    own = next((one for one in health if one.agent == name), None)
    if known is None and own is None and not failures:
        raise NotFound(f"there is no agent {name!r}")
    view: Declared | None = declared(known, controls) if known else None
    return await page(
        request, "agent.html", caller=caller, title=name, who=name, view=view, health=own, failures=failures,
        switch=switch_of(controls, name), days=days, spans=SPANS, age_s=age_s,
    )  # fmt: skip


@router.post("/agents/pause")
async def pause_everything(request: Request, caller: Operates, form: Form) -> Response:
    """The kill switch for all."""
    _refuse_bound(caller)
    return await _switched(request, caller, form, "all", "*", on=True, back="/agents")


@router.post("/agents/resume")
async def resume_everything(request: Request, caller: Operates, form: Form) -> Response:
    """Let all go on."""
    _refuse_bound(caller)
    return await _switched(request, caller, form, "all", "*", on=False, back="/agents")


@router.post("/agents/{name}/pause")
async def pause(request: Request, name: str, caller: Operates, form: Form) -> Response:
    """Stop an agent: what runs parks at its next step, nothing new begins."""
    _refuse_unreached(caller, name)
    return await _switched(request, caller, form, "agent", name, on=True, back=f"/agents/{name}")


@router.post("/agents/{name}/resume")
async def resume(request: Request, name: str, caller: Operates, form: Form) -> Response:
    """Let it go on."""
    _refuse_unreached(caller, name)
    return await _switched(request, caller, form, "agent", name, on=False, back=f"/agents/{name}")


@router.post("/agents/{name}/tools/{tool}/pause")
async def pause_tool(request: Request, name: str, tool: str, caller: Operates, form: Form) -> Response:
    """Stop a tool, for every agent that has it."""
    _refuse_bound(caller)
    return await _switched(request, caller, form, "tool", tool, on=True, back=f"/agents/{name}")


@router.post("/agents/{name}/tools/{tool}/resume")
async def resume_tool(request: Request, name: str, tool: str, caller: Operates, form: Form) -> Response:
    """Let it run again."""
    _refuse_bound(caller)
    return await _switched(request, caller, form, "tool", tool, on=False, back=f"/agents/{name}")


def cards(
    declarations: Mapping[str, Agent[object]], controls: Controls, health: Sequence[AgentHealth]
) -> Sequence[AgentCard]:
    """The list by name: what is declared here, and what else has executions. Pure."""
    done = {one.agent: one for one in health}
    return [
        AgentCard(
            name=name,
            version=known.version if (known := declarations.get(name)) else "",
            chain=[model_name(one)[0] for one in known.models] if known else (),
            tools=len(known.tools) if known else 0,
            switch=switch_of(controls, name),
            health=done.get(name),
        )
        for name in sorted({*declarations, *done})
    ]


def switch_of(controls: Controls, agent: str) -> Switch | None:
    """What stops an agent, if something does: its own switch before the one for all."""
    stopping = [one for one in controls.switches if one.kind == "all" or (one.kind, one.name) == ("agent", agent)]
    return min(stopping, key=lambda one: one.kind, default=None)


def _mine(request: Request, caller: Caller) -> Mapping[str, Agent[object]]:
    return {name: one for name, one in app_of(request).agents.items() if not caller.agents or name in caller.agents}


async def _health(request: Request, caller: Caller, days: int) -> tuple[Sequence[AgentHealth], float]:
    """How agents did. Of all users together, so that nobody is told who is bound to one."""
    if caller.user is not None:
        return (), 0.0
    app = app_of(request)
    since = now().replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
    found, age_s = await remembered(app).ask(("health", since), partial(app.control.health_metrics, since=since))
    return [one for one in found if not caller.agents or one.agent in caller.agents], age_s


async def _switched(  # noqa: PLR0913 - what a switch is
    request: Request, caller: Caller, form: Posted, kind: SwitchKind, name: str, *, on: bool, back: str
) -> Response:
    control, what = app_of(request).control, "Everything" if kind == "all" else f"The {kind} {name}"
    try:
        if on:
            await control.pause(kind, name, by=caller.name, why=form.text("why"))
        else:
            await control.resume(kind, name, by=caller.name, why=form.text("why"))
    except (UsageError, Refused) as error:
        return redirect(request, back, problem=f"{what}: {error}")
    return redirect(request, back, note=f"{what} is paused in every worker." if on else f"{what} goes on.")


def _refuse_unreached(caller: Caller, name: str) -> None:
    if caller.user is not None or (caller.agents and name not in caller.agents):
        raise NotFound(f"there is no agent {name!r}")


def _refuse_bound(caller: Caller) -> None:
    """What concerns everybody is for those who reach everything."""
    if caller.user is not None or caller.agents:
        raise NotFound("there is no such switch for you")


def _days(request: Request) -> int:
    return SPANS.get(request.query_params.get("days", "7"), 7)
