"""Schedules: what is asked when its time comes, and what became of its last times."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.doors.http.console.forms import Form
from holdfast.doors.http.console.shell import app_of, page, redirect
from holdfast.doors.http.guard import needs
from holdfast.errors import NotFound, Refused, UsageError
from holdfast.types import Caller, Scheduled

router = APIRouter(include_in_schema=False)
Sees = Annotated[Caller, Depends(needs("see"))]
Operates = Annotated[Caller, Depends(needs("operate"))]


@router.get("/schedules")
async def schedules(request: Request, caller: Sees) -> Response:
    """All of them; whoever is bound to a user or agents sees none."""
    found: Sequence[Scheduled] = () if _is_bound(caller) else await app_of(request).schedules.all()
    shown = [(one, _when(one)) for one in found]
    return await page(request, "schedules.html", caller=caller, title="Schedules", schedules=shown)


@router.post("/schedules/{name}/pause")
async def pause(request: Request, name: str, caller: Operates, form: Form) -> Response:
    """Let it fire no more."""
    act = partial(app_of(request).schedules.pause, name, by=caller.name, why=form.text("why"))
    return await _done(request, caller, act, f"{name} is paused.")


@router.post("/schedules/{name}/resume")
async def resume(request: Request, name: str, caller: Operates, _form: Form) -> Response:
    """Let it fire again."""
    act = partial(app_of(request).schedules.resume, name, by=caller.name)
    return await _done(request, caller, act, f"{name} goes on.")


@router.post("/schedules/{name}/run")
async def run(request: Request, name: str, caller: Operates, _form: Form) -> Response:
    """Make its request now."""
    act = partial(app_of(request).schedules.run, name, by=caller.name)
    return await _done(request, caller, act, f"A worker makes the request of {name} within seconds.")


async def _done(request: Request, caller: Caller, act: Callable[[], Awaitable[object]], said: str) -> Response:
    if _is_bound(caller):
        raise NotFound("there is no such schedule for you")
    try:
        await act()
    except (UsageError, Refused) as error:
        return redirect(request, "/schedules", problem=str(error))
    return redirect(request, "/schedules", note=said)


def _is_bound(caller: Caller) -> bool:
    return caller.user is not None or bool(caller.agents)


def _when(one: Scheduled) -> str:
    schedule = one.schedule
    if schedule.cron is not None:
        return f"{schedule.cron} {schedule.timezone}"
    return f"every {schedule.every_s:g} s" if schedule.every_s is not None else "once"
