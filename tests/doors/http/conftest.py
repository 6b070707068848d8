"""A door over a fresh database, with one question that waits."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
import uvicorn

from holdfast import Agent, App, Call, Context, Conversation, Say, tool
from holdfast.config import Settings
from holdfast.doors.http.application import make_app
from holdfast.notify.inbound.links import Invitation, token
from holdfast.types import Approval

SETTINGS = {
    "public_url": "http://127.0.0.1:9",
    "link_key": "k" * 40,
    "webhook": {"url": "http://127.0.0.1:9", "secret": "whsec_" + base64.b64encode(b"x" * 32).decode()},
    "people": {"Ada": {"groups": ["leads"], "email": "ada@example.com"}, "Bob": {"email": "bob@example.com"}},
}


@tool(effect="irreversible")
def pay(ctx: Context, amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


def pays(conversation: Conversation) -> Call | Say:
    return Say("done") if conversation.calls else Call("pay", {"amount": 120})


@dataclass
class Door:
    """What a browser and a program reach."""

    app: App
    http: httpx2.AsyncClient
    approval: Approval

    def link(self, person: str = "Ada", key: str = "k" * 40) -> str:
        from pydantic import SecretStr

        invitation = Invitation(approval_id=self.approval.id, person=person, expires_at=self.approval.expires_at)
        return f"/answer/{token(invitation, SecretStr(key))}"

    async def now(self) -> Approval:
        return next(one for one in await self.app.approvals(None) if one.id == self.approval.id)

    async def record(self) -> list[str]:
        found = await self.app.control.record(limit=100)
        return [entry.data["reason"] for entry in found if entry.kind == "answer.refused"]


@asynccontextmanager
async def open_door(database: str, **settings) -> AsyncIterator[Door]:
    chosen = Settings(**(SETTINGS | settings))
    async with App([Agent(name="payer", models=[pays], tools=[pay])], database, settings=chosen) as app:
        execution = await app.run("payer", "pay")
        (approval,) = await app.approvals(execution_id=execution.id)
        # As `holdfast serve` runs it, on a real socket.
        own = App(list(app.agents.values()), database, settings=chosen)
        server = uvicorn.Server(uvicorn.Config(make_app(own), port=0, lifespan="on", log_config=None))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            yield Door(app, http, approval)
        server.should_exit = True
        await serving


@pytest.fixture
def at_door(sqlite_database: str) -> Callable[..., None]:
    """Run a story at the door."""

    def run(story: Callable[[Door], Awaitable[None]], **settings) -> None:
        async def whole() -> None:
            async with asyncio.timeout(50), open_door(sqlite_database, **settings) as door:
                await story(door)

        asyncio.run(whole())

    return run
