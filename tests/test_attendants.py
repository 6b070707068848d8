"""What runs beside a worker: it delivers, it ends with it, and it is nothing where nothing is configured."""

import asyncio
import base64
from pathlib import Path

from holdfast import Agent, App, Conversation, Say
from holdfast.config import Settings
from tests.notify.http_server import HttpServer, Reply, serving

SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()


def speak(conversation: Conversation) -> Say:
    return Say("hello")


def app(database: str, **settings) -> App:
    return App([Agent(name="speaker", models=[speak])], database, settings=Settings(**settings))


def hooked(server: HttpServer) -> dict:
    return {"webhook": {"url": f"{server.url}/hook", "secret": SECRET}}


async def dead_slack(app: App) -> None:
    """Something to tell: an operator opens a breaker."""
    await app.control.open_breaker("model", "openai:gpt", by="ada", why="wrong answers")


def test_a_worker_tells_a_channel_what_is_the_matter(sqlite_database: str):
    """From the breaker to the message, with nothing but a channel configured."""

    async def story() -> None:
        async with serving(HttpServer(lambda _: Reply(status=204))) as server, asyncio.timeout(30):
            async with app(sqlite_database, **hooked(server)) as opened:
                await dead_slack(opened)
                async with opened.worker():
                    await server.answered.wait()
            told = server.requests[0].json
            assert (told["type"], told["data"]["key"]) == ("alert.firing", "breaker:model:openai:gpt")

    asyncio.run(story())


def test_a_drain_delivers_what_is_due_before_it_ends(sqlite_database: str):
    """A worker that a timer starts now and then does not leave its mail to nobody."""

    async def story() -> None:
        async with (
            serving(HttpServer(lambda _: Reply(status=204))) as server,
            asyncio.timeout(30),
            app(sqlite_database, **hooked(server)) as opened,
        ):
            await dead_slack(opened)
            async with opened.worker():
                await server.answered.wait()
            await opened.work(drain=True)
            (letter,) = await opened.control.letters()
            assert letter.status == "sent"

    asyncio.run(story())


def test_a_service_that_hangs_does_not_hold_up_a_worker_that_stops(sqlite_database: str):
    """The grace period is for both; the delivery comes again."""

    async def story() -> None:
        server = HttpServer(lambda _: Reply(hang=True))
        async with serving(server), asyncio.timeout(30), app(sqlite_database, grace_s=0.2, **hooked(server)) as opened:
            await dead_slack(opened)
            async with opened.worker():
                await server.answered.wait()
            (letter,) = await opened.control.letters()
            assert letter.status == "queued"

    asyncio.run(story())


def test_channels_are_registered_while_they_are_configured(sqlite_database: str):
    """A worker without the channel takes it away again; one bound to a single execution does not."""

    async def story() -> None:
        settings = {"webhook": {"url": "http://127.0.0.1:9", "secret": SECRET}}
        async with app(sqlite_database, **settings) as opened, opened.worker():
            assert (await opened.control.look()).channels == ("webhook",)
        async with app(sqlite_database) as opened:
            await opened.run("speaker", "hi")
            assert (await opened.control.look()).channels == ("webhook",)
            async with opened.worker():
                assert (await opened.control.look()).channels == ()

    asyncio.run(story())


def test_without_channels_no_http_library_is_asked_for(sqlite_database: str, monkeypatch):
    """Who configured nothing pays nothing."""
    asked: list[object] = []
    monkeypatch.setattr("holdfast.notify.routing.make_channels", lambda *a, **k: asked.append(a))

    async def story() -> None:
        async with app(sqlite_database) as opened, opened.worker():
            await opened.run("speaker", "hi")

    asyncio.run(story())
    assert asked == []
    assert Path(sqlite_database).exists()
