"""A worker's own door: it tells of metrics and health, and neither it nor a caller of it holds the worker up."""

import asyncio
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable

import pytest

from holdfast import App
from holdfast.doors import metrics_port as door
from holdfast.errors import UsageError
from tests.metrics.conftest import clerk, play


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def through(sqlite_database: str, story: Callable[[App, str], Awaitable[object]]) -> object:
    """A story with the door open."""

    async def whole(app: App) -> object:
        async with door.metrics_port(app, host="127.0.0.1", port=0) as url:
            return await story(app, url)

    return play(App([clerk("Hello.")], sqlite_database), whole)


def test_it_tells_what_the_worker_did(sqlite_database: str):
    """Counting began with the door, not with the first scrape."""

    async def story(app: App, url: str) -> tuple[int, str]:
        await app.run("clerk", "Good morning")
        return await asyncio.to_thread(get, f"{url}/metrics")

    status, text = through(sqlite_database, story)
    assert status == 200
    assert 'holdfast_step_seconds_count{agent="clerk"} 1.0' in text


def test_it_says_that_it_is_well_and_ready(sqlite_database: str):
    """And knows no other path."""

    async def story(_: App, url: str) -> list[tuple[int, str]]:
        return [await asyncio.to_thread(get, f"{url}/{path}") for path in ("healthz", "readyz", "secrets")]

    well, ready, other = through(sqlite_database, story)
    assert (well[0], ready[0], other[0]) == (200, 200, 404)
    assert json.loads(well[1])["status"] == "ok"


def test_a_worker_whose_loop_is_blocked_is_not_ready(sqlite_database: str, monkeypatch: pytest.MonkeyPatch):
    """A tool with blocking code in an async function is found out, and named."""
    monkeypatch.setattr(door, "_READY_S", 0.1)

    async def story(_: App, url: str) -> tuple[int, str]:
        asking = asyncio.ensure_future(asyncio.to_thread(get, f"{url}/readyz"))
        await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251 - what a careless tool does
        return await asking

    status, text = through(sqlite_database, story)
    assert status == 503
    assert "a tool's code blocks it" in text


def test_callers_that_say_nothing_do_not_hold_up_the_end(sqlite_database: str):
    """Twenty connections that never speak: the rest is turned away, and closing takes no time."""

    async def story(_: App, url: str) -> list[socket.socket]:
        port = int(url.rpartition(":")[2])
        return [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]

    began = time.monotonic()
    held = through(sqlite_database, story)
    assert time.monotonic() - began < 4
    for one in held:
        one.close()


def test_a_port_that_is_taken_is_named(sqlite_database: str):
    """Before the worker begins to work."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        async def whole(app: App) -> None:
            async with door.metrics_port(app, host="127.0.0.1", port=port):
                pytest.fail("it listens where another program does")

        with pytest.raises(UsageError, match=rf"{port}.*--metrics-port"):
            play(App([clerk("Hello.")], sqlite_database), whole)
