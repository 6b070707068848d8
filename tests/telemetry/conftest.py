"""One OTLP receiver for a file of tests."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.conftest import missing

try:
    import opentelemetry.exporter.otlp.proto.http
    import opentelemetry.sdk.trace  # noqa: F401
except ImportError:
    missing("holdfast[telemetry]")

from tests.telemetry import desk
from tests.telemetry.receiver import Receiver, receiving


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A real OTLP receiver."""
    with receiving() as found:
        yield found


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Each test begins without a configuration of logs, and leaves that of others as it was."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    if before:
        structlog.configure(**before)
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if handler.get_name() == "holdfast"]:
        root.removeHandler(handler)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own telemetry."""
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "HEADERS", "TIMEOUT"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    desk.seen.clear()
