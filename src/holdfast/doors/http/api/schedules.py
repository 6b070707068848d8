"""Schedules: what is asked when its time comes."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, problems
from holdfast.doors.http.api.asking import AnyJson, Asked, Because, Name, Until, Words, for_everybody, refuse_bound
from holdfast.doors.http.api.budgets import ControlName
from holdfast.doors.http.api.routes import Operating, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.errors import NotFound
from holdfast.types import Missed, Overlap, Schedule, Scheduled

router = noun("schedules")
_HIGHEST = 2**31 - 1


@router.get(
    "/schedules",
    operation_id="list_schedules",
    summary="List schedules",
    responses={200: {"model": page(shape(Scheduled))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing) -> Response:
    """All, with their next times and what became of the last ones. A bound key sees none."""
    found = await app_of(request).schedules.all() if for_everybody(caller) else ()
    return answer({"items": found, "next": None})


@router.get(
    "/schedules/{name}",
    operation_id="get_schedule",
    summary="Get a schedule",
    responses={200: {"model": shape(Scheduled)}} | problems(*ALWAYS),
)
async def got(request: Request, caller: Seeing, name: ControlName) -> Response:
    """With its history."""
    if not for_everybody(caller):
        raise NotFound(f"there is no schedule {name!r}")
    return answer(await app_of(request).schedules.get(name))


class ScheduleRequest(Asked):
    """What is asked of whom, and when: one of `cron`, `every_s` and `at`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"agent": "support", "input": "Sum up yesterday.", "cron": "0 2 * * *", "timezone": "Europe/Berlin"}
            ]
        }
    )

    agent: Name
    input: AnyJson = None
    """Text or JSON: what is asked."""
    cron: str | None = Field(default=None, max_length=200)
    """Minute, hour, day of month, month, day of week."""
    every_s: float | None = Field(default=None, ge=1, le=366 * 86_400)
    at: Until | None = None
    """Once, with its zone."""
    timezone: str = Field(default="UTC", min_length=1, max_length=64)
    """Of `cron`: an IANA name."""
    user: Name | None = None
    """Whose requests they are."""
    priority: int = Field(default=0, ge=-_HIGHEST, le=_HIGHEST)
    missed: Missed = "skip"
    """Of times that came while no worker looked: none, the latest, or all of up to 100 are made up for."""
    overlap: Overlap = "skip"
    """While the execution before goes on."""
    why: Words = ""
    """For the record."""


@router.put(
    "/schedules/{name}",
    operation_id="set_schedule",
    summary="Set a schedule",
    responses={200: {"model": shape(Scheduled)}} | problems(*CHANGES),
)
async def put(request: Request, caller: Operating, name: ControlName, body: ScheduleRequest) -> Response:
    """Put it in force, or change the one of that name. A worker that serves the agent fires it."""
    refuse_bound(caller)
    given = Schedule(name, **body.model_dump(exclude={"why"}))
    return answer(await app_of(request).schedules.set(given, by=caller.name, why=body.why))


@router.delete(
    "/schedules/{name}",
    status_code=204,
    operation_id="drop_schedule",
    summary="Drop a schedule",
    response_class=Response,
    responses=problems(*ALWAYS, 409),
)
async def drop(request: Request, caller: Operating, name: ControlName, query: Annotated[Because, Query()]) -> Response:
    """What it started goes on."""
    refuse_bound(caller)
    await app_of(request).schedules.drop(name, by=caller.name, why=query.why)
    return Response(status_code=204)


@router.post(
    "/schedules/{name}/pause",
    operation_id="pause_schedule",
    summary="Pause a schedule",
    responses={200: {"model": shape(Scheduled)}} | problems(*CHANGES),
)
async def pause(request: Request, caller: Operating, name: ControlName, body: Because) -> Response:
    """It fires no more until it is resumed."""
    refuse_bound(caller)
    schedules = app_of(request).schedules
    await schedules.pause(name, by=caller.name, why=body.why)
    return answer(await schedules.get(name))


@router.post(
    "/schedules/{name}/resume",
    operation_id="resume_schedule",
    summary="Resume a schedule",
    responses={200: {"model": shape(Scheduled)}} | problems(*CHANGES),
)
async def resume(request: Request, caller: Operating, name: ControlName, body: Because) -> Response:
    """It fires again; what came meanwhile is not made up for."""
    refuse_bound(caller)
    schedules = app_of(request).schedules
    await schedules.resume(name, by=caller.name, why=body.why)
    return answer(await schedules.get(name))


@router.post(
    "/schedules/{name}/run",
    status_code=202,
    operation_id="run_schedule",
    summary="Run a schedule now",
    responses={202: {"model": shape(Scheduled), "description": "A worker makes its request within seconds."}}
    | problems(*CHANGES),
)
async def run(request: Request, caller: Operating, name: ControlName, body: Because) -> Response:
    """Beside its times, and whatever goes on."""
    refuse_bound(caller)
    schedules = app_of(request).schedules
    await schedules.run(name, by=caller.name, why=body.why)
    return answer(await schedules.get(name), 202)
