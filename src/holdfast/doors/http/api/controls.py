"""Controls: everything that is in force at once, kill switches, and circuit breakers."""

from typing import Annotated, Final

from fastapi import Path, Request
from pydantic import ConfigDict
from starlette.responses import Response

from holdfast.doors.http.api.answering import ALWAYS, CHANGES, Responses, answer, problems
from holdfast.doors.http.api.asking import Asked, Name, Reason, Words, for_everybody, refuse_bound
from holdfast.doors.http.api.routes import Operating, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.types import Breaker, BreakerKind, Controls, SwitchKind

router = noun("controls")

_ALL: Final[Responses] = {200: {"model": shape(Controls)}}
_BREAKERS: Final[Responses] = {200: {"model": page(shape(Breaker))}}
Guarded = Annotated[
    str,
    Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="Of the model, provider or tool."),
]


@router.get("/controls", operation_id="get_controls", summary="Get all controls", responses=_ALL | problems(*ALWAYS))
async def look(request: Request, caller: Seeing) -> Response:
    """Budgets, rates, switches, breakers and grants in force. A key that is bound to a user or agents sees none."""
    return answer(await app_of(request).control.look() if for_everybody(caller) else Controls())


class SwitchOnRequest(Asked):
    """What is stopped, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "tool", "name": "refund", "why": "The bank is down."}]}
    )

    kind: SwitchKind
    name: Name = "*"
    """Of the agent, tool or model; with `all` left out."""
    why: Reason
    """For the record, and for whoever finds it stopped."""


class SwitchOffRequest(Asked):
    """What goes on."""

    kind: SwitchKind
    name: Name = "*"
    """Of the agent, tool or model; with `all` left out."""
    why: Words = ""
    """For the record."""


@router.post(
    "/controls/pause",
    operation_id="pause",
    summary="Stop an agent, a tool, a model or everything",
    responses=_ALL | problems(*CHANGES),
)
async def pause(request: Request, caller: Operating, body: SwitchOnRequest) -> Response:
    """In every worker, from the next dispatch on."""
    refuse_bound(caller)
    control = app_of(request).control
    await control.pause(body.kind, body.name, by=caller.name, why=body.why)
    return answer(await control.look())


@router.post(
    "/controls/resume",
    operation_id="resume",
    summary="Let it go on",
    responses=_ALL | problems(*CHANGES),
)
async def resume(request: Request, caller: Operating, body: SwitchOffRequest) -> Response:
    """What waited for it goes on."""
    refuse_bound(caller)
    control = app_of(request).control
    await control.resume(body.kind, body.name, by=caller.name, why=body.why)
    return answer(await control.look())


@router.get("/breakers", operation_id="list_breakers", summary="List breakers", responses=_BREAKERS | problems(*ALWAYS))
async def breakers(request: Request, caller: Seeing) -> Response:
    """Those that are not closed, or have seen failures."""
    found = (await app_of(request).control.look()).breakers if for_everybody(caller) else ()
    return answer({"items": found, "next": None})


class OpenRequest(Asked):
    """Why it is opened."""

    why: Reason
    """For the record."""


@router.post(
    "/breakers/{kind}/{name:path}/open",
    operation_id="open_breaker",
    summary="Open a breaker",
    responses=_BREAKERS | problems(*CHANGES),
)
async def open_breaker(
    request: Request, caller: Operating, kind: BreakerKind, name: Guarded, body: OpenRequest
) -> Response:
    """Until somebody closes it."""
    refuse_bound(caller)
    control = app_of(request).control
    await control.open_breaker(kind, name, by=caller.name, why=body.why)
    return answer({"items": (await control.look()).breakers, "next": None})


class CloseRequest(Asked):
    """Why it is closed."""

    why: Words = ""
    """For the record."""


@router.post(
    "/breakers/{kind}/{name:path}/close",
    operation_id="close_breaker",
    summary="Close a breaker",
    responses=_BREAKERS | problems(*CHANGES),
)
async def close_breaker(
    request: Request, caller: Operating, kind: BreakerKind, name: Guarded, body: CloseRequest | None = None
) -> Response:
    """And forget its failures; what waits for it goes on."""
    refuse_bound(caller)
    control = app_of(request).control
    await control.close_breaker(kind, name, by=caller.name, why=body.why if body else "")
    return answer({"items": (await control.look()).breakers, "next": None})
