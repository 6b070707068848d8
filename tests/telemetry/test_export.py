"""A backend that is down costs nothing, blocks nothing, and is mentioned once."""

import socket
import time
from collections.abc import Sequence
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from holdfast import Call, Say
from holdfast.testing import FakeClock
from holdfast.trail.traces.export import LONGEST_PAUSE_S, PAUSE_S, SAY_AGAIN_S, QuietExporter
from holdfast.trail.traces.otel import over_otlp
from tests.telemetry.desk import ask, clerk, of, traced
from tests.telemetry.receiver import Receiver, receiving

SPAN = ReadableSpan("one")


class Backend(SpanExporter):
    """Counts what it is asked, and answers as told."""

    def __init__(self) -> None:
        self.asked, self.well = 0, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked += 1
        return SpanExportResult.SUCCESS if self.well else SpanExportResult.FAILURE


class Outage:
    """An exporter in front of a backend that is down, a clock, and what was logged."""

    def __init__(self) -> None:
        self.backend, self.clock = Backend(), FakeClock()
        self.exporter = QuietExporter(self.backend, where="here", monotonic=self.clock.monotonic)

    def lasting(self, seconds: float, every_s: float = 1.0) -> list[Any]:
        with structlog.testing.capture_logs() as logs:
            for _ in range(int(seconds / every_s)):
                self.exporter.export([SPAN])
                self.clock.advance(every_s)
        return [line["event"] for line in logs]


def test_an_outage_is_mentioned_once():
    """One warning when it begins, and one in ten minutes while it lasts."""
    outage = Outage()
    assert outage.lasting(SAY_AGAIN_S) == ["traces_not_sent"]
    assert outage.lasting(SAY_AGAIN_S) == ["traces_not_sent"]


def test_a_backend_that_is_down_is_asked_less_and_less():
    """After 5, 10, 20 and 40 seconds, then once a minute; what comes in between is dropped at once."""
    outage = Outage()
    outage.lasting(PAUSE_S * 15)
    assert outage.backend.asked == 4
    outage.lasting(LONGEST_PAUSE_S * 10)
    assert outage.backend.asked == 14


def test_a_backend_that_comes_back_is_mentioned_and_used():
    """With how many spans it missed."""
    outage = Outage()
    outage.lasting(3)
    outage.backend.well = True
    with structlog.testing.capture_logs() as logs:
        outage.clock.advance(PAUSE_S)
        outage.exporter.export([SPAN])
        outage.exporter.export([SPAN])
    assert [(line["event"], line["dropped"]) for line in logs] == [("traces_sent_again", 3)]


def test_a_queue_that_overflows_is_mentioned_once():
    """Executions may end faster than spans are sent; the rest is dropped, and said so."""
    outage = Outage()
    with structlog.testing.capture_logs() as logs:
        for _ in range(100):
            outage.exporter.overrun()
    assert [line["event"] for line in logs] == ["traces_overrun"]


def test_a_refusing_backend_costs_nothing(sqlite_database: str):
    """The execution completes, the app closes at once, and one line says that traces are lost."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    app = traced(sqlite_database, clerk([Call("look", {"order": "7"}), Say("So.")]), otlp_endpoint=url)
    began = time.monotonic()
    with structlog.testing.capture_logs() as logs:
        execution = ask(app)
    assert (execution.status, time.monotonic() - began < 5) == ("completed", True)
    assert [line["event"] for line in about_traces(logs)] == ["traces_not_sent"]


def test_a_backend_that_never_answers_delays_the_end_by_two_seconds_at_most(sqlite_database: str):
    """Nor does it slow the execution down: spans are sent from a thread of their own."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        sink = over_otlp(endpoint=f"{url}/v1/traces", headers=None, service_name=None, ratio=1)
        sink._on_end(SPAN_OF_A_TRACE)
        began = time.monotonic()
        sink.close(0.3)
        assert time.monotonic() - began < 2


def test_a_key_goes_along_and_a_refused_one_is_said(sqlite_database: str, receiver: Receiver):
    """Configured headers are sent; a backend that says 401 is named with its answer."""
    headers = {"x-api-key": "s3cret"}
    agent = clerk([Say("So.")])
    execution = ask(traced(sqlite_database, agent, otlp_endpoint=receiver.url, headers=headers))
    assert of(receiver, execution)
    assert receiver.headers[-1]["x-api-key"] == "s3cret"
    with receiving() as strict, structlog.testing.capture_logs() as logs:
        strict.status = 401
        ask(traced(sqlite_database, agent, otlp_endpoint=strict.url))
    assert [("401" in line["error"], "s3cret" in repr(line)) for line in about_traces(logs)] == [(True, False)]


def about_traces(logs: Sequence[Any]) -> list[Any]:
    return [line for line in logs if line["event"].startswith("traces")]


def _span_of_a_trace() -> ReadableSpan:
    from opentelemetry.trace import SpanContext, TraceFlags

    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    return ReadableSpan("one", context=context, attributes={}, start_time=1, end_time=2)


SPAN_OF_A_TRACE = _span_of_a_trace()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test does not wait for a batch to fill."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
