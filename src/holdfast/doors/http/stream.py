"""Server-Sent Events: one writer for everything that is told as it happens, in bounded memory and without polling.

source ----> one chunk at a time, each within a time ----> client
              ^ a heartbeat, when nothing was said for a while

It ends with the source (`end`), with the server (`closing`), or when the client is gone or takes no more.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from holdfast.doors.http.problems import problem_of
from holdfast.errors import HoldfastError, TooManyRequests
from holdfast.types import Caller

log = structlog.get_logger("holdfast.http")

_HEADERS: Final = {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"}
_HEARTBEAT: Final = b":\n\n"
_PIECE: Final = 65_536
"""Bytes that are written at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message of a stream."""

    data: str | bytes = "{}"
    """Text, usually JSON; its lines arrive as lines."""
    event: str | None = None
    """Its name for listeners; `None`: `message`."""
    id: str | None = None
    """What a client that comes back names as the last it has seen, as `Last-Event-ID`."""

    def as_bytes(self) -> bytes:
        """As it goes over the wire."""
        data = self.data if isinstance(self.data, bytes) else self.data.encode("utf-8", "replace")
        # A reader takes a lone carriage return for the end of a line too.
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
        return _field("event", self.event) + _field("id", self.id) + b"data: " + lines + b"\n\n"


def _field(name: str, value: str | None) -> bytes:
    return b"" if value is None else f"{name}: {' '.join(value.split())}\n".encode("utf-8", "replace")


END: Final = Sent(event="end")
CLOSING: Final = Sent(event="closing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient a stream is, in seconds."""

    heartbeat_s: float = 15
    """Something is said at least so often, so that no proxy takes silence for the end."""
    write_s: float = 40
    """A client that takes nothing for so long is dropped."""
    retry_s: float | None = 2
    """After so long a browser connects again. `None`: not said; clients there are that take it for a message."""

    @property
    def first(self) -> bytes:
        """What is said at once: headers alone may be held back on their way."""
        return _HEARTBEAT if self.retry_s is None else f"retry: {self.retry_s * 1_000:.0f}\n\n".encode()


_PACE: Final = Pace()


class Streams:
    """The open streams of one server: so many at most, and all of them ended when it stops.

    Args:
        most: In all.
        most_per_caller: Of one key or session.
        closing: Set when the server begins to stop.
    """

    def __init__(self, *, most: int, most_per_caller: int, closing: asyncio.Event) -> None:
        self._most, self._most_per_caller, self._closing = most, most_per_caller, closing
        self._open: Counter[str] = Counter()
        self._ending: dict[asyncio.Future[None], str] = {}
        """What ends each open stream, with its caller."""
        self._watcher: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return self._open.total()

    def callers(self) -> Collection[str]:
        """Who has one open."""
        return list(self._open)

    def end(self, caller: str) -> None:
        """End all that a caller has open, as when the server stops."""
        for ending in [one for one, whose in self._ending.items() if whose == caller and not one.done()]:
            ending.set_result(None)

    @contextmanager
    def opened(self, caller: str) -> Generator[asyncio.Future[None]]:
        """Room for one stream; what it gives is done when the server stops.

        Raises:
            TooManyRequests: The caller, or everybody together, has as many as may be.
        """
        if self._open[caller] >= self._most_per_caller:
            raise TooManyRequests(f"this caller has {self._most_per_caller} streams open: close one first")
        if len(self) >= self._most:
            raise TooManyRequests(f"this server has {self._most} streams open: try later", retry_after_s=5)
        ending = self._begin(caller)
        try:
            yield ending
        finally:
            self._ending.pop(ending, None)
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    def _begin(self, caller: str) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if self._watcher is None or self._watcher.done():
            self._watcher = loop.create_task(self._watch())  # one for all of them
        ending: asyncio.Future[None] = loop.create_future()
        self._open[caller] += 1
        self._ending[ending] = caller
        return ending

    async def _watch(self) -> None:
        await self._closing.wait()
        for caller in self.callers():
            self.end(caller)


def events_stream(  # noqa: PLR0913 - what is said, and how it may end
    request: Request,
    caller: Caller,
    source: AsyncGenerator[Sent],
    *,
    end: Sent | None = END,
    closing: Sent | None = CLOSING,
    pace: Pace = _PACE,
) -> Response:
    """Tell a client what `source` gives, as it comes.

    The source is asked for the next message when the last one has been taken, and is closed at the end, however that
    comes. A source that fails ends the stream without a last word: the client comes back with `Last-Event-ID`.

    Args:
        request: Whose state has the server's `streams`.
        caller: Whose streams are counted.
        source: What is said.
        end: Said last when the source is over; `None`: nothing.
        closing: Said last when the server stops; `None`: nothing.
        pace: How patient it is.
    """
    who = caller.credential or caller.name
    return _EventStream(request, who, source, last_words=(end, closing), pace=pace)


class _EventStream(Response):
    """The response that is a stream."""

    def __init__(
        self,
        request: Request,
        caller: str,
        source: AsyncGenerator[Sent],
        *,
        last_words: tuple[Sent | None, Sent | None],
        pace: Pace,
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._request, self._caller, self._source = request, caller, source
        self._end, self._closing = last_words
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it, to its end."""
        streams: Streams = self._request.state.streams
        async with aclosing(self._source):
            try:
                with streams.opened(self._caller) as ending:
                    await self._serve(receive, _Wire(send, self._pace), ending)
            except TooManyRequests as error:
                await problem_of(self._request, error)(scope, receive, send)

    async def _serve(self, receive: Receive, wire: "_Wire", ending: asyncio.Future[None]) -> None:
        with suppress(TimeoutError):  # it takes no more: the server closes the connection of an unfinished response
            await wire.begin(self.status_code, self.raw_headers)
            telling = asyncio.create_task(self._tell(wire))
            gone = asyncio.create_task(_gone(receive))
            try:
                await _first_of({telling, gone, ending}, wire)
            finally:
                for task in (telling, gone):
                    task.cancel()
                await asyncio.wait({telling, gone})
            if gone.cancelled():
                await wire.end(self._last_words(telling))

    def _last_words(self, telling: asyncio.Task[None]) -> Sent | None:
        """What is said at the end.

        Raises:
            TimeoutError: The client took no more.
        """
        if telling.cancelled():
            return self._closing
        error = telling.exception()
        if isinstance(error, HoldfastError):
            log.warning("stream_ended", code=error.code, error=str(error))
            return None
        if error is not None:
            raise error
        return self._end

    async def _tell(self, wire: "_Wire") -> None:
        async for sent in self._source:
            await wire.say(sent.as_bytes())


class _Wire:
    """One chunk at a time to one client."""

    def __init__(self, send: Send, pace: Pace) -> None:
        self._send, self._pace = send, pace
        self._turn = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._said_at = 0.0

    @property
    def rest_s(self) -> float:
        """Until a heartbeat is due."""
        if self._turn.locked():
            return self._pace.heartbeat_s  # something is being said right now
        return self._said_at + self._pace.heartbeat_s - self._loop.time()

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The response's head, and the first words."""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self.say(self._pace.first)

    async def say(self, words: bytes, *, more: bool = True) -> None:
        """Send it, a piece at a time: the server keeps no more of it than the client is behind by one piece.

        Raises:
            TimeoutError: The client takes nothing.
        """
        async with self._turn:
            for begin in range(0, max(len(words), 1), _PIECE):
                last = begin + _PIECE >= len(words)
                piece = {"body": words[begin : begin + _PIECE], "more_body": more or not last}
                async with asyncio.timeout(self._pace.write_s):
                    await self._send({"type": "http.response.body", **piece})
            self._said_at = self._loop.time()

    async def end(self, sent: Sent | None) -> None:
        """The last words."""
        await self.say(sent.as_bytes() if sent else b"", more=False)


async def _first_of(waited: "set[asyncio.Future[None]]", wire: _Wire) -> None:
    """Return when one of them is done; say a heartbeat whenever nothing else was said for a while."""
    while True:
        done, _ = await asyncio.wait(waited, timeout=wire.rest_s, return_when=asyncio.FIRST_COMPLETED)
        if done:
            return
        if wire.rest_s <= 0:
            await wire.say(_HEARTBEAT)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
