"""Tool calls: what agents did, and what came of it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, page_of, problems
from holdfast.doors.http.api.asking import Id, Moment, Name, Page
from holdfast.doors.http.api.routes import Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.doors.http.reached import reached
from holdfast.types import CallStatus, ToolCall, Wanted

router = noun("tool calls")


class CallsOfQuery(Page):
    """Which calls of one execution."""

    status: CallStatus | None = None
    tool: Name | None = None
    """By name."""


@router.get(
    "/executions/{id}/calls",
    operation_id="list_calls_of_execution",
    summary="List the tool calls of an execution",
    responses={200: {"model": page(shape(ToolCall))}} | problems(*ALWAYS),
)
async def of_execution(
    request: Request,
    caller: Seeing,
    id: Id,  # noqa: A002 - the word of the domain
    query: Annotated[CallsOfQuery, Query()],
) -> Response:
    """In the order in which they were asked for."""
    app = app_of(request)
    await reached(app, caller, id)
    return _page_of_one(request, await app.glance.calls_of(caller, id), query)


def _page_of_one(request: Request, calls: Sequence[ToolCall], query: CallsOfQuery) -> Response:
    found = [one for one in calls if query.status in {None, one.status} and query.tool in {None, one.tool_name}]
    begin = next((place + 1 for place, call in enumerate(found) if call.id == query.cursor), 0)
    shown = found[begin : begin + query.limit]
    return page_of(request, shown, shown[-1].id if begin + len(shown) < len(found) else None)


class CallsQuery(CallsOfQuery):
    """Which calls, of which executions."""

    execution: Name | None = None
    """Of this execution alone."""
    agent: list[Name] = Field(default_factory=list[str], max_length=50)
    """Of any of these; may be given several times."""
    user: Name | None = None
    """Of this one's executions."""
    since: Moment | None = None
    """Of executions started at this time or later."""
    until: Moment | None = None
    """Of executions started before."""


@router.get(
    "/tool-calls",
    operation_id="list_calls",
    summary="List tool calls",
    responses={200: {"model": page(shape(ToolCall))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing, query: Annotated[CallsQuery, Query()]) -> Response:
    """Of the newest execution first. A page looks through 1,000 executions: a short one may still have a `next`."""
    app = app_of(request)
    if query.execution is not None:
        return _page_of_one(request, await app.glance.calls_of(caller, query.execution), query)
    wanted = Wanted(agents=tuple(query.agent), user=query.user, since=query.since, until=query.until)
    found, after = await app.glance.calls(
        caller, wanted, status=query.status, tool=query.tool, limit=query.limit, after=query.cursor
    )
    return page_of(request, found, after)
