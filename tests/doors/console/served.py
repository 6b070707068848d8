"""A console that is served by a real server with a real worker, on a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from holdfast import Agent, App, Call, Calls, Context, Conversation, Limits, Say, ask_when, tool
from holdfast.config import Settings
from holdfast.doors.http.listening import bound, listening, url_of
from holdfast.types import Execution, Reply, Role

T = TypeVar("T")


class Gates:
    """Doors that the tool `pass_gate` waits at until a test opens them."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def of(self, name: str) -> asyncio.Event:
        return self._events.setdefault(name, asyncio.Event())


GATES = Gates()


@tool(effect="read")
async def pass_gate(ctx: Context, name: str) -> str:
    """Wait until somebody opens the gate."""
    await GATES.of(name).wait()
    return f"{name} is open"


@tool(effect="read")
def find_order(ctx: Context, order_id: str) -> dict[str, str]:
    """Look up an order."""
    return {"order_id": order_id, "status": "shipped"}


@tool(effect="irreversible", review=ask_when(lambda args: args.amount > 100))
def refund(ctx: Context, order_id: str, amount: int) -> str:
    """Refund an order."""
    return f"refunded {amount} of {order_id}"


def clerk(conversation: Conversation) -> Reply:
    """Does what the words of the input say: hello, gate NAME, pay AMOUNT, look N, fail."""
    words = str(conversation.input).split()
    done = len(conversation.calls)
    match words:
        case ["gate", name] if done == 0:
            return Call("pass_gate", {"name": name})
        case ["pay", amount] if done == 0:
            return Call("refund", {"order_id": "1042", "amount": int(amount)})
        case ["look", count] if done < int(count):
            return Call("find_order", {"order_id": str(done)})
        case ["both"] if done == 0:
            return Calls([Call("find_order", {"order_id": "1"}), Call("find_order", {"order_id": "2"})])
        case ["fail"]:
            raise ValueError("the clerk is out")
    return Say(f"done: {conversation.input}")


def agents() -> list[Agent[Any]]:
    tools = [pass_gate, find_order, refund]
    limits = Limits(steps=3_000)
    return [
        Agent(name="clerk", models=[clerk], tools=tools, limits=limits, instructions="Do what is asked."),
        Agent(name="other", models=[clerk], tools=tools, limits=limits),
    ]


class Served:
    """The console, and the app behind it.

    Args:
        database: A migrated one.
        given: Its agents.
    """

    def __init__(self, database: str, given: list[Agent[Any]] | None = None) -> None:
        self.app = App(agents() if given is None else given, database, settings=Settings())
        self._sock = bound("127.0.0.1", 0)
        self.url = url_of(self._sock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="console", daemon=True)
        self._thread.start()
        self._up: list[Any] = []
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the server's event loop do it, and wait."""
        return self.begin(work).result(60)

    def begin(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Let the server's event loop do it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def start(self, input_: object, agent: str = "clerk", **given: Any) -> Execution:
        """An execution that the worker takes up."""
        return self.run(self.app.start(agent, input_, **given))

    def done(self, input_: object, agent: str = "clerk", **given: Any) -> Execution:
        """An execution that has ended, or waits for a person."""
        return self.run(self.app.run(agent, input_, timeout_s=50, **given))

    def get(self, execution_id: str) -> Execution:
        return self.run(self.app.get(execution_id))

    def open_gate(self, name: str) -> None:
        self._loop.call_soon_threadsafe(lambda: GATES.of(name).set())

    def session(self, name: str = "Ada", role: Role = "admin", user: str | None = None) -> str:
        """The cookie of somebody who is logged in."""

        async def opened() -> str:
            token = await self.app.access.login_link(name=name, role=role, user=user, by="the tests")
            return (await self.app.access.open_session(token))[1]

        return self.run(opened())

    def stop_serving(self) -> None:
        """End the server; the app and its worker go on."""
        self.run(self._closed(self._up.pop()))

    def serve_again(self) -> None:
        """A new server at the same address."""
        port = int(self.url.rpartition(":")[2])
        self._sock = bound("127.0.0.1", port)
        self.run(self._serve())

    def close(self) -> None:
        for context in reversed(self._up):
            self.run(self._closed(context))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        for context in (self.app, self.app.worker(concurrency=20)):
            await context.__aenter__()
            self._up.append(context)
        await self._serve()

    async def _serve(self) -> None:
        context = listening(self.app, self._sock, grace_s=1)
        await context.__aenter__()
        self._up.append(context)

    async def _closed(self, context: Any) -> None:
        await context.__aexit__(None, None, None)
