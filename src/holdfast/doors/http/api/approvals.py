"""Approvals: questions to people, and their answers."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, page_of, problems
from holdfast.doors.http.api.asking import AnyJson, Asked, Id, Name, Page, Words
from holdfast.doors.http.api.routes import Deciding, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.types import Answer, Approval, WantedApprovals

router = noun("approvals")


class ApprovalsQuery(Page):
    """Which approvals."""

    open: bool = True
    """Those that wait, oldest first; `false`: those that do not any more, the newest decision first."""
    agent: list[Name] = Field(default_factory=list[str], max_length=50)
    """Of any of these; may be given several times."""
    tool: Name | None = None
    """About calls of this tool."""
    group: Name | None = None
    """That ask this group first."""
    user: Name | None = None
    """Of this user's executions."""


@router.get(
    "/approvals",
    operation_id="list_approvals",
    summary="List approvals",
    responses={200: {"model": page(shape(Approval))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing, query: Annotated[ApprovalsQuery, Query()]) -> Response:
    """Questions to people, with exactly what would run."""
    glance = app_of(request).glance
    wanted = WantedApprovals(agents=tuple(query.agent), tool=query.tool, group=query.group, user=query.user)
    look = glance.waiting if query.open else glance.decided
    found = await look(caller, wanted, limit=query.limit + 1, after=query.cursor)
    return page_of(request, found[: query.limit], found[query.limit - 1].id if len(found) > query.limit else None)


@router.get(
    "/approvals/{id}",
    operation_id="get_approval",
    summary="Get an approval",
    responses={200: {"model": shape(Approval)}} | problems(*ALWAYS),
)
async def got(request: Request, caller: Seeing, id: Id) -> Response:  # noqa: A002 - the word of the domain
    """Open or decided."""
    return answer(await app_of(request).glance.approval(caller, id))


class DecideRequest(Asked):
    """An answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"answer": "approve", "note": "Known customer."},
                {"answer": "approve", "edit": {"order_id": "1042", "amount": "40.00"}},
                {"answer": "reject", "note": "Not covered by the warranty."},
            ]
        }
    )

    answer: Answer
    """`approve` or `reject`; `answer` to a question of the agent (with `note`); `happened` (with `edit`, its result),
    `run` or `skip` to a call in doubt."""
    note: Words | None = None
    """Words for the model and the record."""
    edit: AnyJson = None
    """Other arguments to run with; of a result or an escalation the result to end with."""


@router.post(
    "/approvals/{id}/decide",
    operation_id="decide_approval",
    summary="Answer an approval",
    responses={200: {"model": shape(Approval)}} | problems(*CHANGES),
)
async def decide(
    request: Request,
    caller: Deciding,
    id: Id,  # noqa: A002 - the word of the domain
    body: DecideRequest,
) -> Response:
    """The answer counts once, and is the caller's.

    Where several people must agree, a yes is one vote and the approval stays open until there are enough. If somebody
    was faster the answer is 409 `already_decided`, which says who.
    """
    app = app_of(request)
    await app.glance.approval(caller, id)
    return answer(await app.decide(id, body.answer, by=caller.name, note=body.note, edit=body.edit))
