"""Webhooks that start executions, over HTTP."""

import asyncio

import httpx2

from holdfast.doors.http.application import make_app
from tests.triggers.test_hooks import BODY, Stage


def test_a_signed_post_is_taken_and_a_forged_one_is_not(sqlite_database):
    """202 when it is durable; 401 and a word for whoever forges; 404 where there is no such hook."""
    stage = Stage(sqlite_database)
    application = make_app(stage.app)

    async def story():
        async with application.router.lifespan_context(application) as state:

            async def asgi(scope, receive, send):
                scope["state"] = dict(state)
                await application(scope, receive, send)

            async with httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=asgi), base_url="http://127.0.0.1"
            ) as http:
                taken = await http.post("/hooks/orders", content=BODY, headers=stage.standard())
                forged = await http.post("/hooks/orders", content=BODY + b" ", headers=stage.standard())
                unknown = await http.post("/hooks/nothing", content=BODY, headers=stage.standard())
                return taken, forged, unknown

    taken, forged, unknown = asyncio.run(story())
    assert (taken.status_code, taken.json()["status"]) == (202, "pending")
    assert (forged.status_code, forged.json()["error"]["message"]) == (401, "bad_signature")
    assert unknown.status_code == 404
