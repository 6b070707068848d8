"""Grants: standing yeses, so that people are not asked about each call."""

from typing import Annotated, Final

from fastapi import Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, problems
from holdfast.doors.http.api.asking import AnyJson, Asked, Because, Id, Name, Reason, refuse_bound
from holdfast.doors.http.api.routes import Deciding, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.errors import NotFound
from holdfast.policy.roles import concerns
from holdfast.types import Grant

router = noun("approvals")

_YEAR_S: Final = 366 * 86_400


@router.get(
    "/grants",
    operation_id="list_grants",
    summary="List grants",
    responses={200: {"model": page(shape(Grant))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing) -> Response:
    """Those in force, oldest first, all of them."""
    found = [one for one in await app_of(request).grants() if concerns(caller, agent=one.agent)]
    return answer({"items": found, "next": None})


@router.get(
    "/grants/{id}",
    operation_id="get_grant",
    summary="Get a grant",
    responses={200: {"model": shape(Grant)}} | problems(*ALWAYS),
)
async def got(request: Request, caller: Seeing, id: Id) -> Response:  # noqa: A002 - the word of the domain
    """One that is in force, and how often it was used."""
    for one in await app_of(request).grants():
        if one.id == id and concerns(caller, agent=one.agent):
            return answer(one)
    raise NotFound(f"there is no grant {id!r} in force")


class GrantRequest(Asked):
    """The terms of a standing yes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tool": "refund",
                    "agent": "support",
                    "bounds": {"amount": {"max": 50}},
                    "for_s": 28_800,
                    "uses": 20,
                    "why": "Recall of batch 17: small refunds are fine today.",
                }
            ]
        }
    )

    tool: Name
    """Calls of this tool run without asking."""
    agent: Name | None = None
    """Of this agent alone. Default: of any."""
    bounds: dict[str, AnyJson] = Field(default_factory=dict[str, object], max_length=50)
    """By argument: `{"max": 100}`, `{"min": 1}`, `{"in": ["EUR"]}`, `{"equals": "x"}`. Default: any arguments."""
    for_s: float = Field(gt=0, le=_YEAR_S)
    """Seconds until it ends."""
    uses: int = Field(ge=1, le=1_000_000)
    """So many calls at most."""
    why: Reason
    """For the record."""


@router.post(
    "/grants",
    status_code=201,
    operation_id="give_grant",
    summary="Give a standing yes",
    responses={201: {"model": shape(Grant)}} | problems(*CHANGES),
)
async def give(request: Request, caller: Deciding, body: GrantRequest) -> Response:
    """It never stands for several people, nor for a group that the caller is not in."""
    app = app_of(request)
    if not concerns(caller, agent=body.agent):
        refuse_bound(caller)
    given = await app.grant(
        body.tool,
        by=caller.name,
        why=body.why,
        for_s=body.for_s,
        uses=body.uses,
        agent=body.agent,
        bounds=body.bounds,
    )
    return answer(given, 201, {"location": f"{request.scope.get('root_path', '')}/v1/grants/{given.id}"})


@router.delete(
    "/grants/{id}",
    status_code=204,
    operation_id="revoke_grant",
    summary="Revoke a grant",
    response_class=Response,
    responses=problems(*ALWAYS, 409),
)
async def revoke(
    request: Request,
    caller: Deciding,
    id: Id,  # noqa: A002 - the word of the domain
    query: Annotated[Because, Query()],
) -> Response:
    """It covers nothing that has not begun."""
    app = app_of(request)
    if not any(one.id == id and concerns(caller, agent=one.agent) for one in await app.grants()):
        raise NotFound(f"there is no grant {id!r} in force")
    await app.revoke(id, by=caller.name, why=query.why)
    return Response(status_code=204)
