"""Whether this process is well, for those who watch over it: without a key, and without a word about the work."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from holdfast.app import App
from holdfast.doors.http.api.answering import Responses, answer, problems
from holdfast.doors.http.api.asking import refuse_bound
from holdfast.doors.http.api.shapes import shape
from holdfast.doors.http.guard import needs
from holdfast.doors.http.options import HttpOptions
from holdfast.types import Readiness

router = APIRouter(tags=["health"])

_WELL: Final[Responses] = {
    200: {
        "description": "It takes writes.",
        "content": {"application/json": {"example": {"status": "ok", "detail": "writing"}}},
    },
    503: {
        "description": "It takes none now.",
        "content": {"application/json": {"example": {"status": "unavailable", "detail": "the database is away"}}},
    },
}


@router.get("/healthz", operation_id="healthz", summary="Is it alive?", responses=_WELL)
async def healthz(request: Request) -> Response:
    """200 while the database takes writes, else 503."""
    health = request.state.app.health()
    # What exactly is the matter may name hosts and paths: the log has it.
    told = {"status": "ok", "detail": "writing"} if health.ok else {"status": "unavailable", "detail": _AWAY}
    return JSONResponse(told, status_code=200 if health.ok else 503)


_AWAY: Final = "the database does not take writes now"
_READY: Final[Responses] = {
    200: {"description": "It can serve.", "model": shape(Readiness)},
    503: {"description": "It cannot; `reasons` say why.", "model": shape(Readiness)},
}


@router.get("/readyz", operation_id="readyz", summary="Can it serve?", responses=_READY)
async def readyz(request: Request) -> Response:
    """200 when the database answers, takes writes and has tables of this version, else 503 with the reasons.

    `workers` counts processes with a live lease: without any, what is started waits.
    """
    app: App = request.state.app
    found = await app.readiness()
    return answer(found, 200 if found.ready else 503, {"cache-control": "no-store"})


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"description": "The exposition.", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    | problems(401, 403, 429, 500, 501, 503),
)
async def metrics(request: Request) -> Response:
    """For a key that may look, or for everybody where the server was started so."""
    options: HttpOptions = request.state.options
    if not options.metrics_open:
        refuse_bound(await _seeing(request))
    app: App = request.state.app
    text, kind = await app.control.metrics_text(request.headers.get("accept", ""))
    return Response(text, media_type=None, headers={"content-type": kind})


_seeing = needs("see")

ROUTERS: Final = (router,)
