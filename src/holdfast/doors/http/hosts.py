"""Refuses requests for host names that are not ours: a foreign name may be pointed at this address (DNS rebinding)."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.doors.http.options import HttpOptions

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s\[\]:@/\\?#]+)(:\d+)?")
"""As browsers send it, and no more: what is read in two ways is read wrongly once."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class KnownHosts:
    """Passes on what is for a loopback name, the public address, or a name that was given."""

    def __init__(self, app: ASGIApp, *, options: HttpOptions, public_url: Callable[[], str | None]) -> None:
        self._app, self._options, self._public_url = app, options, public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and not self._known(Headers(scope=scope).get("host", "")):
            refused = PlainTextResponse("This host name is not served: give it with --allow-host.", status_code=421)
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _known(self, host: str) -> bool:
        if (found := _HOST.fullmatch(host.lower())) is None:
            return False
        name = found["name"].strip("[]").removesuffix(".")
        public = urlsplit(self._public_url() or "").hostname
        return name in _LOOPBACK or name == public or name in {known.lower() for known in self._options.hosts}


def came_securely(scheme: str, host: str, public_url: str | None) -> bool:
    """Whether the browser speaks HTTPS: to us, or to the proxy in front of us that `public_url` names."""
    public = urlsplit(public_url or "")
    return scheme == "https" or (public.scheme == "https" and public.netloc.lower() == host.lower())
