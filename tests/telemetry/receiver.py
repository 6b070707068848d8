"""A real OTLP receiver: an HTTP server that decodes what is posted to `/v1/traces`."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True, slots=True)
class Got:
    """One span as it arrived."""

    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    attributes: dict[str, Any]
    events: Sequence[tuple[str, dict[str, Any]]]
    links: Sequence[tuple[str, str]]
    error: str | None
    kind: str
    resource: dict[str, Any]
    scope: str


@dataclass
class Receiver:
    """What arrived, and how it answers."""

    url: str = ""
    spans: list[Got] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    posts: int = 0

    def named(self, start: str) -> list[Got]:
        return sorted((span for span in self.spans if span.name.startswith(start)), key=lambda span: span.start)

    def one(self, start: str) -> Got:
        (span,) = self.named(start)
        return span

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for of_resource in request.resource_spans:
            resource = attributes(of_resource.resource.attributes)
            for of_scope in of_resource.scope_spans:
                self.spans += [read(span, resource, of_scope.scope.name) for span in of_scope.spans]


def read(span: trace_pb2.Span, resource: dict[str, Any], scope: str) -> Got:
    return Got(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=attributes(span.attributes),
        events=[(event.name, attributes(event.attributes)) for event in span.events],
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        error=span.status.message if span.status.code == trace_pb2.Status.STATUS_CODE_ERROR else None,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        resource=resource,
        scope=scope,
    )


def attributes(given: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in given}


def plain(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, which) if which else None


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.posts += 1
            if found.status == 200 and self.path == "/v1/traces":
                found.headers.append(dict(self.headers.items()))
                found.take(body)
            self.send_response(found.status if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
