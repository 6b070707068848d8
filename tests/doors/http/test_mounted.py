"""An `App` is an ASGI application: a server takes it as it is, and other programs mount it."""

import asyncio
from pathlib import Path

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount

from holdfast import App
from holdfast.doors.http.listening import bound, listening


def test_an_app_mounted_below_a_path_opens_with_the_first_request(tmp_path: Path) -> None:
    """A program that mounts an app need not pass on when it starts and ends."""

    async def scenario() -> None:
        program = Starlette(routes=[Mount("/agents", App(database=str(tmp_path / "h.db")))])
        transport = httpx2.ASGITransport(app=program)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answers = await asyncio.gather(*(client.get("/agents/healthz") for _ in range(5)))
        assert [answer.json()["status"] for answer in answers] == ["ok"] * 5

    asyncio.run(scenario())


def test_an_app_that_cannot_be_opened_says_so_at_each_request(tmp_path: Path) -> None:
    """A mounted app whose database cannot be opened fails loudly, and is tried again with the next request."""

    async def scenario() -> None:
        (tmp_path / "h.db").write_text("no database")
        app = App(database=str(tmp_path / "h.db"))
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/healthz")).status_code == 500
            (tmp_path / "h.db").unlink()
            assert (await client.get("/healthz")).status_code == 200

    asyncio.run(scenario())


def test_a_door_leaves_the_app_open_that_it_served(tmp_path: Path) -> None:
    """Whoever opened an app goes on using it when its door is closed."""

    async def scenario() -> None:
        async with App(database=str(tmp_path / "h.db")) as app:
            async with listening(app, bound("127.0.0.1", 0)) as door, httpx2.AsyncClient(base_url=door.url) as client:
                assert (await client.get("/healthz")).status_code == 200
            assert await app.list() == []

    asyncio.run(scenario())
