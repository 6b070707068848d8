"""Whether this process tells traces, and to whom: as configured, as OpenTelemetry's variables or the program say."""

import os
import sys
from typing import Final

import structlog

from holdfast.config import TelemetrySettings
from holdfast.errors import MissingExtra
from holdfast.ports import Clock
from holdfast.trail.redact import Redactor
from holdfast.trail.traces.live import Sink, Tracing

log = structlog.get_logger("holdfast.traces")

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def open_tracing(settings: TelemetrySettings, *, clock: Clock, redactor: Redactor) -> Tracing | None:
    """This process's traces; `None`: nobody wants any.

    Raises:
        MissingExtra: They are configured in `[telemetry]`, and the SDK is not installed.
    """
    if not settings.enabled or _disabled():
        return None
    sink = _own_set_up() or _otlp(settings)
    if sink is None:
        return None
    return Tracing(sink, clock=clock, redactor=redactor, content=settings.capture_content)


def _disabled() -> bool:
    of = os.environ.get
    return of("OTEL_SDK_DISABLED", "").strip().lower() == "true" or of("OTEL_TRACES_EXPORTER", "").strip() == "none"


def _own_set_up() -> Sink | None:
    """The provider that the program has set up for itself. One that did has loaded the SDK."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return None
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
    from opentelemetry.trace import get_tracer_provider  # noqa: PLC0415

    from holdfast.trail.traces.otel import through  # noqa: PLC0415

    provider = get_tracer_provider()
    return through(provider) if isinstance(provider, TracerProvider) else None


def _named() -> bool:
    of = os.environ.get
    return bool(of("OTEL_SERVICE_NAME")) or "service.name=" in of("OTEL_RESOURCE_ATTRIBUTES", "")


def _otlp(settings: TelemetrySettings) -> Sink | None:
    url = settings.traces_url
    if url is None and not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from holdfast.trail.traces.otel import over_otlp  # noqa: PLC0415 - an extra
    except ImportError as error:
        if url is not None:
            raise MissingExtra("telemetry", needed_for="[telemetry] otlp_endpoint") from error
        # The variable may stand there for other programs: it is no reason not to work.
        log.warning("traces_not_sent", error="OTEL_EXPORTER_OTLP_ENDPOINT is set: pip install 'holdfast[telemetry]'")
        return None
    return over_otlp(
        endpoint=url,
        headers=settings.plain_headers,
        service_name=settings.service_name or (None if _named() else "holdfast"),
        ratio=settings.sample_ratio,
    )
