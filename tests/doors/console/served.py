"""A console that is served by a real server with a real worker, on a thread of its own."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from holdfast import Agent, App, Call, Calls, Context, Conversation, Limits, Say, ask_when, tool
from holdfast.config import Settings
from holdfast.doors.http.listening import bound, listening, url_of
from holdfast.trail.codec import canonical, chain, stamp
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


@tool(effect="read")
def big_page(ctx: Context) -> str:
    """A page from somewhere, too large for a row."""
    return "<script>window.hit = 1</script>" + "x" * 40_000


@tool(effect="read")
async def tick(ctx: Context, number: int) -> int:
    """Take a while."""
    with suppress(TimeoutError):
        await asyncio.wait_for(GATES.of("tired").wait(), 3)
    return number


def runner(conversation: Conversation) -> Reply:
    """Steps on until it is tired."""
    if GATES.of("tired").is_set():
        return Say("enough")
    return Call("tick", {"number": len(conversation.calls)})


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
        case ["big"] if done == 0:
            return Call("big_page", {})
        case ["both"] if done == 0:
            return Calls([Call("find_order", {"order_id": "1"}), Call("find_order", {"order_id": "2"})])
        case ["fail"]:
            raise ValueError("the clerk is out")
    return Say(f"done: {conversation.input}")


def agents() -> list[Agent[Any]]:
    tools = [pass_gate, find_order, refund, big_page]
    limits = Limits(steps=3_000)
    return [
        Agent(name="clerk", models=[clerk], tools=tools, limits=limits, instructions="Do what is asked."),
        Agent(name="other", models=[clerk], tools=tools, limits=limits),
        Agent(name="runner", models=[runner], tools=[tick], limits=limits),
    ]


def _chained(rows: list[Any], *, after: str) -> list[Any]:
    """The same rows with the hashes that the writer would have given them."""
    made: list[Any] = []
    for execution_id, seq, kind, version, data, at, _ in rows:
        after = chain(after, execution_id=execution_id, seq=seq, kind=kind, version=version, at=at, text=data)
        made.append((execution_id, seq, kind, version, data, at, after))
    return made


def _moved(row: tuple[Any, ...], seq: int, step: int, was: int) -> tuple[Any, ...]:
    """An event of a turn as one of a later turn."""
    execution_id, at_seq, kind, version, data, at, digest = row
    told = json.loads(data)
    if "step" in told:
        told["step"] = step
    if "call_id" in told:
        told["call_id"] = f"{execution_id}:{step}:0"
    later = datetime.fromisoformat(at) + timedelta(milliseconds=20 * step)
    return execution_id, seq + at_seq - was, kind, version, canonical(told), stamp(later), digest


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
        self.crashed = ""
        """An execution that was taken over from a worker that is gone."""
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

    def write(self, statement: str, *values: object) -> None:
        """Change the database behind the app's back."""
        with closing(sqlite3.connect(self.app.database, timeout=10)) as db, db:
            db.execute(statement, values)

    def lengthen(self, execution_id: str, *, steps: int) -> None:
        """Write further steps into a journal as its second one: running them all takes longer than a test may."""
        with closing(sqlite3.connect(self.app.database, timeout=10)) as db, db:
            rows = list(db.execute("SELECT * FROM agent_events WHERE execution_id = ? ORDER BY seq", [execution_id]))
            _, second, third = [row[1] for row in rows if row[2] == "model.requested"][:3]
            turn, tail = rows[second - 1 : third - 1], rows[rows[-1][1] - 1 :]
            added = [_moved(row, second + len(turn) * n, 2 + n, second) for n in range(steps - 1) for row in turn]
            added += [_moved(row, second + len(added), steps, row[1]) for row in tail]
            chained = _chained(added, after=rows[second - 2][-1])
            db.execute("DELETE FROM agent_events WHERE execution_id = ? AND seq >= ?", [execution_id, second])
            db.executemany("INSERT INTO agent_events VALUES (?, ?, ?, ?, ?, ?, ?)", chained)
            db.execute(
                "UPDATE agent_executions SET last_seq = ?, last_hash = ?, step_count = ? WHERE id = ?",
                [chained[-1][1], chained[-1][-1], steps, execution_id],
            )

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
        await self._enter(self.app)
        if "clerk" in self.app.agents:
            self.crashed = await self._crash()
        await self._enter(self.app.worker(concurrency=1_500))
        await self._serve()

    async def _enter(self, context: Any) -> None:
        await context.__aenter__()
        self._up.append(context)

    async def _crash(self) -> str:
        """An execution that a worker had when it stopped, without a word."""
        trail = await self.app._parts.trail()
        execution = await self.app.start("clerk", "hello after a crash")
        await trail.register("gone-1", host="gone", pid=1, lease_s=60)
        await trail.claim("gone-1", agents=["clerk"], limit=1, only=execution.id)
        await trail.retire("gone-1")
        return execution.id

    async def _serve(self) -> None:
        await self._enter(listening(self.app, self._sock, grace_s=1))

    async def _closed(self, context: Any) -> None:
        await context.__aexit__(None, None, None)
