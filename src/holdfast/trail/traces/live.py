"""Tells the traces of executions worked in this process: after each commit the spans that it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol

import structlog

from holdfast.ports import Clock
from holdfast.trail import events as kinds
from holdfast.trail.redact import Redactor
from holdfast.trail.traces.attributes import Given
from holdfast.trail.traces.chapters import feed
from holdfast.trail.traces.span import Attributes, Moment, Span
from holdfast.trail.traces.weave import Weaver, ns_of
from holdfast.types import Append, Appended, Claimed, Event, Execution

log = structlog.get_logger("holdfast.traces")

TOLD_AGAIN_NS: Final = 10_000_000_000
"""A worker that died may have had its last spans of so long in memory: whoever takes over tells them again. They have
the same ids, so a backend that got them keeps one of each."""
ENDS: Final = frozenset({kinds.PARKED, kinds.COMPLETED, kinds.FAILED, kinds.CANCELLED})
"""Events with which an activation ends."""


class Sink(Protocol):
    """Where spans go."""

    def samples(self, execution_id: str, attributes: Given, /) -> bool:
        """Whether this execution's trace is exported; the same in every worker."""
        ...

    def emit(self, trace_id: int, spans: Sequence[Span]) -> None:
        """Take finished spans, at once and without waiting for anybody."""
        ...

    def attach(self, trace_id: int, span_id: int, *, sampled: bool) -> object:
        """Make a span the current one, for instrumentation in what runs now."""
        ...

    def detach(self, token: object) -> None:
        """Make the one before it the current one."""
        ...

    def close(self, timeout_s: float, /) -> None:
        """Send what is left, for so long at most."""
        ...


class Tracing:
    """One process's traces.

    Args:
        sink: Where spans go.
        clock: Time, as the journal has it.
        redactor: What takes secrets out of captured content once more.
        content: Whether spans carry what was said.
    """

    def __init__(self, sink: Sink, *, clock: Clock, redactor: Redactor, content: bool) -> None:
        self._sink, self._clock, self._redactor, self._content = sink, clock, redactor, content
        self._live: dict[str, _Told] = {}

    def around(self, activate: Callable[[Claimed], Awaitable[None]]) -> Callable[[Claimed], Awaitable[None]]:
        """Activations whose execution's trace goes on where it stopped."""

        async def traced(claimed: Claimed) -> None:
            self._begin(claimed)
            await activate(claimed)

        return traced

    def appended(self, append: Append, appended: Appended) -> None:
        """A step of an execution is durable."""
        told = self._live.get(append.execution_id)
        if told is None:
            return
        at_ns, seq = ns_of(appended.at), appended.seq - len(append.events)
        try:
            for number, event in enumerate(append.events, seq + 1):
                feed(told.weaver, number, event.kind, event.data, at_ns)
            self._emit(told)
        except Exception:  # a trace is never worth an execution
            log.exception("trace_broken_off", execution=append.execution_id)
            self._live.pop(append.execution_id, None)

    @contextmanager
    def during(self, execution_id: str, call_id: str | None) -> Generator[None]:
        """While a model (`None`) or a call is asked: its span is the current one, in logs too."""
        told = self._live.get(execution_id)
        under_way = told and (told.weaver.model if call_id is None else told.weaver.running.get(call_id))
        if told is None or under_way is None:
            yield
            return
        weaver = told.weaver
        token = self._sink.attach(weaver.trace_id, under_way.span_id, sampled=told.sampled)
        under_way.start_ns, under_way.measured = ns_of(self._clock.now()), True
        logged = structlog.contextvars.bind_contextvars(span_id=f"{under_way.span_id:016x}")
        try:
            yield
        finally:
            under_way.end_ns = ns_of(self._clock.now())
            structlog.contextvars.reset_contextvars(**logged)
            self._sink.detach(token)

    def tell_end(self, execution: Execution, events: Sequence[Event]) -> None:
        """An execution ended without a worker: somebody cancelled it while it waited."""
        told = self._told(execution)
        self._catch_up(told, events[:-1], events[-1:])

    def close(self, timeout_s: float) -> None:
        """Send what is left, for so long at most."""
        self._sink.close(timeout_s)

    # --- executions under way

    def _begin(self, claimed: Claimed) -> None:
        execution_id = claimed.execution.id
        try:
            told = self._told(claimed.execution)
            self._catch_up(told, claimed.events, ())
        except Exception:
            log.exception("trace_broken_off", execution=execution_id)
            return
        self._live[execution_id] = told
        if task := asyncio.current_task():  # the engine's: it gives back what broke before it ends
            task.add_done_callback(lambda _: self._forget(execution_id, told))

    def _forget(self, execution_id: str, told: "_Told") -> None:
        if self._live.get(execution_id) is told:
            del self._live[execution_id]

    def _told(self, execution: Execution) -> "_Told":
        weaver = Weaver(execution, content=self._content)
        return _Told(weaver, sampled=self._sink.samples(execution.id, weaver.named()))

    def _catch_up(self, told: "_Told", events: Sequence[Event], ends: Sequence[Event]) -> None:
        """Tell what nobody could tell: waits that ended, and what a dead worker left."""
        told_until = _told_until(events)
        lost_from_ns = _lost_from(events[told_until:])
        for event in (*events, *ends):
            told.weaver.muted = event.seq <= told_until or not told.sampled
            feed(told.weaver, event.seq, event.kind, event.data, ns_of(event.at))
        told.weaver.muted = not told.sampled
        self._emit(told, since_ns=lost_from_ns)

    def _emit(self, told: "_Told", *, since_ns: int = 0) -> None:
        spans = told.weaver.take()
        if not spans:
            return
        if since_ns:
            spans = [span for span in spans if span.end_ns >= since_ns]
        if self._content:
            spans = [self._clean(span) for span in spans]
        self._sink.emit(told.weaver.trace_id, spans)

    def _clean(self, span: Span) -> Span:
        moments = [Moment(it.name, it.at_ns, self._redacted(it.attributes)) for it in span.moments]
        detail = self._redactor.text(span.detail) if span.detail else None
        return replace(span, attributes=self._redacted(span.attributes), moments=moments, detail=detail)

    def _redacted(self, attributes: Attributes) -> Attributes:
        text = self._redactor.text
        return {name: text(value) if isinstance(value, str) else value for name, value in attributes.items()}


class _Told:
    """An execution's trace, as far as it was told."""

    __slots__ = ("sampled", "weaver")

    def __init__(self, weaver: Weaver, *, sampled: bool) -> None:
        self.weaver, self.sampled = weaver, sampled


def _told_until(events: Sequence[Event]) -> int:
    """The last event up to which a worker told everything: the end of the newest activation that had one."""
    return next((event.seq for event in reversed(events) if event.kind in ENDS), 0)


def _lost_from(untold: Sequence[Event]) -> int:
    """From when on the spans of an activation without an end are told again; 0: there is no such activation."""
    claims = [index for index, event in enumerate(untold) if event.kind == kinds.CLAIMED]
    if len(claims) < 2:
        return 0
    return ns_of(untold[claims[-1] - 1].at) - TOLD_AGAIN_NS
