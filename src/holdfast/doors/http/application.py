"""The ASGI application: API, console, protocols, and what people's channels post, over one app."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from holdfast.app import App
from holdfast.doors.http import answer_page, api, channels, console, health
from holdfast.doors.http.headers import SafeHeaders
from holdfast.doors.http.hosts import KnownHosts
from holdfast.doors.http.options import HttpOptions
from holdfast.doors.http.problems import install_problems
from holdfast.doors.http.protocols import protocol_routers
from holdfast.version import __version__

_DEFAULTS = HttpOptions()


def make_app(app: App, *, options: HttpOptions = _DEFAULTS) -> FastAPI:
    """The application over an app, which it opens and closes with itself."""
    closing = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        async with app, app.outside() as outside:
            yield {"app": app, "outside": outside, "options": options, "closing": closing}
            closing.set()

    made = FastAPI(
        title="Holdfast",
        version=__version__,
        summary="Start agents, watch them, and answer what they ask.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
    )
    made.state.closing = closing
    install_problems(made)
    made.add_middleware(SafeHeaders)
    made.add_middleware(KnownHosts, options=options, public_url=lambda: app.settings.public_url)
    for router in (*health.ROUTERS, *api.ROUTERS, *protocol_routers(app)):
        made.include_router(router)
    made.router.routes.extend([*channels.ROUTES, *answer_page.ROUTES])
    if options.console:
        for router in console.ROUTERS:
            made.include_router(router)
    return made
