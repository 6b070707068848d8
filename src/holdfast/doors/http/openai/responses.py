"""The paths of responses: ask an agent, go on with a conversation, answer for people, look, resume, cancel."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, JsonValue
from starlette.responses import JSONResponse

from holdfast.app import App
from holdfast.doors.http.guard import entitled, needs
from holdfast.doors.http.openai.answering import answer_all, spoken_answer
from holdfast.doors.http.openai.asked import Asked, Given, ResponseRequest, read
from holdfast.doors.http.openai.following import heard, heard_out, leg_of, messages, parsed_name
from holdfast.doors.http.openai.refusal import RESPONSES, OpenAIRoute, Unfit
from holdfast.doors.http.openai.telling import Telling
from holdfast.doors.http.reached import reached, reached_agent, user_of
from holdfast.doors.http.stream import Pace, events_stream
from holdfast.errors import IllegalTransition, NotFound
from holdfast.types import Caller, Json, Line

router = APIRouter(
    prefix="/v1/openai",
    tags=["openai"],
    route_class=OpenAIRoute,
    responses=RESPONSES,
)
_PACE: Final = Pace(retry_s=None)  # OpenAI's Python client takes a retry time for a message without data
_CANCEL_S: Final = 5
"""For how long a cancelled call is waited for."""
_HANDOVERS: Final = 32
"""Agents that one execution's conversation may go to: more than any depth that makes sense."""


class ResponseObject(BaseModel):
    """A response, as OpenAI's clients know it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str
    status: str
    model: str
    output: list[dict[str, JsonValue]]


_TOLD: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "model": ResponseObject,
        "description": "The response, or with `stream` what happens, as server-sent events.",
        "content": {"text/event-stream": {}},
    }
}


@router.post("/responses", responses=_TOLD, summary="Ask an agent")
async def create(
    request: Request,
    body: ResponseRequest,
    caller: Annotated[Caller, Depends(needs("see"))],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Start an execution, go on with a conversation, or answer what the previous response asked people.

    Starting needs the power `run`, answering `decide`.
    """
    asked = read(body)
    execution_id, number = await _begun(request.state.app, caller, body, asked, idempotency_key)
    if body.stream:
        source = messages(request.state.app, execution_id, number)
        return events_stream(request, caller, source, end=None, closing=None, pace=_PACE)
    if body.background:
        return _told(await heard(request.state.app, execution_id), number)
    closing: asyncio.Event = request.state.closing
    return _told(await heard_out(request.state.app, execution_id, number, closing=closing), number)


@router.get("/responses/{response_id}", responses=_TOLD, summary="Look at a response")
async def retrieve(
    request: Request,
    response_id: str,
    caller: Annotated[Caller, Depends(needs("see"))],
    stream: Annotated[bool, Query(description="Tell what happens as server-sent events.")] = False,  # noqa: FBT002
    starting_after: Annotated[int, Query(ge=-1, description="Only what has a higher sequence number.")] = -1,
) -> Response:
    """A response as it stands, or its stream from any point, also from another server."""
    telling, number = await _found(request, caller, response_id)
    if not stream:
        return _told(telling, number)
    source = messages(request.state.app, telling.execution_id, number, after=starting_after)
    return events_stream(request, caller, source, end=None, closing=None, pace=_PACE)


@router.post("/responses/{response_id}/cancel", responses=_TOLD, summary="Cancel a response")
async def cancel(request: Request, response_id: str, caller: Annotated[Caller, Depends(needs("run"))]) -> Response:
    """Stop the execution: at once if it waits, else after the call that runs now."""
    app: App = request.state.app
    telling, number = await _found(request, caller, response_id)
    if number < len(telling.legs):
        raise Unfit("response_id", f"{response_id} is over: cancel {telling.name(len(telling.legs))}")
    if telling.now.status == "cancelled":
        return _told(telling, number)
    try:
        await app.cancel(telling.execution_id, by=caller.name)
    except IllegalTransition as error:
        status = (await heard(app, telling.execution_id)).now.status
        raise Unfit("response_id", f"a response that is {status} cannot be cancelled") from error
    telling = await _cancelled(request, telling.execution_id)
    return _told(telling, len(telling.legs))


@router.get("/responses/{response_id}/input_items", summary="Look at what was asked", responses={200: {}})
async def input_items(request: Request, response_id: str, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """What a response was given: the input, or people's answers."""
    telling, number = await _found(request, caller, response_id)
    given = leg_of(telling, number).given
    first, last = (given[0]["id"], given[-1]["id"]) if given else (None, None)
    return JSONResponse({"object": "list", "data": given, "first_id": first, "last_id": last, "has_more": False})


@router.delete(
    "/responses/{response_id}",
    status_code=405,
    summary="Refused: what happened stays on the record",
    responses={405: {"description": "Responses are not deleted."}},
)
async def delete(request: Request, response_id: str, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """Always refused."""
    await _found(request, caller, response_id)
    message = "what happened stays on the record: responses are not deleted"
    error = {"message": message, "type": "invalid_request_error", "code": "method_not_allowed", "param": None}
    return JSONResponse({"error": error}, status_code=405, headers={"allow": "GET"})


async def _begun(app: App, caller: Caller, body: ResponseRequest, asked: Asked, key: str | None) -> tuple[str, int]:
    """The execution and the number of the response that this request is for."""
    try:
        agent = reached_agent(app, caller, body.model)
    except NotFound as error:
        raise _Unknown(str(error)) from error
    if body.previous_response_id is None:
        if asked.answers:
            raise Unfit("previous_response_id", "say whose approval request it is that you answer")
        return await _started(app, caller, body, asked, previous=None, agent=agent, key=key)
    name, number = parsed_name(body.previous_response_id)
    line = await reached(app, caller, name, what="response")
    if line.agent_type != agent:
        raise Unfit("model", f"{body.previous_response_id} is of {line.agent_type}: name that one")
    telling = await heard(app, line.id)
    leg_of(telling, number)
    if asked.answers or telling.waits_for:
        return await _answered(app, caller, asked, telling, number)
    return await _started(app, caller, body, asked, previous=line, agent=agent, key=key)


async def _answered(app: App, caller: Caller, asked: Asked, telling: Telling, number: int) -> tuple[str, int]:
    answers: tuple[Given, ...] = asked.answers
    if asked.answers and asked.text:
        raise Unfit("input", "send answers to approval requests by themselves: the agent goes on with its task")
    if asked.text is not None:
        answers = (await spoken_answer(app, telling.execution_id, asked.text),)
    await answer_all(app, caller, telling.execution_id, answers)
    now = await heard(app, telling.execution_id)
    # Where others have to agree too, it is still the same response that waits.
    return telling.execution_id, min(number + 1, len(now.legs))


async def _started(  # noqa: PLR0913 - the parts of a request
    app: App, caller: Caller, body: ResponseRequest, asked: Asked, *, previous: Line | None, agent: str, key: str | None
) -> tuple[str, int]:
    entitled(caller, "run")
    user = user_of(caller, body.user)
    thread = f"thread_{uuid4().hex}"
    if previous is not None:
        thread, user = await _continued(app, previous, body), user or previous.user_id
    told: dict[str, Json] = {
        "previous": body.previous_response_id,
        "metadata": dict(body.metadata or {}),
        "instructions": body.instructions,
        "background": bool(body.background),
    }
    execution = await app.start(
        agent,
        asked.text,
        user=user,
        thread=thread,
        # Two callers that think of the same key are not one.
        idempotency_key=None if key is None else f"openai:{caller.user or ''}:{caller.name}:{key}",
        origin={"door": "openai", "openai": told},
    )
    return execution.id, 1


async def _continued(app: App, previous: Line, body: ResponseRequest) -> str:
    """The conversation that goes on: at its end, and not before that is reached."""
    param = "previous_response_id"
    if previous.thread_id is None:
        raise Unfit(param, f"{body.previous_response_id} belongs to no conversation: send what was said as input")
    if not previous.ended:
        raise Unfit(param, f"{body.previous_response_id} is not over yet: wait for it, or cancel it")
    latest = await app.list(thread=previous.thread_id, limit=_HANDOVERS)
    newest = next((one for one in latest if one.parent_id is None), latest[-1])  # others took it over from that one
    if newest.id != previous.id:
        raise Unfit(param, f"that conversation went on: continue resp_{newest.id}, or send what was said as input")
    return previous.thread_id


async def _found(request: Request, caller: Caller, response_id: str) -> tuple[Telling, int]:
    """A response that the caller reaches, and its number."""
    execution_id, number = parsed_name(response_id)
    await reached(request.state.app, caller, execution_id, what="response")
    telling = await heard(request.state.app, execution_id)
    leg_of(telling, number)
    return telling, number


async def _cancelled(request: Request, execution_id: str) -> Telling:
    """As it stands when the call that runs has ended, if that is soon."""
    app: App = request.state.app
    telling = await heard(app, execution_id)
    if telling.now.over:
        return telling
    return await heard_out(app, execution_id, telling.now.number, closing=request.state.closing, timeout_s=_CANCEL_S)


def _told(telling: Telling, number: int) -> Response:
    told: Mapping[str, object] = telling.response(leg_of(telling, number))
    return JSONResponse(told)


class _Unknown(NotFound):
    """There is no such agent."""

    code = "model_not_found"
