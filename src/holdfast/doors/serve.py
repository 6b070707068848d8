"""`holdfast serve`: the API, the console and the way in for people's answers, over HTTP, until it is stopped."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from holdfast.app import App
from holdfast.doors import exits, target
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common
from holdfast.doors.screen import emit, note
from holdfast.engine.heap import spare_what_is_loaded
from holdfast.engine.signals import install_signal_handlers
from holdfast.errors import MissingExtra

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))]


class Stop:
    """Ends a wait when the process is asked to stop."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def stop(self) -> None:
        """Ask."""
        self.asked.set()


async def serve(  # noqa: PLR0913 - one per option
    target_: Annotated[str | None, Parameter(name="TARGET")] = None,
    /,
    *,
    host: str = "127.0.0.1",
    port: Port = 8321,
    allow_host: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    metrics_open: Annotated[bool, Parameter(negative=())] = False,
    common: Common = COMMON,
) -> int:
    """Serve the API and the console, and take people's answers in from Slack, Telegram, a webhook and mail links.

    Work is done by `holdfast worker`. Put a proxy that speaks HTTPS in front of it, and set public_url to that. Ctrl-C
    or SIGTERM ends open streams, and lets requests under way end first.

    Args:
        target_: file.py:name or package.module:name; without it there are no agents to start, only what is on record.
        host: Where to listen. The default is this machine only.
        port: Where to listen; 0 takes a free one.
        allow_host: A further host name that requests may be for, beside loopback names and that of public_url.
        metrics_open: Answer /metrics without a key.
        common: What every command takes.
    """
    try:
        from holdfast.doors.http.listening import bound, listening
        from holdfast.doors.http.options import HttpOptions
    except ModuleNotFoundError as error:
        raise MissingExtra("server", needed_for="holdfast serve") from error
    stop = Stop()
    install_signal_handlers(stop)
    async with _app(target_, common) as app:
        options = HttpOptions(hosts=allow_host, metrics_open=metrics_open)
        async with listening(app, bound(host, port), options=options) as door:
            spare_what_is_loaded()
            _announce(door.url, common)
            await until_stopped(stop, door.closed)
            broken = door.closed.is_set()
    return exits.FAILED if broken else exits.OK


async def until_stopped(stop: Stop, broken: asyncio.Event) -> None:
    """Wait until somebody asks to stop, or the door broke."""
    waits = {asyncio.create_task(event.wait()) for event in (stop.asked, broken)}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


@asynccontextmanager
async def _app(given: str | None, common: Common) -> AsyncGenerator[App]:
    if given is None:
        async with looking(common) as app:
            yield app
    else:
        async with target.load(given).open(common.database) as app:
            yield app


def _announce(url: str, common: Common) -> None:
    if common.json:
        emit({"serve": "listening", "url": url})
    else:
        note(f"listening on {url}; Ctrl-C stops")
