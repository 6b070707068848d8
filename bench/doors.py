"""The HTTP door over a large record: requests a second and latencies of the API, server time of the console's pages."""

import asyncio
import json
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from bench.filling import AGENTS, USERS, execution_id, fill
from holdfast.doors.http.api.asking import cursor

PAGES = ("/", "/executions", "/approvals", "/agents", "/costs", "/health")
Asked = Callable[[int], bytes]
"""The request of that number, as it goes over the wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What was measured."""

    executions: int
    filled_s: float
    requests: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    """By name: `per_s` with 16 connections, `p50_ms`, `p99_ms`."""
    pages: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    """By path: `p50_ms` and `p99_ms`, one request at a time."""


async def run(*, database: str, executions: int, seconds: float, connections: int = 16) -> Doors:
    """Fill a database, serve it from a process of its own, and ask it."""
    began = time.perf_counter()
    fill(database, executions)
    filled_s = time.perf_counter() - began
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(database, theirs))
    server.start()
    try:
        port, key, cookie = await asyncio.to_thread(ours.recv)
        requests: dict[str, dict[str, float]] = {}
        for name, asked in _requests(executions, f"authorization: Bearer {key}").items():
            requests[name] = await _load(port, asked, seconds=seconds, connections=connections)
        pages = {path: await _page(port, path, cookie) for path in PAGES}
        return Doors(executions=executions, filled_s=filled_s, requests=requests, pages=pages)
    finally:
        ours.send("stop")
        server.join(20)
        server.kill()


def _serve(database: str, pipe: Connection) -> None:
    asyncio.run(_served(database, pipe))


async def _served(database: str, pipe: Connection) -> None:
    from holdfast import Agent, App, Conversation, Say
    from holdfast.config import Settings
    from holdfast.doors.http.listening import bound, listening
    from holdfast.doors.http.options import HttpOptions
    from holdfast.engine.heap import spare_what_is_loaded

    def says(_: Conversation) -> Say:
        return Say("done")

    agents = [Agent(name=name, models=[says]) for name in AGENTS]
    async with App(agents, database, settings=Settings()) as app:
        _, key = await app.access.create_key("bench", role="operator", by="bench")
        _, cookie = await app.access.open_session(key)
        options = HttpOptions(requests_per_minute=100_000_000)
        async with listening(app, bound("127.0.0.1", 0), options=options) as door:
            spare_what_is_loaded()
            pipe.send((int(door.url.rpartition(":")[2]), key, cookie))
            await asyncio.to_thread(pipe.recv)


def _requests(executions: int, authorization: str) -> dict[str, Asked]:
    chance = random.Random(1)

    def get(path: Callable[[], str]) -> Asked:
        return lambda _: f"GET {path()} HTTP/1.1\r\nhost: 127.0.0.1\r\n{authorization}\r\n\r\n".encode()

    def create(number: int) -> bytes:
        body = json.dumps({"agent": AGENTS[number % len(AGENTS)], "input": f"order {number}", "user": "bench"})
        head = f"POST /v1/executions HTTP/1.1\r\nhost: 127.0.0.1\r\n{authorization}\r\ncontent-type: application/json"
        return f"{head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()

    some = lambda: execution_id(chance.randrange(executions))  # noqa: E731 - one expression, used below
    return {
        "create": create,
        "get": get(lambda: f"/v1/executions/{some()}"),
        "events": get(lambda: f"/v1/executions/{some()}/events"),
        "list": get(lambda: "/v1/executions"),
        "list, deep": get(lambda: f"/v1/executions?cursor={cursor(some())}"),
        "list by status": get(lambda: "/v1/executions?status=failed"),
        "list by agent": get(lambda: f"/v1/executions?agent={chance.choice(AGENTS)}"),
        "list by user": get(lambda: f"/v1/executions?user=user-{chance.randrange(USERS)}"),
        "list by three": get(lambda: f"/v1/executions?status=failed&user=user-{chance.randrange(USERS)}&since=7d"),
        "approvals": get(lambda: "/v1/approvals"),
        "threads": get(lambda: "/v1/threads"),
        "tool calls": get(lambda: "/v1/tool-calls?status=awaiting_review"),
    }


async def _load(port: int, asked: Asked, *, seconds: float, connections: int) -> dict[str, float]:
    took: list[float] = []
    until = time.perf_counter() + seconds
    numbers = iter(range(10**9))

    async def one() -> None:
        async with asyncio.timeout(seconds + 30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while time.perf_counter() < until:
                took.append(await _ask(reader, writer, asked(next(numbers))))
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return {"per_s": len(took) / (time.perf_counter() - began), **_spread(took)}


async def _page(port: int, path: str, cookie: str) -> dict[str, float]:
    sent = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/html\r\ncookie: holdfast_session={cookie}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _ask(reader, writer, sent.encode())  # the first one makes templates
    took = [await _ask(reader, writer, sent.encode()) for _ in range(25)]
    writer.close()
    return _spread(took)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> float:
    began = time.perf_counter()
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if head[9:10] != b"2":
        raise RuntimeError(f"{sent[:80]!r} was answered with {head[:40]!r}")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return time.perf_counter() - began


def _spread(took: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return {"p50_ms": cuts[49] * 1_000, "p99_ms": cuts[98] * 1_000}


def main() -> None:
    """Run this part alone, on both databases."""
    import sys

    from bench.__main__ import main as everything

    sys.argv = [sys.argv[0], "doors", *sys.argv[1:]]
    sys.exit(everything())


if __name__ == "__main__":
    main()
