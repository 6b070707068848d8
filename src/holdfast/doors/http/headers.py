"""Headers by which a browser keeps a page to itself: no scripts, no frames, no traces in other sites' logs."""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.doors.http.hosts import came_securely

_SAFE: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    # With no-referrer a browser says `Origin: null` of our own forms, and nobody could tell them from others.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""The pages of the console say themselves which of our own files they load."""
_ANSWER_LINKS: Final = "/answer/"
_YEAR_S: Final = 31_536_000
_BREAKS: Final = bytes.maketrans(b"\r\n\0", b"   ")


class SafeHeaders:
    """Adds them to every response that does not say otherwise, and keeps every header on its own line.

    Args:
        app: What answers.
        public_url: Where people reach it.
    """

    def __init__(self, app: ASGIApp, *, public_url: Callable[[], str | None]) -> None:
        self._app, self._public_url = app, public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _on_own_lines(message.get("headers", ()))
                headers = MutableHeaders(scope=message)
                for name, value in self._wanted(scope).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)

    def _wanted(self, scope: Scope) -> dict[str, str]:
        wanted = dict(_SAFE)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(_ANSWER_LINKS):
            wanted["referrer-policy"] = "no-referrer"
        if came_securely(scope["scheme"], Headers(scope=scope).get("host", ""), self._public_url()):
            wanted["strict-transport-security"] = f"max-age={_YEAR_S}"
        return wanted


def _on_own_lines(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The server writes them as they are: a line break in a value would begin another header."""
    return [(name.translate(_BREAKS), value.translate(_BREAKS)) for name, value in headers]
