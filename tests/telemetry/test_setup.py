"""Who decides whether there are traces, and where they go."""

import sys
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from holdfast import Call, Say, tool
from holdfast.config import Settings, TelemetrySettings
from holdfast.engine.clock import SystemClock, new_id
from holdfast.errors import MissingExtra, UsageError
from holdfast.trail.redact import DEFAULT
from holdfast.trail.traces.ids import is_sampled, trace_id_of
from holdfast.trail.traces.live import Tracing
from holdfast.trail.traces.otel import through
from holdfast.trail.traces.setup import open_tracing
from tests.telemetry.desk import ask, clerk, of, play, traced
from tests.telemetry.receiver import Receiver


def opened(**telemetry: object) -> Tracing | None:
    settings = TelemetrySettings.model_validate(telemetry)
    found = open_tracing(settings, clock=SystemClock(), redactor=DEFAULT)
    if found:
        found.close(0)
    return found


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """A tracer provider that the program has set up for itself."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(otel, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


@tool(effect="read")
def charge() -> str:
    """Charge a card, traced by the shop's own instrumentation."""
    with otel.get_tracer("shop").start_as_current_span("POST /charges"):
        return "charged"


def test_nothing_is_told_by_default():
    """Without configuration and variables there are no traces, and the SDK is not needed."""
    assert opened() is None


def test_opentelemetry_s_own_variables_count(sqlite_database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    """A deployment that sets them for all its programs has Holdfast's traces too."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=till,deployment.environment.name=test")
    execution = ask(traced(sqlite_database, clerk([Say("So.")])))
    resource = of(receiver, execution)[0].resource
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("till", "test")
    assert receiver.headers[-1]["x-team"] == "blue"


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("", "")]
)
def test_traces_can_be_switched_off(variable: str, value: str, monkeypatch: pytest.MonkeyPatch):
    """By OpenTelemetry's variables or by `enabled = false`, whatever else is configured."""
    if variable:
        monkeypatch.setenv(variable, value)
    assert opened(enabled=bool(variable), otlp_endpoint="http://localhost:4318") is None


def test_a_configured_receiver_needs_the_extra(monkeypatch: pytest.MonkeyPatch):
    """Whoever configures traces without the SDK is told what to install."""
    without_sdk(monkeypatch)
    with pytest.raises(MissingExtra, match=r"pip install 'holdfast\[telemetry\]'"):
        opened(otlp_endpoint="http://localhost:4318")


def test_a_variable_for_other_programs_is_no_reason_not_to_work(monkeypatch: pytest.MonkeyPatch):
    """Without the SDK it is a warning that names the fix."""
    without_sdk(monkeypatch)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
    with structlog.testing.capture_logs() as logs:
        assert opened() is None
    assert [(line["event"], "holdfast[telemetry]" in line["error"]) for line in logs] == [("traces_not_sent", True)]


def without_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holdfast.trail.traces.otel", None)
    monkeypatch.delitem(sys.modules, "opentelemetry.sdk.trace", raising=False)


def test_the_program_s_own_provider_gets_the_spans(sqlite_database: str, own: InMemorySpanExporter):
    """Holdfast makes no provider of its own then, and the program's spans are in the same trace."""
    execution = ask(traced(sqlite_database, clerk([Call("charge", {}), Say("So.")], tools=[charge])))
    spans = {span.name: span for span in own.get_finished_spans()}
    assert {span.context.trace_id for span in spans.values()} == {trace_id_of(execution.id)}
    outer, inner = spans["execute_tool charge"], spans["POST /charges"]
    assert (inner.parent.span_id, spans["invoke_agent clerk"].parent) == (outer.context.span_id, None)
    assert outer.start_time <= inner.start_time <= inner.end_time <= outer.end_time


class Broken(SpanProcessor):
    """A processor of the program's own that has a mistake in it."""

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError(span.name)


def test_a_trace_is_never_worth_an_execution(sqlite_database: str, own: InMemorySpanExporter):
    """Whatever tracing raises, the work goes on, and the log says that the trace does not."""
    otel.get_tracer_provider().add_span_processor(Broken())
    with structlog.testing.capture_logs() as logs:
        execution = ask(traced(sqlite_database, clerk([Call("look", {"order": "7"}), Say("So.")])))
    assert (execution.status, own.get_finished_spans() != ()) == ("completed", True)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["trace_broken_off"]


def test_what_is_cancelled_stays_so_without_the_sdk(sqlite_database: str, monkeypatch: pytest.MonkeyPatch):
    """A cancel succeeds where the trace of it cannot be told."""
    execution = ask(traced(sqlite_database, clerk([Call("send", {"to": "bob"})]), enabled=False))
    without_sdk(monkeypatch)
    app = traced(sqlite_database, clerk([]), otlp_endpoint="http://localhost:4318")
    assert play(app, lambda app: app.cancel(execution.id)).status == "cancelled"


def test_a_switch_holds_for_the_program_s_own_provider_too(sqlite_database: str, own: InMemorySpanExporter):
    """With `enabled = false` it gets what the program traces, and nothing of ours."""
    ask(traced(sqlite_database, clerk([Call("charge", {}), Say("So.")], tools=[charge]), enabled=False))
    assert [span.name for span in own.get_finished_spans()] == ["POST /charges"]


def test_a_ratio_holds_although_parts_of_an_id_are_fixed():
    """A UUIDv7 is no random number; a share of a third is one all the same."""
    ids = [new_id() for _ in range(3_000)]
    asked = through(TracerProvider(sampler=TraceIdRatioBased(1 / 3)))
    assert asked
    theirs = sum(asked.samples(one, {"gen_ai.agent.name": "clerk"}) for one in ids)
    ours = sum(is_sampled(one, 1 / 3) for one in ids)
    assert (abs(theirs - 1_000) < 150, abs(ours - 1_000) < 150) == (True, True)


def test_ids_of_an_application_s_own_making_have_a_trace_too():
    """One that is no UUID has one by its hash: always the same, and never another's."""
    assert trace_id_of("order-1") == trace_id_of("order-1") != trace_id_of("order-2")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"otlp_endpoint": "localhost:4318"}, "beginning with https://"),
        ({"sample_ratio": 2}, "less than or equal to 1"),
        ({"endpoint": "http://localhost:4318"}, "did you mean 'telemetry.otlp_endpoint'"),
    ],
)
def test_a_setting_that_cannot_work_is_named(given: dict[str, object], said: str):
    """With where it stands and what would work."""
    with pytest.raises(UsageError, match=said):
        Settings.load(telemetry=given)


def test_everything_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    """Headers as JSON, because no shell takes a hyphen in a name."""
    monkeypatch.setenv("HOLDFAST_TELEMETRY__OTLP_ENDPOINT", "http://a:4318")
    monkeypatch.setenv("HOLDFAST_TELEMETRY__HEADERS", '{"x-api-key": "s3cret"}')
    telemetry = Settings.load().telemetry
    assert (telemetry.traces_url, telemetry.plain_headers) == ("http://a:4318/v1/traces", {"x-api-key": "s3cret"})


def test_a_key_for_the_backend_is_never_shown():
    """Not in an error about another setting, and not where settings are printed."""
    settings = TelemetrySettings.model_validate({"headers": {"x-api-key": "s3cret"}})
    assert "s3cret" not in repr(settings)


def test_the_whole_address_may_be_given():
    """With `/v1/traces` at its end it is used as it is."""
    urls = [TelemetrySettings(otlp_endpoint=f"http://a:4318{end}").traces_url for end in ("", "/", "/v1/traces")]
    assert urls == ["http://a:4318/v1/traces"] * 3
