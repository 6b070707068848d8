"""The HTTP application of one app, called in this process, with a key for each role."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import TypeVar

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from holdfast import App
from holdfast.doors.http.application import make_app
from holdfast.doors.http.options import HttpOptions
from holdfast.types import Role

T = TypeVar("T")
ROLES: tuple[Role, ...] = ("viewer", "runner", "approver", "operator", "admin")


class Here:
    """An app and its door, both open."""

    def __init__(self, app: App, options: HttpOptions) -> None:
        self._runner = asyncio.Runner()
        self._opened = AsyncExitStack()
        self.app = app
        self.application: FastAPI = make_app(app, options=options)
        self.keys: dict[str, str] = {}
        self.run(self._open())

    def run(self, story: Coroutine[object, object, T]) -> T:
        return self._runner.run(asyncio.wait_for(story, 60))

    async def _open(self) -> None:
        lifespan = self.application.router.lifespan_context(self.application)
        self.state = await self._opened.enter_async_context(lifespan)
        for role in ROLES:
            self.keys[role] = (await self.app.access.create_key(role, role=role, by="test"))[1]

    def close(self) -> None:
        self.run(self._opened.aclose())
        self._runner.close()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(self.state)
        await self.application(scope, receive, send)
