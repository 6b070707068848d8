"""The HTTP+JSON binding of A2A: paths for each agent."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse

from holdfast.doors.http.a2a import wire
from holdfast.doors.http.a2a.methods import METHODS, begun, tasks_of
from holdfast.doors.http.a2a.rpc import PACE
from holdfast.doors.http.a2a.wire import Data
from holdfast.doors.http.guard import needs
from holdfast.doors.http.stream import Sent, events_stream
from holdfast.errors import HoldfastError
from holdfast.types import Caller


class A2ARoute(APIRoute):
    """A route whose errors are told in the words of A2A; who may not come in is told by HTTP."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # pyright: ignore[reportIncompatibleMethodOverride] - as wide
        """The handler of the route."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except HoldfastError as error:
                known = wire.translated(error)
                if known is None:
                    raise
                return _refused(known)
            except wire.A2AError as error:
                return _refused(error)

        return told


router = APIRouter(prefix="/a2a/{agent}", tags=["a2a"], route_class=A2ARoute)
Known = Annotated[Caller, Depends(needs("see"))]
_BODY: Final[Data] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}


@router.post("/message:send", summary="Send a message", openapi_extra=_BODY)
async def send(request: Request, agent: str, caller: Known) -> Response:
    """The task, once it rests; at once with `returnImmediately`."""
    return await _called(request, caller, agent, "SendMessage", await _body(request))


@router.post("/message:stream", summary="Send a message and hear what becomes of it", openapi_extra=_BODY)
async def stream(request: Request, agent: str, caller: Known) -> Response:
    """The task, then its updates until it rests, as server-sent events."""
    return await _streamed(request, caller, agent, "SendStreamingMessage", await _body(request))


@router.post("/tasks/{task_id}:cancel", summary="Cancel a task")
async def cancel(request: Request, agent: str, task_id: str, caller: Known) -> Response:
    """At once if it waits, else after the call that runs now."""
    return await _called(request, caller, agent, "CancelTask", {"id": task_id})


@router.get("/tasks/{task_id}:subscribe", summary="Hear what becomes of a task")
@router.post("/tasks/{task_id}:subscribe", summary="Hear what becomes of a task", include_in_schema=False)
async def subscribe(request: Request, agent: str, task_id: str, caller: Known) -> Response:
    """The task, then its updates until it ends, as server-sent events."""
    return await _streamed(request, caller, agent, "SubscribeToTask", {"id": task_id})


@router.get("/tasks/{task_id}/pushNotificationConfigs/{name}", summary="Look at a push notification configuration")
async def get_push(request: Request, agent: str, task_id: str, name: str, caller: Known) -> Response:
    """One, without its secrets."""
    return await _called(request, caller, agent, "GetTaskPushNotificationConfig", {"taskId": task_id, "id": name})


@router.delete("/tasks/{task_id}/pushNotificationConfigs/{name}", summary="Delete a push notification configuration")
async def delete_push(request: Request, agent: str, task_id: str, name: str, caller: Known) -> Response:
    """Ending it twice is ending it once."""
    return await _called(request, caller, agent, "DeleteTaskPushNotificationConfig", {"taskId": task_id, "id": name})


@router.get("/tasks/{task_id}/pushNotificationConfigs", summary="List push notification configurations")
async def list_push(request: Request, agent: str, task_id: str, caller: Known) -> Response:
    """Those of a task, without their secrets."""
    return await _called(request, caller, agent, "ListTaskPushNotificationConfigs", {"taskId": task_id})


@router.post("/tasks/{task_id}/pushNotificationConfigs", summary="Be told of a task at a webhook", openapi_extra=_BODY)
async def create_push(request: Request, agent: str, task_id: str, caller: Known) -> Response:
    """What happens from now on is posted there, at least once."""
    asked = {**await _body(request), "taskId": task_id}
    return await _called(request, caller, agent, "CreateTaskPushNotificationConfig", asked)


@router.get("/tasks/{task_id}", summary="Look at a task")
async def get(request: Request, agent: str, task_id: str, caller: Known) -> Response:
    """As it stands, from any server."""
    return await _queried(request, caller, agent, "GetTask", {"id": task_id})


@router.get("/tasks", summary="List tasks")
async def listed(request: Request, agent: str, caller: Known) -> Response:
    """The newest first, a page at a time."""
    return await _queried(request, caller, agent, "ListTasks", {})


@router.get("/extendedAgentCard", summary="Refused: there is one card, for everybody")
async def extended_card(request: Request, agent: str, caller: Known) -> Response:
    """Always refused."""
    return await _called(request, caller, agent, "GetExtendedAgentCard", {})


async def _body(request: Request) -> Data:
    wire.refuse_other_media(request.headers.get("content-type"))
    try:
        asked: object = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise wire.InvalidRequestError("this is not JSON") from error
    if not isinstance(asked, dict):
        raise wire.InvalidRequestError("send an object")
    return cast("Data", asked)


async def _queried(request: Request, caller: Caller, agent: str, method: str, more: Data) -> Response:
    """The same with parameters out of the query."""
    asked = wire.parsed_query(METHODS[method].takes, request.query_params)
    return await _called(request, caller, agent, method, {**asked, **more})


async def _called(request: Request, caller: Caller, agent: str, method: str, asked: Data) -> Response:
    tasks = tasks_of(request, caller, agent)
    wire.refuse_other_version(request.headers.get(wire.VERSION_HEADER))
    call = METHODS[method].call
    assert call is not None  # noqa: S101 - those that stream are called below
    told = await call(tasks, wire.parsed(METHODS[method].takes, asked))
    named = wire.MEDIA_TYPE in request.headers.get("accept", "") + request.headers.get("content-type", "")
    return JSONResponse(told or {}, media_type=wire.MEDIA_TYPE if named else None)


async def _streamed(request: Request, caller: Caller, agent: str, method: str, asked: Data) -> Response:
    tasks = tasks_of(request, caller, agent)
    wire.refuse_other_version(request.headers.get(wire.VERSION_HEADER))
    told = METHODS[method].stream
    assert told is not None  # noqa: S101 - those that answer once are called above
    source = _messages(await begun(told(tasks, wire.parsed(METHODS[method].takes, asked))))
    return events_stream(request, caller, source, end=None, closing=None, pace=PACE)


async def _messages(told: AsyncGenerator[Data]) -> AsyncGenerator[Sent]:
    try:
        async for one in told:
            yield Sent(data=json.dumps(one, ensure_ascii=False))
    finally:
        await told.aclose()


def _refused(error: wire.A2AError) -> Response:
    status, told = wire.rest_error(error)
    return JSONResponse(told, status_code=status)
