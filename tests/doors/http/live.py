"""A real server on loopback with a worker beside it, in a thread of this process: what unmodified clients talk to."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import uvicorn

from holdfast import Agent, App
from holdfast.config import Settings
from holdfast.doors.http.application import make_app
from holdfast.types import Role

T = TypeVar("T")
ROLES: tuple[Role, ...] = ("viewer", "runner", "approver", "operator")


class Live:
    """One server over a database; several may serve the same one."""

    def __init__(self, agents: Sequence[Agent[Any]], database: str, *, worker: bool = True, **settings: Any) -> None:
        self.agents, self.database = agents, database
        self.app = App(agents, database, settings=Settings(**settings))
        self.keys: dict[str, str] = {}
        self.url = ""
        self._worker = worker
        self._up = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._up.wait(30)
        if self._error:
            raise self._error

    def do(self, story: Coroutine[Any, Any, T], timeout_s: float = 20) -> T:
        """Run something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(story, self.loop).result(timeout_s)

    def key(self, role: Role, **bound: Any) -> str:
        """A new key."""
        return self.do(self.app.access.create_key(f"{role}-{len(self.keys)}", role=role, by="test", **bound))[1]

    def close(self) -> None:
        """Stop as SIGTERM does."""
        self.server.should_exit = True
        self._thread.join(20)

    def kill(self) -> None:
        """Cut every connection at once, as a crash does; the worker and the database stay."""
        self.loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for connection in list(self.server.server_state.connections):
            connection.transport.abort()
        self.server.force_exit = True
        self.server.should_exit = True

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
            self._up.set()
            raise

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with self.app, self.app.outside() as outside:
            for role in ROLES:
                self.keys[role] = (await self.app.access.create_key(role, role=role, by="test"))[1]
            config = uvicorn.Config(
                make_app(self.app, outside=outside), port=0, lifespan="on", log_config=None, timeout_graceful_shutdown=2
            )
            self.server = uvicorn.Server(config)
            serving = asyncio.create_task(self._served())
            while not self.server.started and not serving.done():  # noqa: ASYNC110 - uvicorn sets no event
                await asyncio.sleep(0.005)
            self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
            self._up.set()
            if self._worker:
                async with self.app.worker():
                    await serving
            else:
                await serving

    async def _served(self) -> None:
        await self.server._serve()  # without the handlers of signals, which only a main thread has
