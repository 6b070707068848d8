"""A small HTTP server on a real socket, whose answers a test decides."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """What arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What goes back; `cut` closes the connection instead, `hang` never answers."""

    json: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False


Handler = Callable[[Request], Reply]


class HttpServer:
    """Answers as `handler` says, unless `next` holds replies that come first."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.next: list[Reply] = []
        self.requests: list[Request] = []
        self.url = ""
        self.answered = asyncio.Event()
        """Set when a request was handled, whatever the sender gets to know of it."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await self._read(reader):
                self.requests.append(request)
                handled = self.handler(request)
                self.answered.set()
                reply = self.next.pop(0) if self.next else handled
                if reply.cut:
                    break
                if reply.hang:
                    await asyncio.Event().wait()
                writer.write(self._written(reply))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(first.split()[1], headers, body)

    def _written(self, reply: Reply) -> bytes:
        body = b"" if reply.json is None else json.dumps(reply.json).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        return f"HTTP/1.1 {reply.status} X\r\ncontent-length: {len(body)}\r\n{extra}\r\n".encode() + body


@asynccontextmanager
async def serving(server: HttpServer) -> AsyncIterator[HttpServer]:
    """The server on a free port; at the end its connections are dropped."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await server.serve(reader, writer)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
