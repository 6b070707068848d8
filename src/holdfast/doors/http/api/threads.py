"""Threads: conversations over many executions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, page_of, problems
from holdfast.doors.http.api.asking import Asked, Id, Moment, Name, Page
from holdfast.doors.http.api.routes import Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.errors import NotFound
from holdfast.types import Execution, Json, Line, Status, Wanted

router = noun("threads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A conversation, by its newest execution."""

    id: str
    user: str | None
    last: Line
    """Its newest execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What was asked and answered in one execution of a thread."""

    execution_id: str
    agent: str
    user: str | None
    status: Status
    asked: Json
    answered: Json
    """`None`: not yet, or it failed."""
    error: str | None
    created_at: datetime
    completed_at: datetime | None


class ThreadsQuery(Page, Asked):
    """Which threads."""

    agent: list[Name] = Field(default_factory=list[str], max_length=50)
    """With any of these; may be given several times."""
    user: Name | None = None
    """Whose."""
    since: Moment | None = None
    """Continued at this time or later."""


@router.get(
    "/threads",
    operation_id="list_threads",
    summary="List threads",
    responses={200: {"model": page(shape(Thread))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing, query: Annotated[ThreadsQuery, Query()]) -> Response:
    """The one that was continued last first."""
    wanted = Wanted(agents=tuple(query.agent), user=query.user, since=query.since)
    found = await app_of(request).glance.threads(caller, wanted, limit=query.limit + 1, after=query.cursor)
    shown = [Thread(id=line.thread_id or "", user=line.user_id, last=line) for line in found[: query.limit]]
    return page_of(request, shown, found[query.limit - 1].id if len(found) > query.limit else None)


@router.get(
    "/threads/{id}",
    operation_id="get_thread",
    summary="Get a thread",
    responses={200: {"model": page(shape(Turn))}} | problems(*ALWAYS),
)
async def got(
    request: Request,
    caller: Seeing,
    id: Id,  # noqa: A002 - the word of the domain
    query: Annotated[Page, Query()],
) -> Response:
    """What was asked and answered in it, the newest first."""
    app = app_of(request)
    found: Sequence[Execution] = await app.list(
        thread=id, user=caller.user, agents=caller.agents, limit=query.limit + 1, after=query.cursor
    )
    if not found and query.cursor is None:
        raise NotFound(f"there is no thread {id!r}")
    shown = [_turn(one) for one in found[: query.limit]]
    return page_of(request, shown, found[query.limit - 1].id if len(found) > query.limit else None)


def _turn(of: Execution) -> Turn:
    return Turn(
        execution_id=of.id,
        agent=of.agent_type,
        user=of.user_id,
        status=of.status,
        asked=of.input_data,
        answered=of.result,
        error=of.error,
        created_at=of.created_at,
        completed_at=of.completed_at,
    )
