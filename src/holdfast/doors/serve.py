"""`holdfast serve`: takes answers in over HTTP until it is stopped."""

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from holdfast.app import App
from holdfast.doors import exits, target
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common
from holdfast.doors.screen import emit, note
from holdfast.errors import MissingExtra, UsageError

_GRACE_S: Final = 5
"""Seconds that requests under way get when it stops."""


async def serve(
    target_: Annotated[str | None, Parameter(name="TARGET")] = None,
    /,
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 8321,
    common: Common = COMMON,
) -> int:
    """Take answers of people in over HTTP: from Slack, Telegram, a webhook, and links in mails.

    Put a proxy that speaks HTTPS in front of it, and set public_url to that. Ctrl-C or SIGTERM lets requests under way
    end first.

    Args:
        target_: file.py:name or package.module:name; with it, edited arguments are checked when they are given.
        host: Where to listen. The default is this machine only.
        port: Where to listen; 0 takes a free one.
        common: What every command takes.
    """
    try:
        import uvicorn

        from holdfast.doors.http.application import make_app
    except ModuleNotFoundError as error:
        raise MissingExtra("server", needed_for="holdfast serve") from error

    class Server(uvicorn.Server):
        """Says where it listens once it does."""

        async def startup(self, sockets: list[object] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            await super().startup(sockets)  # pyright: ignore[reportArgumentType]
            if self.started:
                _announce(self.servers[0].sockets[0].getsockname(), common)

    async with _app(target_, common) as app:
        config = uvicorn.Config(
            make_app(app),
            host=host,
            port=port,
            # Paths of links are secrets: they stand in no log.
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="on",
        )
        server = Server(config)
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn sends itself the signal again once it has stopped; by then everything is done.
            signal.signal(number, signal.SIG_IGN)
        try:
            await server.serve()
        except SystemExit as error:
            raise UsageError(f"cannot listen on {host}:{port}: another program does, or it is not ours") from error
    return exits.OK if server.started else exits.FAILED


@asynccontextmanager
async def _app(given: str | None, common: Common) -> AsyncGenerator[App]:
    if given is None:
        async with looking(common) as app:
            yield app
    else:
        async with target.load(given).open(common.database) as app:
            yield app


def _announce(listening: tuple[str, int], common: Common) -> None:
    host, port = listening[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if common.json:
        emit({"serve": "listening", "url": where})
    else:
        note(f"listening on {where}; Ctrl-C stops")
