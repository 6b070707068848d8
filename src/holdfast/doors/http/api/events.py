"""The journal of one execution: a page of it, or all of it as it grows; and the payloads that it names."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import Header, Path, Query, Request
from pydantic import Field
from pydantic_core import to_json
from starlette.responses import Response

from holdfast.app import App
from holdfast.doors.http.api.answering import ALWAYS, Responses, linked, problems, tag_headers, tagged
from holdfast.doors.http.api.asking import Asked, Id
from holdfast.doors.http.api.routes import Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.doors.http.reached import reached
from holdfast.doors.http.stream import END, Sent, events_stream
from holdfast.trail.prune_remains import gone
from holdfast.types import Event

router = noun("executions")

_MOST: Final = 1_000
_LAST: Final = 2**62


class EventsQuery(Asked):
    """Which part of the journal."""

    after: int = Field(default=0, ge=0, le=_LAST)
    """Only events above this sequence number."""
    limit: int = Field(default=100, ge=1, le=_MOST)
    """Events of a page, up to 1,000. A stream gives them all."""


_BOTH: Final[Responses] = {
    200: {
        "description": "A page of events; with `Accept: text/event-stream` each as a message, live until the end.",
        "model": page(shape(Event)),
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 1\ndata: {"seq":1,"kind":"execution.started",...}\n\nevent: end\ndata: {}\n\n',
            }
        },
    }
}


@router.get(
    "/executions/{id}/events",
    operation_id="list_events",
    summary="List or follow events",
    responses=_BOTH | problems(*ALWAYS),
)
async def events(
    request: Request,
    caller: Seeing,
    id: Id,  # noqa: A002 - the word of the domain
    query: Annotated[EventsQuery, Query()],
    seen: Annotated[
        str,  # browsers send an empty one when they have seen none
        Header(alias="Last-Event-ID", pattern="^[0-9]{0,18}$", description="Of a stream: the last `id` seen."),
    ] = "",
) -> Response:
    """What happened, in order.

    With `Accept: text/event-stream` the answer is a stream: one message an event with its `seq` as `id`, comments as
    heartbeats, `event: end` after the last one, `event: closing` when the server stops. A client that comes back with
    `Last-Event-ID` misses nothing. Of an execution that was pruned there are no events: 410, `pruned`.
    """
    app = app_of(request)
    line = await reached(app, caller, id)
    if line.pruned_at is not None:  # said before a stream begins
        raise gone(id, line.pruned_at, wholly=False)
    if "text/event-stream" in request.headers.get("accept", ""):
        after = int(seen) if seen else query.after
        return events_stream(request, caller, _followed(app, id, after), end=END)
    found = await app.journal(id, after=query.after, limit=query.limit + 1)
    following = {"after": found[query.limit - 1].seq} if len(found) > query.limit else None
    return linked(request, found[: query.limit], following)


async def _followed(app: App, execution_id: str, after: int) -> AsyncGenerator[Sent]:
    async with aclosing(app.follow(execution_id, after=after)) as following:
        async for event in following:
            yield Sent(id=str(event.seq), data=to_json(event, inf_nan_mode="null"))


@router.get(
    "/executions/{id}/blobs/{digest}",
    operation_id="get_blob",
    summary="Download a payload",
    response_class=Response,
    responses={
        200: {
            "description": "Its bytes.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "The client has it."},
    }
    | problems(*ALWAYS),
)
async def blob(
    request: Request,
    caller: Seeing,
    id: Id,  # noqa: A002 - the word of the domain
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Its SHA-256, as the record names it.")],
) -> Response:
    """A large value of the record, as it was stored once."""
    content = await app_of(request).glance.blob(caller, id, digest)
    headers = dict(tag_headers(f'"{digest}"')) | {"content-disposition": f'attachment; filename="{digest}"'}
    return tagged(request, f'"{digest}"') or Response(content, headers=headers, media_type="application/octet-stream")
