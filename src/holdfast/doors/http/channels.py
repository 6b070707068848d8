"""Where Slack, Telegram and a program of yours post answers."""

from typing import Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.doors.http.refused import status_of
from holdfast.doors.screen import plain
from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.slack import refusal
from holdfast.outside import Outside, Taken

_WEBHOOK: Final = {"decided": 200, "asked": 200, "ignored": 200, "late": 409, "refused": 403, "unfit": 422}
"""What a program is told by status; services for people only want to know that it arrived."""


async def slack(request: Request) -> Response:
    """An interaction. Slack allows three seconds, so what is said to the person comes after the response."""
    taken = await _received(request, "slack")
    if isinstance(taken, Response):
        return taken
    if taken.field is not None and taken.outcome != "decided":
        return JSONResponse(refusal(taken.field, taken.text[:150]))  # the modal stays open and says it there
    return Response(background=_after(request, taken))


async def telegram(request: Request) -> Response:
    """An update."""
    taken = await _received(request, "telegram")
    return taken if isinstance(taken, Response) else Response(background=_after(request, taken))


async def webhook(request: Request) -> Response:
    """An answer of a program, told in JSON what came of it."""
    taken = await _received(request, "webhook")
    if isinstance(taken, Response):
        return taken
    told = {"outcome": taken.outcome, "message": taken.text, "approval": plain(taken.approval)}
    return JSONResponse(told, status_code=_WEBHOOK[taken.outcome])


async def _received(request: Request, channel: str) -> Taken | Response:
    outside: Outside = request.state.outside
    body = await request.body()
    try:
        return await outside.receive(channel, body, headers=dict(request.headers))
    except ForgedAnswer as forged:
        # No more than the reason: what exactly was wrong would help whoever forges.
        told = {"error": {"code": forged.code, "message": forged.reason}}
        return JSONResponse(told, status_code=status_of(forged))


def _after(request: Request, taken: Taken) -> BackgroundTask | None:
    return BackgroundTask(request.state.outside.tell, taken) if taken.reply_to else None


ROUTES: Final = [
    Route("/channels/slack", slack, methods=["POST"]),
    Route("/channels/telegram", telegram, methods=["POST"]),
    Route("/channels/webhook", webhook, methods=["POST"]),
]
