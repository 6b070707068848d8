"""Serves an open app over HTTP while a block runs, and lets go of streams and connections in a bounded time."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn
from fastapi import FastAPI

from holdfast.app import App
from holdfast.doors.http.application import make_app
from holdfast.doors.http.connection import Connection
from holdfast.doors.http.options import HttpOptions
from holdfast.errors import HoldfastError, UsageError

GRACE_S: Final = 5
"""Seconds that requests under way get when it stops."""
_BACKLOG: Final = 2_048
_NEAR: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
_IDLE_S: Final = 15
"""Seconds that a connection without a request is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An HTTP door that is open."""

    url: str
    """Where it listens: `http://127.0.0.1:8321`."""
    closed: asyncio.Event
    """Set when it ended by itself, which it only does when something broke."""


class _Server(uvicorn.Server):
    """One that says when it listens, heeds no signals of its own, and tells streams to end when it stops."""

    def __init__(self, config: uvicorn.Config, application: FastAPI) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()
        self._application = application

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to whoever opened the door."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._application.state.closing.set()
        await super().shutdown(sockets)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there already, so that nobody is refused while a process starts behind it.

    Raises:
        UsageError: Another program listens there, or the address is not this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port or --host"
        ) from error


def url_of(listening: socket.socket) -> str:
    """How a browser on this machine reaches it."""
    host, port = listening.getsockname()[:2]
    near = str(_NEAR.get(host, host))
    return f"http://{f'[{near}]' if ':' in near else near}:{port}"


@asynccontextmanager
async def listening(
    app: App, sock: socket.socket, *, options: HttpOptions | None = None, grace_s: float = GRACE_S
) -> AsyncGenerator[Door]:
    """Serve `app`, which is open and stays open, on a socket that is closed with the block.

    Args:
        app: What is served.
        sock: Made by `bound`.
        options: How the door behaves.
        grace_s: Seconds that requests under way get at the end. Default: 5.

    Raises:
        HoldfastError: It did not come up; the log says why.
    """
    async with app.outside() as outside:
        application = make_app(app, options=options or HttpOptions(), outside=outside)
        server = _Server(_config(application, grace_s), application)
        door = Door(url=url_of(sock), closed=asyncio.Event())
        running = asyncio.create_task(_run(server, sock, door))
        try:
            await _up(server, running)
            yield door
        finally:
            server.should_exit = True
            await running


def _config(application: FastAPI, grace_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=Connection,
        # Paths of links are secrets: they stand in no log.
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=max(1, round(grace_s)),
        lifespan="on",
        ws="none",
    )


async def _run(server: _Server, sock: socket.socket, door: Door) -> None:
    try:
        await server.serve([sock])
    except SystemExit:  # how uvicorn says that it could not start
        return
    finally:
        sock.close()
        door.closed.set()


async def _up(server: _Server, running: asyncio.Task[None]) -> None:
    listens = asyncio.create_task(server.listens.wait())
    await asyncio.wait({listens, running}, return_when=asyncio.FIRST_COMPLETED)
    listens.cancel()
    if running.done():
        raise HoldfastError("the server did not start; the log says why")
