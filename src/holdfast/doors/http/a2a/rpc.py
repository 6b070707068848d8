"""The JSON-RPC binding of A2A: one path for each agent."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from holdfast.doors.http.a2a import wire
from holdfast.doors.http.a2a.methods import METHODS, Method, begun, tasks_of
from holdfast.doors.http.a2a.tasks import Tasks
from holdfast.doors.http.a2a.wire import Data
from holdfast.doors.http.guard import needs
from holdfast.doors.http.stream import Pace, Sent, events_stream
from holdfast.errors import HoldfastError
from holdfast.types import Caller

router = APIRouter(tags=["a2a"])
PACE: Final = Pace(retry_s=None)
_BODY: Final[Data] = {
    "type": "object",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": {"type": "string", "enum": ["2.0"]},
        "id": {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        "method": {"type": "string", "enum": list(METHODS)},
        "params": {"type": "object"},
    },
    "examples": [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "SendMessage",
            "params": {"message": {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "Where is order 1042?"}]}},
        }
    ],
}


@router.post(
    "/a2a/{agent}",
    summary="Call an agent by JSON-RPC",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}}},
)
@router.post("/a2a/{agent}/", include_in_schema=False)  # some clients end an address with a slash
async def call(request: Request, agent: str, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """A2A 1.0: an answer, or for SendStreamingMessage and SubscribeToTask a stream of server-sent events.

    Sending what is new and cancelling need the power `run`, answering what a task asks `decide`.
    """
    tasks = tasks_of(request, caller, agent)
    name: str | int | None = None
    try:
        wire.refuse_other_media(request.headers.get("content-type"))
        asked = _read(await request.body())
        name = _id(asked)
        wire.refuse_other_version(request.headers.get(wire.VERSION_HEADER))
        method = _method(asked)
        params = wire.parsed(method.takes, asked.get("params", {}))
        return await _answer(request, tasks, method, params, name)
    except HoldfastError as error:
        known = wire.translated(error)
        if known is None:
            raise
        return _refused(name, known)
    except wire.A2AError as error:
        return _refused(name, error)


async def _answer(request: Request, tasks: Tasks, method: Method, params: Data, name: str | int | None) -> Response:
    if method.stream is not None:
        source = _messages(await begun(method.stream(tasks, params)), name)
        return events_stream(request, tasks.caller, source, end=None, closing=None, pace=PACE)
    assert method.call is not None  # noqa: S101 - one of the two
    return JSONResponse(_result(name, await method.call(tasks, params)))


async def _messages(stream: AsyncGenerator[Data], name: str | int | None) -> AsyncGenerator[Sent]:
    try:
        async for told in stream:
            yield Sent(data=json.dumps(_result(name, told), ensure_ascii=False))
    finally:
        await stream.aclose()


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        asked: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise wire.JSONParseError("this is not JSON") from error
    if not isinstance(asked, Mapping):
        raise wire.InvalidRequestError("send one request, as an object; batches are not taken")
    return cast("Mapping[str, Any]", asked)


def _id(asked: Mapping[str, Any]) -> str | int | None:
    name = asked.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise wire.InvalidRequestError("id: give a string, a whole number or null")
    return name


def _method(asked: Mapping[str, Any]) -> Method:
    name = asked.get("method")
    if asked.get("jsonrpc") != "2.0" or not isinstance(name, str) or not name:
        raise wire.InvalidRequestError("send jsonrpc 2.0 and a method")
    if not isinstance(asked.get("params", {}), Mapping):
        raise wire.InvalidParamsError("params: give an object")
    if name not in METHODS:
        raise wire.MethodNotFoundError(f"there is no method {name!r}; there are: {', '.join(METHODS)}")
    return METHODS[name]


def _result(name: str | int | None, result: Data | None) -> Data:
    return {"jsonrpc": "2.0", "id": name, "result": result}


def _refused(name: str | int | None, error: wire.A2AError) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": name, "error": wire.rpc_error(error)})
