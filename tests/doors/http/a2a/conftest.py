"""Agents behind A2A, and the unmodified client of the A2A SDK in front of them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.helpers import new_data_message, new_text_message
from a2a.types import Message, Role, SendMessageConfiguration, SendMessageRequest, StreamResponse, TaskState

from holdfast import Agent
from tests.doors.http.live import Live
from tests.doors.http.openai.conftest import GATE, Gate, asks, echoes, fails, hold, look, pay, pays, pays_twice, waits

AGENTS = [
    Agent(name="payer", models=[pays], tools=[pay]),
    Agent(name="spender", models=[pays_twice], tools=[pay]),
    Agent(name="echo", models=[echoes]),
    Agent(name="asker", models=[asks]),
    Agent(name="waiter", models=[waits], tools=[hold]),
    Agent(name="failer", models=[fails], tools=[look]),
]
BINDINGS = ("JSONRPC", "HTTP+JSON")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    served = Live(AGENTS, str(tmp_path_factory.mktemp("a2a") / "holdfast.db"), private_webhooks=True)
    yield served
    GATE.opened.set()
    served.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    GATE.reset()
    yield GATE
    GATE.opened.set()


@asynccontextmanager
async def client_of(
    live: Live, agent: str, *, role: str = "operator", key: str | None = None, binding: str = "JSONRPC", **config: Any
) -> AsyncIterator[Client]:
    """The SDK's client, as its documentation makes one."""
    headers = {"authorization": f"Bearer {key or live.keys[role]}"}
    async with httpx.AsyncClient(headers=headers, timeout=20) as http:
        factory = ClientFactory(ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], **config))
        yield await factory.create_from_url(f"{live.url}/a2a/{agent}")


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(40):
            await story()

    asyncio.run(whole())


def words(text: str, **about: Any) -> Message:
    return new_text_message(text, role=Role.ROLE_USER, **about)


def data(value: Any, **about: Any) -> Message:
    return new_data_message(value, role=Role.ROLE_USER, **about)


async def sent(client: Client, message: Message, **configuration: Any) -> list[StreamResponse]:
    """Everything that the client is told for a message."""
    asked = SendMessageRequest(message=message, configuration=SendMessageConfiguration(**configuration))
    return [told async for told in client.send_message(asked)]


def states(told: list[StreamResponse]) -> list[str]:
    """What became of the task, without the common beginning of the names."""
    found = [one.task.status if one.HasField("task") else one.status_update.status for one in told]
    return [TaskState.Name(status.state).removeprefix("TASK_STATE_") for status in found if status.state]


class Webhook:
    """A program that is told of tasks; it fails as often as it is told to."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.fails: list[int] = []
        self.ended = threading.Event()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                import json

                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status = webhook.fails.pop(0) if webhook.fails else 200
                if status == 200:
                    webhook.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(status)
                self.end_headers()
                if status == 200 and "COMPLETED" in str(body):
                    webhook.ended.set()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/told?key=s3cret"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()
