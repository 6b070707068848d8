"""One connection of the server: clients that send too slowly, or take nothing, are cut off.

opened ---> head arrives ---> body, response (see `bodies`, `stream`) ---> kept open for the next request
        ^ HEAD_S                  ^ a full buffer that nobody empties: TAKE_S
"""

import asyncio
import socket
import struct
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_S: Final = 15.0
"""Seconds from the first byte, or from when the connection was opened, until a request's head is whole."""
TAKE_S: Final = 30.0
"""Seconds that a client may leave a full buffer as it is."""
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: the other end learns at once."""


class Connection(HttpToolsProtocol):
    """uvicorn's, with a time for each thing that a client may put off."""

    head_s: float = HEAD_S
    take_s: float = TAKE_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heading: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Wait for the first request."""
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            # asyncio sets it on sockets that it made itself; without it each answer waits 40 ms for its second packet.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._head_came()
        self._was_taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request: if it begins one, the rest of its head is to follow."""
        before = cast("RequestResponseCycle | None", self.cycle)  # there is none before the first request
        if self._heading is None and (before is None or before.response_complete):
            self._await_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_came()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The buffer is full."""
        if self._taking is None:
            self._taking = self.loop.call_later(self.take_s, self._cut)
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client took some of it."""
        self._was_taken()
        super().resume_writing()

    def _await_head(self) -> None:
        self._heading = self.loop.call_later(self.head_s, self._cut)

    def _head_came(self) -> None:
        if self._heading is not None:
            self._heading.cancel()
            self._heading = None

    def _was_taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _cut(self) -> None:
        # `close` would first write what nobody takes, and without the option the kernel would go on trying.
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()
