"""The ASGI application: what people's channels post, the page behind a mail's link, and whether it is well."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.app import App
from holdfast.doors.http import answer_page, channels
from holdfast.doors.http.headers import SafeHeaders
from holdfast.errors import HoldfastError, NotFound, StoreError

LARGEST_BYTES: Final = 1_048_576
"""Of a request: Slack's and Telegram's are a few kilobytes."""


def make_app(app: App) -> Starlette:
    """The application over an app, which it opens and closes with itself."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[Mapping[str, object]]:
        async with app, app.outside() as outside:
            yield {"app": app, "outside": outside}

    return Starlette(
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            *channels.ROUTES,
            *answer_page.ROUTES,
        ],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={HoldfastError: _told},
        lifespan=lifespan,
        max_body_size=LARGEST_BYTES,
    )


async def healthz(request: Request) -> Response:
    """200 while the database takes writes, else 503 with the reason."""
    health = request.state.app.health()
    told = {"status": "ok" if health.ok else "unavailable", "detail": health.detail}
    return JSONResponse(told, status_code=200 if health.ok else 503)


async def _told(_: Request, error: Exception) -> Response:
    """An error that no route knows better: its stable code and its words."""
    code = error.code if isinstance(error, HoldfastError) else "error"
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, StoreError) else 400
    retry = {"retry-after": "5"} if status == 503 else None
    return JSONResponse({"error": {"code": code, "message": str(error)}}, status_code=status, headers=retry)
