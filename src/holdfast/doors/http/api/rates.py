"""Rates: how much may begin in how much time."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, problems
from holdfast.doors.http.api.asking import Asked, Because, Name, Words, for_everybody, refuse_bound
from holdfast.doors.http.api.budgets import ControlName
from holdfast.doors.http.api.routes import Operating, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.types import OverRate, Rate, RateScope, RateUnit

router = noun("rates")


@router.get(
    "/rates",
    operation_id="list_rates",
    summary="List rates",
    responses={200: {"model": page(shape(Rate))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing) -> Response:
    """All that are in force."""
    found = (await app_of(request).control.look()).rates if for_everybody(caller) else ()
    return answer({"items": found, "next": None})


class RateRequest(Asked):
    """So much, in so much time."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scope": "model", "unit": "tokens", "limit": 100_000, "per_s": 60}]}
    )

    scope: RateScope
    subject: Name | None = None
    """Which user, agent or model. Default: each one has a rate of its own."""
    unit: RateUnit
    limit: int = Field(ge=1, le=10**12)
    per_s: float = Field(gt=0, le=366 * 86_400)
    """Seconds."""
    burst: int | None = Field(default=None, ge=1, le=10**12)
    """So many at once after a rest. Default: `limit`."""
    over: OverRate = "park"
    """Whether what is too much waits, or is refused."""
    why: Words = ""
    """For the record."""


@router.put(
    "/rates/{name}",
    operation_id="set_rate",
    summary="Set a rate",
    responses={200: {"model": shape(Rate)}} | problems(*CHANGES),
)
async def put(request: Request, caller: Operating, name: ControlName, body: RateRequest) -> Response:
    """Put it in force in every worker, or change the one of that name."""
    refuse_bound(caller)
    given = Rate(name=name, **body.model_dump(exclude={"why"}))
    await app_of(request).control.set_rate(given, by=caller.name, why=body.why)
    return answer(given)


@router.delete(
    "/rates/{name}",
    status_code=204,
    operation_id="drop_rate",
    summary="Drop a rate",
    response_class=Response,
    responses=problems(*ALWAYS, 409),
)
async def drop(request: Request, caller: Operating, name: ControlName, query: Annotated[Because, Query()]) -> Response:
    """What waits for it goes on."""
    refuse_bound(caller)
    await app_of(request).control.drop_rate(name, by=caller.name, why=query.why)
    return Response(status_code=204)
