"""Spans as OpenTelemetry's SDK knows them: handed to the program's own provider, or sent over OTLP."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from holdfast.trail.traces import span as ours
from holdfast.trail.traces.attributes import Given
from holdfast.trail.traces.export import QuietExporter, silently
from holdfast.trail.traces.ids import is_sampled, uniform_id
from holdfast.version import __version__

NAME: Final = "holdfast"
_SAMPLED, _NOT_SAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)
_LAST_WORD_S: Final = 0.2
"""An export that was given up says within this time that it was."""
_FINE: Final = Status(StatusCode.UNSET)


class OtelSink:
    """Where spans go. Made by `over_otlp` or `through`.

    Args:
        on_end: Takes a finished span without waiting.
        resource: Whose spans they are.
        samples: Whether an execution's trace is exported, by its id and the attributes of its root.
        close: Sends what is left, for so many seconds at most.
    """

    def __init__(
        self,
        on_end: Callable[[sdk.ReadableSpan], None],
        *,
        resource: Resource,
        samples: Callable[[str, Given], bool],
        close: Callable[[float], None],
    ) -> None:
        self.samples, self.close = samples, close
        self._on_end, self._resource = on_end, resource
        self._scope = InstrumentationScope(NAME, __version__)

    def emit(self, trace_id: int, spans: Sequence[ours.Span]) -> None:
        """Hand over finished spans."""
        for span in spans:
            self._on_end(self._readable(trace_id, span))

    def attach(self, trace_id: int, span_id: int, *, sampled: bool) -> object:
        """Make a span the current one in this task."""
        current = NonRecordingSpan(_context(trace_id, span_id, sampled=sampled))
        return otel_context.attach(otel.set_span_in_context(current))

    def detach(self, token: object) -> None:
        """Make the one before it the current one."""
        otel_context.detach(token)  # pyright: ignore[reportArgumentType] - what attach gave

    def _readable(self, trace_id: int, span: ours.Span) -> sdk.ReadableSpan:
        return sdk.ReadableSpan(
            name=span.name,
            context=_context(trace_id, span.span_id),
            parent=None if span.parent_id is None else _context(trace_id, span.parent_id),
            resource=self._resource,
            attributes=span.attributes,
            events=[sdk.Event(it.name, it.attributes, it.at_ns) for it in span.moments],
            links=[
                otel.Link(_context(link.trace_id, link.span_id), {"holdfast.link": link.why}) for link in span.links
            ],
            kind=SpanKind.CLIENT if span.client else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.detail or span.error) if span.error else _FINE,
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )


def over_otlp(
    *, endpoint: str | None, headers: Mapping[str, str] | None, service_name: str | None, ratio: float
) -> OtelSink:
    """Send spans to an OTLP receiver, in batches, from a thread of its own.

    Args:
        endpoint: The whole address. `None`: as OpenTelemetry's variables say.
        headers: To send along, instead of what the variables say. `None`: theirs.
        service_name: Whose spans they are. `None`: as the variables say.
        ratio: The share of executions whose trace is exported.
    """
    exporter = QuietExporter.over_http(endpoint, headers)
    processor = BatchSpanProcessor(exporter)

    def close(timeout_s: float) -> None:
        exporter.hurry(timeout_s)
        # The SDK waits for up to 30 s; its thread and this one are daemons, so nobody waits longer than this.
        closing = threading.Thread(target=silently(processor.shutdown), name="holdfast-traces-close", daemon=True)
        closing.start()
        until = time.monotonic() + timeout_s
        while closing.is_alive() and time.monotonic() < until and not exporter.struggling:
            closing.join(0.02)
        exporter.shutdown()  # what is being sent is given up
        closing.join(_LAST_WORD_S)

    return OtelSink(
        silently(processor.on_end, exporter.overrun),
        resource=Resource.create({"service.name": service_name} if service_name else None),
        samples=lambda execution_id, _: is_sampled(execution_id, ratio),
        close=close,
    )


def through(provider: sdk.TracerProvider) -> OtelSink | None:
    """Hand spans to the provider that the program has set up, with its resource, sampler and processors.

    Returns:
        `None` where the provider does not want spans of this library.
    """
    tracer = provider.get_tracer(NAME, __version__)
    if not isinstance(tracer, sdk.Tracer):
        return None

    def samples(execution_id: str, attributes: Given) -> bool:
        name = f"invoke_agent {attributes['gen_ai.agent.name']}"
        # Ratio samplers take a trace id for a random number, which a UUIDv7 is not.
        asked = tracer.sampler.should_sample(Context(), uniform_id(execution_id), name, attributes=attributes)
        return asked.decision is Decision.RECORD_AND_SAMPLE

    return OtelSink(
        tracer.span_processor.on_end,
        resource=tracer.resource,
        samples=samples,
        close=lambda _timeout_s: None,  # who made it closes it
    )


def _context(trace_id: int, span_id: int, *, sampled: bool = True) -> SpanContext:
    flags = _SAMPLED if sampled else _NOT_SAMPLED
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags)
