"""Bounds what a client may send: so many bytes, within so much time, else the request ends as a problem."""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.doors.http.problems import Problem

_CLOSE: Final = {"connection": "close"}
"""What is still to come is not read."""
_DISCARDED_BYTES: Final = 8 * 1_048_576
_DISCARDED_S: Final = 2.0
"""So much more of a body that is too large is thrown away before it is refused: a connection that is closed while its
client still sends is reset, and most clients then never see why."""


class BoundedBodies:
    """Passes on requests whose body is neither too large nor too slow.

    Args:
        app: What is behind it.
        largest_bytes: Of a body.
        within_s: Seconds that a body may take to arrive.
    """

    def __init__(self, app: ASGIApp, *, largest_bytes: int, within_s: float) -> None:
        self._app, self._largest, self._within_s = app, largest_bytes, within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) > self._largest:
            if "expect" not in headers:  # such a client asks before it sends
                await _discard(receive)
            too_large = Problem(status=413, code="content_too_large", detail=self._words(), headers=_CLOSE)
            await too_large.as_response(Request(scope))(scope, receive, send)
            return
        await self._app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        loop = asyncio.get_running_loop()
        until, taken, whole = loop.time() + self._within_s, 0, False

        async def bounded() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()  # only that the client is gone can come now
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body took longer than {self._within_s:g} s", _CLOSE) from None
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > self._largest:
                if not whole:
                    await _discard(receive)
                raise HTTPException(413, self._words(), _CLOSE)
            return message

        return bounded

    def _words(self) -> str:
        return f"the body is larger than {self._largest:,} bytes"


async def _discard(receive: Receive) -> None:
    """Throw away what comes, for a while."""
    left = _DISCARDED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARDED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
