"""The writer of event streams: what goes over the wire, heartbeats, ends, and clients that take nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.doors.http.stream import Pace, Sent, Streams, events_stream
from holdfast.errors import StoreUnavailable
from holdfast.types import Caller

CALLER = Caller(name="test", role="viewer", credential="k")


@pytest.mark.parametrize(
    ("sent", "wire"),
    [
        (Sent(data="a"), b"data: a\n\n"),
        (Sent(id="7", event="x", data="{}"), b"event: x\nid: 7\ndata: {}\n\n"),
        (Sent(data="a\nb\r\nc\rd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (Sent(event="x\ndata: forged", data=""), b"event: x data: forged\ndata: \n\n"),
    ],
)
def test_a_message_is_what_its_parts_say(sent: Sent, wire: bytes) -> None:
    """No line of data or of a name can pass for another field."""
    assert sent.as_bytes() == wire


class Client:
    """Takes what it is sent, as slowly as it likes."""

    def __init__(self, takes: Callable[[], Any] | None = None) -> None:
        self.taken: list[bytes] = []
        self.gone = asyncio.Event()
        self._takes = takes

    async def receive(self) -> dict[str, object]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._takes:
            await self._takes()
        self.taken.append(message.get("body", b""))


async def said(*data: str, then: Callable[[], Any] | None = None) -> AsyncGenerator[Sent]:
    for one in data:
        yield Sent(data=one)
    if then:
        await then()


async def serve(client: Client, source: AsyncGenerator[Sent], closing: asyncio.Event | None = None, **pace: float):
    streams = Streams(most=5, most_per_caller=5, closing=closing or asyncio.Event())
    request: Any = SimpleNamespace(state=SimpleNamespace(streams=streams))
    response = events_stream(request, CALLER, source, pace=Pace(**pace))
    await response({"type": "http"}, client.receive, client.send)  # pyright: ignore[reportArgumentType]
    return len(streams)


def test_a_stream_says_when_it_is_over() -> None:
    """What the source gives, then `end`; its place is free again."""

    async def story() -> tuple[int, list[bytes]]:
        client = Client()
        return await serve(client, said("a", "b")), client.taken

    left, taken = asyncio.run(story())
    assert left == 0
    assert taken == [b"", b"retry: 2000\n\n", b"data: a\n\n", b"data: b\n\n", b"event: end\ndata: {}\n\n"]


def test_a_silent_stream_has_heartbeats() -> None:
    """A proxy does not take silence for the end; the source is closed when the client leaves."""
    closed = []

    async def forever() -> AsyncGenerator[Sent]:
        try:
            await asyncio.Event().wait()
            yield Sent()
        finally:
            closed.append(True)

    async def story() -> list[bytes]:
        client = Client()
        serving = asyncio.create_task(serve(client, forever(), heartbeat_s=0.001))
        while client.taken.count(b":\n\n") < 3:  # noqa: ASYNC110 - heartbeats come by the clock
            await asyncio.sleep(0.001)
        client.gone.set()
        await serving
        return client.taken

    assert b"event: end" not in b"".join(asyncio.run(story()))
    assert closed == [True]


def test_a_client_that_takes_nothing_is_dropped() -> None:
    """After a while, with one message in hand and none piled up behind it."""
    given = []

    async def endless() -> AsyncGenerator[Sent]:
        while True:
            given.append(1)
            yield Sent(data="x")

    async def story() -> int:
        stuck = asyncio.Event()

        async def takes() -> None:
            if len(client.taken) > 4:
                await stuck.wait()

        client = Client(takes)
        return await serve(client, endless(), write_s=0.01)

    assert asyncio.run(story()) == 0
    assert len(given) < 8


def test_a_source_that_fails_ends_without_a_last_word() -> None:
    """The client does not take it for the end, and comes back."""

    async def fails() -> None:
        raise StoreUnavailable

    async def story() -> list[bytes]:
        client = Client()
        await serve(client, said("a", then=fails))
        return client.taken

    assert asyncio.run(story())[-2:] == [b"data: a\n\n", b""]


def test_a_stream_that_opens_while_the_server_stops_ends_at_once() -> None:
    """Nothing stays open behind it."""

    async def story() -> bytes:
        client, closing = Client(), asyncio.Event()
        closing.set()
        await serve(client, said("a", then=asyncio.Event().wait), closing)
        return client.taken[-1]

    assert asyncio.run(story()) == b"event: closing\ndata: {}\n\n"
