"""A worker's small door for those who watch over it: `/metrics`, `/healthz` and `/readyz`, on threads of its own."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from holdfast.app import App
from holdfast.errors import HoldfastError, UsageError

_ANSWER_S: Final = 8.0
"""Prometheus gives a scrape ten seconds, unless told otherwise."""
_READY_S: Final = 2.0
_AT_ONCE: Final = 8
"""Requests; more are turned away."""
_TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"

Answer = tuple[int, str, bytes]
"""Status, content type and body."""


@asynccontextmanager
async def metrics_port(app: App, *, host: str, port: int) -> AsyncGenerator[str]:
    """Serve metrics and health of this process while the block runs, which never waits for a request.

    Counting begins here, not with the first scrape.

    Yields:
        Where it listens.

    Raises:
        MissingExtra: The library is not installed.
        UsageError: Nobody can listen there.
    """
    await app.control.metrics_text()
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        server = _Server(app, asyncio.get_running_loop(), family=family, host=host, port=port)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --metrics-port") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="holdfast-metrics-port", daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    """A client that never reads does not hold up the worker's end."""

    def __init__(
        self, app: App, loop: asyncio.AbstractEventLoop, *, family: socket.AddressFamily, host: str, port: int
    ) -> None:
        self._app, self._loop = app, loop
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        self.address_family = family
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"http://{f'[{host}]' if ':' in str(host) else host}:{port}"

    def process_request(self, request: object, client_address: object) -> None:
        """Take a request on a thread, while there is room."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)  # pyright: ignore[reportArgumentType] - as it came
        else:
            self.shutdown_request(request)  # pyright: ignore[reportArgumentType] - as it came

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve a request, and make room for another."""
        try:
            super().process_request_thread(request, client_address)  # pyright: ignore[reportArgumentType] - as it came
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nobody's trouble."""

    def answer(self, path: str, accept: str) -> Answer:
        """What a path says."""
        match path:
            case "/metrics":
                return self._metrics(accept)
            case "/healthz":
                return self._health()
            case "/readyz":
                return self._ready()
            case _:
                return 404, _TEXT, b"here are /metrics, /healthz and /readyz\n"

    def _metrics(self, accept: str) -> Answer:
        asked = asyncio.run_coroutine_threadsafe(self._app.control.metrics_text(accept), self._loop)
        try:
            text, content_type = asked.result(_ANSWER_S)
        except TimeoutError:
            asked.cancel()
            return 503, _TEXT, f"the worker has not answered for {_ANSWER_S:g} s\n".encode()
        except HoldfastError as error:
            return 503, _TEXT, f"{error}\n".encode()
        return 200, content_type, text

    def _health(self) -> Answer:
        health = self._app.health()
        return _told(health.detail, ok=health.ok)

    def _ready(self) -> Answer:
        turned = threading.Event()
        self._loop.call_soon_threadsafe(turned.set)
        if not turned.wait(_READY_S):
            return _told(f"the worker's event loop has stood for {_READY_S:g} s: a tool's code blocks it", ok=False)
        return self._health()


class _Handler(BaseHTTPRequestHandler):
    timeout = 5
    """Seconds for a client to say what it wants, and to take what it gets."""
    server_version = "holdfast"
    sys_version = ""
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - that made it

    def do_GET(self) -> None:
        status, content_type, body = self.server.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is overridden
        """Scrapes are no news."""


def _told(detail: str, *, ok: bool) -> Answer:
    told = {"status": "ok" if ok else "unavailable", "detail": detail}
    return 200 if ok else 503, _JSON, json.dumps(told).encode()
