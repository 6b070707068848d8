"""An app as an ASGI application: served by itself, or mounted in a program that does not know when it starts."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from holdfast.app import App
from holdfast.doors.http.application import make_app


class Mounted:
    """The door of one app; the entry point by which `App` finds it.

    A server tells an application when it starts and ends; a program that mounts it usually does not pass that on. Then
    the first request opens the app, and it is closed when the event loop ends.
    """

    def __init__(self, app: App) -> None:
        self._application: FastAPI = make_app(app)
        self._state: Mapping[str, object] | None = None
        self._opening = asyncio.Lock()
        self._open: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or obey a server."""
        if scope["type"] == "http" and "app" not in scope.get("state", {}):
            scope["state"] = {**scope.get("state", {}), **await self._opened()}
        await self._application(scope, receive, send)

    async def _opened(self) -> Mapping[str, object]:
        async with self._opening:
            if self._state is None:
                ready: asyncio.Future[Mapping[str, object]] = asyncio.get_running_loop().create_future()
                self._open = asyncio.create_task(self._stay_open(ready))
                self._state = await ready
            return self._state

    async def _stay_open(self, ready: asyncio.Future[Mapping[str, object]]) -> None:
        """Hold it open from one task: what is opened there is closed there."""
        try:
            async with self._application.router.lifespan_context(self._application) as state:
                ready.set_result(state or {})
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)
