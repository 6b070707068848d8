"""Workers: who works, what waits for a worker that is not there, draining, and letting executions change version."""

from typing import Annotated

from fastapi import Path, Request
from pydantic import ConfigDict
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, problems
from holdfast.doors.http.api.asking import Asked, Id, Name, Words, for_everybody, refuse_bound
from holdfast.doors.http.api.routes import Operating, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.types import SeenWorker, Unserved

router = noun("workers")

WorkerId = Annotated[
    str,
    Path(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f/]+$", description="As the list has it."),
]


@router.get(
    "/workers",
    operation_id="list_workers",
    summary="List workers",
    responses={200: {"model": page(shape(SeenWorker))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing) -> Response:
    """Oldest first, at most 200. A key that is bound to a user or agents sees none."""
    found = (await app_of(request).control.fleet()).workers if for_everybody(caller) else ()
    return answer({"items": found, "next": None})


@router.get(
    "/workers/unserved",
    operation_id="list_unserved",
    summary="List what no worker serves",
    responses={200: {"model": page(shape(Unserved))}} | problems(*ALWAYS),
)
async def unserved(request: Request, caller: Seeing) -> Response:
    """Agents, with versions that executions are pinned to, for which something waits and no live worker takes it."""
    found = (await app_of(request).control.fleet()).unserved if for_everybody(caller) else ()
    return answer({"items": found, "next": None})


class DrainRequest(Asked):
    """Why it is drained."""

    why: Words = ""
    """For the record."""


@router.post(
    "/workers/{worker}/drain",
    operation_id="drain_worker",
    summary="Drain a worker",
    responses={200: {"model": page(shape(SeenWorker))}} | problems(*CHANGES),
)
async def drain(request: Request, caller: Operating, worker: WorkerId, body: DrainRequest | None = None) -> Response:
    """It takes up nothing more that another one could take, and stops. Answers with all workers."""
    refuse_bound(caller)
    control = app_of(request).control
    await control.drain_worker(worker, by=caller.name, why=body.why if body else "")
    return answer({"items": (await control.fleet()).workers, "next": None})


class UnpinRequest(Asked):
    """Which executions are let go."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "3", "why": "4 goes on with them."}]})

    version: Name | None = None
    """Only those that are pinned to this version. Default: to any."""
    execution: Name | None = None
    """Only this one. Default: all that have not ended."""
    why: Words = ""
    """For the record."""


class Unpinned(Asked):
    """What came of it."""

    unpinned: int
    """Executions that any version may go on with from now on."""


@router.post(
    "/agents/{name}/unpin",
    operation_id="unpin",
    summary="Let executions change version",
    responses={200: {"model": Unpinned}} | problems(*CHANGES),
)
async def unpin(request: Request, caller: Operating, name: Id, body: UnpinRequest) -> Response:
    """Any version of the agent may go on with them from now on."""
    refuse_bound(caller)
    count = await app_of(request).control.unpin(
        name, by=caller.name, why=body.why, version=body.version, execution_id=body.execution
    )
    return answer({"unpinned": count})
