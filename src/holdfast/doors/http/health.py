"""Whether this process is well, for those who watch over it: without a key, and without a word about the work."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    """200 while the database takes writes, else 503 with the reason."""
    health = request.state.app.health()
    told = {"status": "ok" if health.ok else "unavailable", "detail": health.detail}
    return JSONResponse(told, status_code=200 if health.ok else 503)


ROUTERS: Final = (router,)
