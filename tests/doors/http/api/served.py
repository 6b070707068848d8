"""The API on a real socket, in a thread with an event loop of its own; and clients that do what good ones would not."""

import asyncio
import json
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

from holdfast import App
from holdfast.config import Settings
from holdfast.doors.http.connection import Connection
from holdfast.doors.http.listening import bound, listening
from holdfast.doors.http.options import HttpOptions
from tests.doors.http.api.conftest import agents

T = TypeVar("T")


class Served:
    """A server on loopback and the app behind it, in one thread."""

    def __init__(self, database: str, options: HttpOptions) -> None:
        self._database, self._options = database, options
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with App(agents(), self._database, settings=Settings()) as self.app:
            self.key = (await self.app.access.create_key("test", role="operator", by="test"))[1]
            self.other_key = (await self.app.access.create_key("other", role="operator", by="test"))[1]
            async with listening(self.app, bound("127.0.0.1", 0), options=self._options, grace_s=3) as door:
                self.port = int(door.url.rpartition(":")[2])
                self._ready.set()
                await self._stop.wait()

    def run(self, story: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(story, self.loop).result(60)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)

    def close(self) -> None:
        self.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def head(self, path: str, *, method: str = "GET", key: str | None = None, **headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"authorization: Bearer {key or self.key}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def raw(self, sent: bytes, *, buffer: int | None = None) -> socket.socket:
        """A connection on which that was sent."""
        made = socket.socket()
        if buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.settimeout(20)
        made.connect(("127.0.0.1", self.port))
        made.sendall(sent)
        return made

    def follow(self, path: str, *, key: str | None = None, **headers: str) -> "Stream":
        return Stream(self.raw(self.head(path, key=key, accept="text/event-stream", **headers)))


class Stream:
    """An event stream as a client reads it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self._file = connection, connection.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = dict(line.decode().strip().split(": ", 1) for line in iter(self._file.readline, b"\r\n"))

    def messages(self) -> Iterator[dict[str, str]]:
        """Messages and comments, until the server ends it."""
        kept = b""
        while size := int(self._file.readline() or b"0", 16):
            kept += self._file.read(size)
            self._file.readline()
            while b"\n\n" in kept:
                block, _, kept = kept.partition(b"\n\n")
                yield dict(line.partition(":")[::2] for line in block.decode().splitlines())

    def events(self, number: int) -> list[dict[str, object]]:
        """The next ones with data of an execution."""
        found: list[dict[str, object]] = []
        for message in self.messages():
            if "id" in message:
                found.append(json.loads(message["data"]))
            if len(found) == number or "event" in message:
                return found
        return found

    def close(self) -> None:
        self._file.close()
        self.connection.close()


@contextmanager
def impatient(*, head_s: float = 15, take_s: float = 30) -> Iterator[None]:
    """Connections that wait less."""
    before = Connection.head_s, Connection.take_s
    Connection.head_s, Connection.take_s = head_s, take_s
    yield
    Connection.head_s, Connection.take_s = before
