"""Executions: the list with its filters, what is done to one or many of them, and how new ones are started."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, cast, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.doors.http.console.asked import gist
from holdfast.doors.http.console.figures import now, plural
from holdfast.doors.http.console.forms import Form
from holdfast.doors.http.console.shell import app_of, own_path, page, redirect
from holdfast.doors.http.guard import entitled, needs
from holdfast.doors.http.reached import reached
from holdfast.errors import HoldfastError, UsageError
from holdfast.policy.roles import reaches
from holdfast.types import Caller, Json, Line, Status, Wanted

router = APIRouter(include_in_schema=False)

PAGE: Final = 100
_SINCE: Final[Mapping[str, tuple[str, timedelta]]] = {
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
_SHORTEST_ID: Final = 6
Sees = Annotated[Caller, Depends(needs("see"))]
Runs = Annotated[Caller, Depends(needs("run"))]
Operates = Annotated[Caller, Depends(needs("operate"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the address says is wanted."""

    status: str = ""
    agent: str = ""
    user: str = ""
    thread: str = ""
    since: str = ""
    id: str = ""
    """Part of one: its beginning or end."""

    @property
    def query(self) -> str:
        """As it stands in an address, without what is empty."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return urlencode({name: value for name, value in given.items() if value})

    def wanted(self, present: datetime) -> Wanted:
        """What to look for.

        Raises:
            UsageError: There is no such status or time.
        """
        if self.status and self.status not in get_args(Status):
            raise UsageError(f"there is no status {self.status!r}: use one of {', '.join(get_args(Status))}")
        if self.since and self.since not in _SINCE:
            raise UsageError(f"since={self.since!r}: use one of {', '.join(_SINCE)}")
        return Wanted(
            status=cast("Status | None", self.status or None),
            agents=(self.agent,) if self.agent else (),
            user=self.user or None,
            thread=self.thread or None,
            since=present - _SINCE[self.since][1] if self.since else None,
        )


def filters_of(request: Request) -> Filters:
    """What the address wants; names that it does not know are left alone."""
    given = request.query_params
    return Filters(**{name: given.get(name, "").strip()[:200] for name in Filters.__dataclass_fields__})


@router.get("/executions")
async def executions(request: Request, caller: Sees) -> Response:
    """The list."""
    filters, after = filters_of(request), request.query_params.get("after") or None
    wanted, glance = filters.wanted(now()), app_of(request).glance
    if filters.id:
        return await _found_by_id(request, caller, filters)
    lines = await glance.lines(caller, wanted, limit=PAGE + 1, after=after)
    return await _list(request, caller, filters, lines=lines[:PAGE], more=len(lines) > PAGE, after=after)


async def _found_by_id(request: Request, caller: Caller, filters: Filters) -> Response:
    app = app_of(request)
    if len(filters.id) < _SHORTEST_ID:
        raise UsageError(f"{filters.id!r} is too short for an id: give at least {_SHORTEST_ID} characters of it")
    lines = await app.glance.lines_of(caller, (await app.ids_like(filters.id))[:PAGE])
    if len(lines) == 1:
        return redirect(request, f"/executions/{lines[0].id}")
    return await _list(request, caller, filters, lines=lines, more=False, after=None)


async def _list(  # noqa: PLR0913 - what is shown of it
    request: Request, caller: Caller, filters: Filters, *, lines: Sequence[Line], more: bool, after: str | None
) -> Response:
    known = await app_of(request).glance.agents(caller)
    return await page(
        request,
        "executions.html",
        caller=caller,
        title="Executions",
        filters=filters,
        lines=lines,
        gist=gist,
        agents=sorted({line.agent_type for line in known} | set(startable(request, caller))),
        statuses=get_args(Status),
        times={name: words for name, (words, _) in _SINCE.items()},
        older=f"/executions?{urlencode({'after': lines[-1].id})}&{filters.query}".rstrip("&") if more else "",
        newest=f"/executions?{filters.query}".rstrip("?") if after else "",
        live=not after and not filters.id,
        can_start=bool(startable(request, caller)),
    )


def startable(request: Request, caller: Caller) -> Sequence[str]:
    """Agents that this caller may start here, by name."""
    return sorted(name for name in app_of(request).agents if not caller.agents or name in caller.agents)


# --- starting


@router.get("/executions/new")
async def new(request: Request, caller: Runs) -> Response:
    """The form."""
    return await _new(request, caller, agent=request.query_params.get("agent", ""))


@router.post("/executions")
async def start(request: Request, caller: Runs, form: Form) -> Response:
    """Start what the form says, and show it."""
    agent, text = form.text("agent"), form.text("input")
    user = caller.user or form.optional("user")
    try:
        _refuse_unreached(caller, user=user, agent=agent)
        execution = await app_of(request).start(
            agent, _input(text, as_json=form.text("kind") == "json"), user=user, thread=form.optional("thread")
        )
    except UsageError as error:
        given = {name: form.text(name) for name in ("agent", "input", "kind", "user", "thread")}
        return await _new(request, caller, problem=str(error), status=422, **given)
    return redirect(request, f"/executions/{execution.id}")


def _refuse_unreached(caller: Caller, *, user: str | None, agent: str) -> None:
    if not reaches(caller, user=user, agent=agent):
        raise UsageError(f"there is no agent {agent!r} for you here")


def _input(text: str, *, as_json: bool) -> Json:
    if not text:
        raise UsageError("write what is asked")
    if not as_json:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"the input is not JSON: {error}") from error


async def _new(request: Request, caller: Caller, *, problem: str = "", status: int = 200, **given: str) -> Response:
    blank = {"agent": "", "input": "", "kind": "text", "user": "", "thread": ""}
    return await page(
        request, "execution_new.html", caller=caller, status=status, title="Start an execution", problem=problem,
        agents=startable(request, caller), given={**blank, **given},
    )  # fmt: skip


# --- steering one


@router.post("/executions/{id_}/cancel")
async def cancel(request: Request, id_: str, caller: Runs, form: Form) -> Response:
    """Stop it."""
    app = app_of(request)
    line = await reached(app, caller, id_)
    after = await app.cancel(line.id, by=caller.name)
    said = "Cancelled." if after.ended else "It stops after the call that runs now."
    return redirect(request, own_path(request, form.optional("next"), default=f"/executions/{line.id}"), note=said)


@router.post("/executions/{id_}/retry")
async def retry(request: Request, id_: str, caller: Operates, form: Form) -> Response:
    """Let a failed one go on, maybe from an earlier step."""
    app, given = app_of(request), form.text("from_step")
    line = await reached(app, caller, id_)
    if given and not given.isdecimal():
        raise UsageError(f"step {given!r} is no number")
    await app.retry(line.id, by=caller.name, from_step=int(given) if given else None)
    said = f"It goes on before step {given}." if given else "It goes on after its last durable step."
    return redirect(request, f"/executions/{line.id}", note=said)


# --- steering many


@router.post("/executions/bulk")
async def bulk(request: Request, caller: Runs, form: Form) -> Response:
    """Cancel or retry those that are ticked; one that is refused stops no other."""
    ids, action = form.all("id")[:PAGE], form.text("action")
    back = own_path(request, form.optional("next"), default="/executions")
    if action not in {"cancel", "retry"}:
        raise UsageError("say what to do with them: cancel or retry")
    if action == "retry":
        entitled(caller, "operate")
    if not ids:
        return redirect(request, back, problem="Nothing was selected.")
    refused = [why for why in await asyncio.gather(*(_one(request, caller, one, action) for one in ids)) if why]
    done = plural(len(ids) - len(refused), "execution")
    said = f"{done} {'cancelled or asked to stop' if action == 'cancel' else 'will go on'}."
    if not refused:
        return redirect(request, back, note=said)
    return redirect(request, back, problem=f"{said} {len(refused)} refused: {'; '.join(refused[:3])}")


async def _one(request: Request, caller: Caller, execution_id: str, action: str) -> str | None:
    """Why it could not be."""
    app = app_of(request)
    try:
        line = await reached(app, caller, execution_id)
        await (app.cancel if action == "cancel" else app.retry)(line.id, by=caller.name)
    except HoldfastError as error:
        return str(error)
    return None
