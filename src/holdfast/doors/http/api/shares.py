"""Shares: who gets how much of the workers."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, problems
from holdfast.doors.http.api.asking import Asked, Because, Name, Words, for_everybody, refuse_bound
from holdfast.doors.http.api.budgets import ControlName
from holdfast.doors.http.api.routes import Operating, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.types import Share, ShareScope

router = noun("shares")


@router.get(
    "/shares",
    operation_id="list_shares",
    summary="List shares",
    responses={200: {"model": page(shape(Share))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing) -> Response:
    """All that are in force; everybody else has weight 1 and no limit."""
    found = (await app_of(request).control.look()).shares if for_everybody(caller) else ()
    return answer({"items": found, "next": None})


class ShareRequest(Asked):
    """So much of the workers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scope": "user", "limit": 20}]})

    scope: ShareScope
    subject: Name | None = None
    """Which user or agent. Default: each one."""
    weight: int | None = Field(default=None, ge=1, le=1_000)
    """Executions that a turn lasts, where others wait too. Default: 1."""
    limit: int | None = Field(default=None, ge=1, le=1_000_000)
    """Executions running at once, in the whole fleet. Default: any number."""
    why: Words = ""
    """For the record."""


@router.put(
    "/shares/{name}",
    operation_id="set_share",
    summary="Set a share",
    responses={200: {"model": shape(Share)}} | problems(*CHANGES),
)
async def put(request: Request, caller: Operating, name: ControlName, body: ShareRequest) -> Response:
    """Put it in force in every worker, or change the one of that name."""
    refuse_bound(caller)
    given = Share(name=name, **body.model_dump(exclude={"why"}))
    await app_of(request).control.set_share(given, by=caller.name, why=body.why)
    return answer(given)


@router.delete(
    "/shares/{name}",
    status_code=204,
    operation_id="drop_share",
    summary="Drop a share",
    response_class=Response,
    responses=problems(*ALWAYS, 409),
)
async def drop(request: Request, caller: Operating, name: ControlName, query: Annotated[Because, Query()]) -> Response:
    """Everybody it was for has weight 1 and no limit again, unless another share says so."""
    refuse_bound(caller)
    await app_of(request).control.drop_share(name, by=caller.name, why=query.why)
    return Response(status_code=204)
