"""A local provider that misbehaves on demand: real HTTP, as much of the OpenAI and Anthropic APIs as a client needs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from tests.providers.dialects import Dialect, dialect_of

KEY = "right-key"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A proper answer; an empty one has neither text nor calls."""

    text: str = ""
    calls: tuple[tuple[str, dict], ...] = ()
    stop: str = ""
    """The dialect's own word for why it stopped. Default: what fits the answer."""
    cut_after: int | None = None
    """Close the connection after so many events of a stream."""


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """An HTTP error, in the dialect's shape."""

    status: int
    kind: str = "error"
    message: str = "scripted refusal"
    headers: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Body:
    """200 with this body, whatever it is."""

    body: bytes
    content_type: str = "application/json"


class Hang:
    """Accept the request and say nothing until the test is over."""


class Drop:
    """Close the connection without a word."""


@dataclass
class Received:
    """One request as it arrived."""

    path: str
    headers: dict
    body: dict


class Provider:
    """The server: plays its script, one behaviour a request, the last one for ever."""

    def __init__(self) -> None:
        self.script: list[object] = [Answer(text="hello")]
        self.received: list[Received] = []
        self.over = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"provider": self}))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next(self) -> object:
        """The behaviour of this request."""
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    @contextmanager
    def serving(self) -> Iterator["Provider"]:
        """Serve from a thread for as long as the block lasts."""
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """Plays one behaviour a request."""

    protocol_version = "HTTP/1.1"
    provider: Provider

    def do_POST(self) -> None:
        """Note the request and answer it."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.provider.received.append(Received(self.path, headers, asked))
        behaviour, dialect = self.provider.next(), dialect_of(self.path)
        if dialect.key(headers) != KEY:
            behaviour = Refuse(status=401, kind=dialect.wrong_key)
        self._play(behaviour, dialect, asked)

    def _play(self, behaviour: object, dialect: Dialect, asked: dict) -> None:
        match behaviour:
            case Answer() if asked.get("stream"):
                self._stream(dialect.events(behaviour, asked), behaviour.cut_after)
            case Answer():
                self._send(200, json.dumps(dialect.message(behaviour, asked)).encode())
            case Refuse():
                self._send(behaviour.status, json.dumps(dialect.error(behaviour)).encode(), behaviour.headers)
            case Body():
                self._send(200, behaviour.body, {"content-type": behaviour.content_type})
            case Hang():
                self.provider.over.wait()
                self.close_connection = True
            case _:
                self.close_connection = True

    def _send(self, status: int, body: bytes, headers: dict | None = None) -> None:
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: list[bytes], cut_after: int | None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events[:cut_after]:
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        if cut_after is None:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""
