"""The ASGI application: API, console, protocols, and what people's channels post, over one app."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from holdfast.app import App
from holdfast.doors.http import answer_page, api, channels, console, health, hooks
from holdfast.doors.http.api.document import document_of
from holdfast.doors.http.bodies import BoundedBodies
from holdfast.doors.http.headers import SafeHeaders
from holdfast.doors.http.hosts import KnownHosts
from holdfast.doors.http.lapsed import lapsed_ended
from holdfast.doors.http.options import HttpOptions
from holdfast.doors.http.problems import install_problems
from holdfast.doors.http.protocols import protocol_routers, telling
from holdfast.doors.http.stream import Streams
from holdfast.doors.http.throttle import Throttles
from holdfast.outside import Outside
from holdfast.version import __version__

_DEFAULTS = HttpOptions()


def make_app(app: App, *, options: HttpOptions = _DEFAULTS, outside: Outside | None = None) -> FastAPI:
    """The application over an app.

    Args:
        app: What it serves.
        options: How it behaves.
        outside: What takes answers in, of an app that is open and stays open. Default: the application opens the app
            when it starts, and closes it when it ends.
    """
    closing = asyncio.Event()
    throttles = Throttles(options.requests_per_minute)
    streams = Streams(most=options.streams, most_per_caller=options.streams_per_caller, closing=closing)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        async with AsyncExitStack() as opened:
            taking_in = outside
            if taking_in is None:
                await opened.enter_async_context(app)
                taking_in = await opened.enter_async_context(app.outside())
            await opened.enter_async_context(telling(app, taking_in))
            await opened.enter_async_context(lapsed_ended(app.access, streams))
            yield {
                "app": app,
                "outside": taking_in,
                "options": options,
                "closing": closing,
                "streams": streams,
                "throttles": throttles,
            }
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
    made.add_middleware(BoundedBodies, largest_bytes=options.largest_bytes, within_s=options.body_s)
    made.add_middleware(SafeHeaders, public_url=lambda: app.settings.public_url)
    made.add_middleware(KnownHosts, options=options, public_url=lambda: app.settings.public_url)
    for router in (*health.ROUTERS, *api.ROUTERS, *protocol_routers(app)):
        made.include_router(router)
    made.router.routes.extend([*channels.ROUTES, *hooks.ROUTES, *answer_page.ROUTES])
    if options.console:
        made.state.error_page = console.error_page
        for router in console.ROUTERS:
            made.include_router(router)
    made.openapi = document_of(made)
    return made
