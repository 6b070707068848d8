"""Executions: started, listed and looked at."""

import asyncio
import re
from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Header, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from holdfast.app import App
from holdfast.doors.http.api.answering import (
    ALWAYS,
    CHANGES,
    Responses,
    answer,
    page_of,
    problems,
    tag_headers,
    tagged,
)
from holdfast.doors.http.api.asking import AnyJson, Asked, Id, Name, Page, Until, WantedExecutions
from holdfast.doors.http.api.routes import Running, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.doors.http.reached import continued_thread, reached, reached_agent, user_of
from holdfast.doors.http.stream import Streams
from holdfast.errors import UsageError
from holdfast.types import Caller, Execution, Line

router = noun("executions")

LONGEST_WAIT_S: Final = 60
_WAIT: Final = re.compile(r"(?:^|,)\s*wait\s*=\s*(\d{1,6})\s*(?:[,;]|$)")
_HIGHEST: Final = 2**31 - 1
_SHOWN: Final = "/v1/executions/019aa0e2-7f6a-7c11-b2c5-0d8a3f5e9b41"


class NewExecutionRequest(Asked):
    """What is asked of whom."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"agent": "support", "input": "Where is order 1042?", "user": "customer-7"}]}
    )

    agent: Name
    """Its name."""
    input: AnyJson
    """Text or JSON: what is asked."""
    user: Name | None = None
    """Whose request it is. A key that is bound to a user, and a runner's, may leave it out."""
    thread: Name | None = None
    """Continue this conversation."""
    priority: int = Field(default=0, ge=-_HIGHEST, le=_HIGHEST)
    """Higher is worked earlier."""
    idempotency_key: Name | None = None
    """Asking twice with one key is asking once; as the header `Idempotency-Key`."""
    start_at: Until | None = None
    """Not to begin before, with its zone."""
    deadline: Until | None = None
    """By when it must have ended; later it ends failed, with the reason `DEADLINE_EXCEEDED`."""


_STARTED: Final[Responses] = {
    200: {"description": "It has ended within the time of `Prefer: wait`, or had before.", "model": shape(Execution)},
    202: {
        "description": "It is durable and goes on, or waits for a person: look at `Location`.",
        "model": shape(Execution),
        "headers": {"Location": {"description": "Where it is.", "schema": {"type": "string"}}},
    },
}


@router.post(
    "/executions",
    status_code=202,
    operation_id="start_execution",
    summary="Start an execution",
    responses=_STARTED | problems(*CHANGES),
)
async def start(
    request: Request,
    caller: Running,
    body: NewExecutionRequest,
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", min_length=1, max_length=200, description="Asking twice is asking once."),
    ] = None,
    prefer: Annotated[
        str | None,
        Header(alias="Prefer", max_length=200, description="`wait=20`: seconds to wait for its end, up to 60."),
    ] = None,
) -> Response:
    """It is durable when this answers, and a worker takes it up.

    With `Prefer: wait=20` the answer waits for its end: 200 with the result, or 202 when the time is over or a person
    is asked. The same idempotency key with the same input gives the first execution again, as far as it is by then;
    with another input the request is refused.
    """
    app, wait_s = app_of(request), _wait_s(prefer)
    if wait_s is None:
        execution = await _start(app, caller, body, key)
    else:
        streams: Streams = request.state.streams
        with streams.opened(caller.credential or caller.name) as ending:  # before it starts: too many are refused
            execution = await _start(app, caller, body, key)
            execution = await _waited(app, execution, wait_s, ending)
    headers = {"location": request.scope.get("root_path", "") + f"/v1/executions/{execution.id}"}
    if wait_s is not None:
        headers["preference-applied"] = f"wait={wait_s}"
    return answer(_shown(execution, caller), 200 if execution.ended else 202, headers)


async def _start(app: App, caller: Caller, body: NewExecutionRequest, header: str | None) -> Execution:
    if header is not None and body.idempotency_key not in {None, header}:
        raise UsageError("the header Idempotency-Key and idempotency_key differ: give one of them")
    agent = reached_agent(app, caller, body.agent)
    user = user_of(caller, body.user)
    if body.thread is not None:
        await continued_thread(app, caller, body.thread)
    return await app.start(
        agent,
        body.input,
        user=user,
        thread=body.thread,
        priority=body.priority,
        idempotency_key=_own_key(caller, header or body.idempotency_key),
        start_at=body.start_at,
        deadline=body.deadline,
    )


def _own_key(caller: Caller, key: str | None) -> str | None:
    """Callers that act for one user have keys of their own: else one would get another's execution by guessing."""
    return key if key is None or caller.user is None else f"{_realm(caller.user)}{key}"


def _realm(user: str) -> str:
    return f"{quote(user, safe='')}/"


def _shown(execution: Execution, caller: Caller) -> Execution:
    """As the caller may know it: the key as they gave it."""
    realm = _realm(caller.user) if caller.user is not None else ""
    key = execution.idempotency_key
    return replace(execution, idempotency_key=key.removeprefix(realm)) if key and realm else execution


def _wait_s(prefer: str | None) -> int | None:
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), LONGEST_WAIT_S) if found else None


async def _waited(app: App, execution: Execution, wait_s: int, ending: asyncio.Future[None]) -> Execution:
    """As it is when it ends, waits for a person, the time is over, or the server stops."""
    if execution.ended or wait_s == 0:
        return execution
    waiting = asyncio.create_task(app.wait(execution.id))
    try:
        await asyncio.wait({waiting, ending}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        return await waiting if waiting.done() else await app.get(execution.id)
    finally:
        waiting.cancel()


class ListQuery(Page, WantedExecutions):
    """Which executions, and which part of the list."""


@router.get(
    "/executions",
    operation_id="list_executions",
    summary="List executions",
    responses={200: {"model": page(shape(Line))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing, query: Annotated[ListQuery, Query()]) -> Response:
    """The newest first. Filters narrow one another; `next` has the address of the page behind this one."""
    found = await app_of(request).glance.lines(caller, query.wanted(), limit=query.limit + 1, after=query.cursor)
    more = len(found) > query.limit
    return page_of(request, found[: query.limit], found[query.limit - 1].id if more else None)


@router.get(
    "/executions/{id}",
    operation_id="get_execution",
    summary="Get an execution",
    responses={
        200: {
            "model": shape(Execution),
            "headers": {"ETag": {"description": "Changes with each event.", "schema": {"type": "string"}}},
        },
        304: {"description": "It is as `If-None-Match` says."},
    }
    | problems(*ALWAYS),
)
async def got(
    request: Request,
    caller: Seeing,
    id: Id,  # noqa: A002 - the word of the domain
    _known: Annotated[
        str | None, Header(alias="If-None-Match", description="The `ETag` of the answer that the client has.")
    ] = None,
) -> Response:
    """With its tool calls. Ask with `If-None-Match` to learn at little cost that nothing happened."""
    app = app_of(request)
    line = await reached(app, caller, id)
    if unchanged := tagged(request, _tag(line)):
        return unchanged
    execution = await app.get(id)
    return answer(_shown(execution, caller), headers=tag_headers(_tag(execution)))


def _tag(execution: Execution | Line) -> str:
    return f'"{execution.last_seq}-{execution.updated_at.timestamp():.6f}"'
