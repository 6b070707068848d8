"""What was spent, how agents do, what is the matter, and who changed what."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, answer, linked, problems
from holdfast.doors.http.api.asking import Asked, Moment, Name, for_everybody, whole_month
from holdfast.doors.http.api.routes import Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.glance import within
from holdfast.types import AgentHealth, Alert, AuditEntry, Cost, CostBy, Wanted

router = noun("record")


class CostsQuery(Asked):
    """Which costs."""

    by: CostBy = "model"
    """The groups."""
    since: Moment = Field(default_factory=whole_month)
    """Of executions started at this time or later. Default: 30 days ago."""
    user: Name | None = None
    """Of this user's executions."""
    agent: list[Name] = Field(default_factory=list[str], max_length=50)
    """Of any of these; may be given several times."""


@router.get(
    "/costs",
    operation_id="list_costs",
    summary="List costs",
    responses={200: {"model": page(shape(Cost))}} | problems(*ALWAYS),
)
async def costs(request: Request, caller: Seeing, query: Annotated[CostsQuery, Query()]) -> Response:
    """Calls, tokens and dollars in groups, the dearest first, all of them."""
    allowed = within(caller, Wanted(user=query.user, agents=tuple(query.agent)))
    if allowed is None:
        return answer({"items": (), "next": None})
    found = await app_of(request).control.costs(
        by=query.by, since=query.since, user=allowed.user, agents=allowed.agents
    )
    return answer({"items": found, "next": None})


class HealthQuery(Asked):
    """Whose, and since when."""

    agent: Name | None = None
    """This one's alone."""
    since: Moment = Field(default_factory=whole_month)
    """Of executions that ended at this time or later. Default: 30 days ago."""


@router.get(
    "/metrics/agents",
    operation_id="list_agent_metrics",
    summary="How well agents do",
    responses={200: {"model": page(shape(AgentHealth))}} | problems(*ALWAYS),
)
async def health_metrics(request: Request, caller: Seeing, query: Annotated[HealthQuery, Query()]) -> Response:
    """By name. They add up everybody's executions: a key that is bound to a user sees none."""
    if caller.user is not None:
        return answer({"items": (), "next": None})
    found = await app_of(request).control.health_metrics(agent=query.agent, since=query.since)
    reached = [one for one in found if not caller.agents or one.agent in caller.agents]
    return answer({"items": reached, "next": None})


@router.get(
    "/alerts",
    operation_id="list_alerts",
    summary="List alerts",
    responses={200: {"model": page(shape(Alert))}} | problems(*ALWAYS),
)
async def alerts(request: Request, caller: Seeing) -> Response:
    """What is the matter now, oldest first. A key that is bound to a user or agents sees none."""
    found = await app_of(request).control.alerts() if for_everybody(caller) else ()
    return answer({"items": found, "next": None})


class AuditQuery(Asked):
    """Which part of the record."""

    after: int = Field(default=0, ge=0, le=2**62)
    """Only entries above this number."""
    limit: int = Field(default=100, ge=1, le=1_000)
    """Entries of a page, up to 1,000."""


@router.get(
    "/audit",
    operation_id="list_audit",
    summary="List the operators' record",
    responses={200: {"model": page(shape(AuditEntry))}} | problems(*ALWAYS),
)
async def audit(request: Request, caller: Seeing, query: Annotated[AuditQuery, Query()]) -> Response:
    """Who changed what, and why, oldest first. A key that is bound to a user or agents sees none."""
    if not for_everybody(caller):
        return answer({"items": (), "next": None})
    found = await app_of(request).control.record(after=query.after, limit=query.limit + 1)
    following = {"after": found[query.limit - 1].seq} if len(found) > query.limit else None
    return linked(request, found[: query.limit], following)
