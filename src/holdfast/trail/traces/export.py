"""Sends batches of spans, and makes no noise of a backend that is down: it costs nothing and blocks nothing."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, ParamSpec, Self

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

P = ParamSpec("P")

log = structlog.get_logger("holdfast.traces")

PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0
"""After a failure nothing is sent for so long; doubles up to the second."""
SAY_AGAIN_S: Final = 600.0
"""A backend that stays down is mentioned so often."""
_NOISY: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
    "urllib3.connectionpool",
)


class QuietExporter(SpanExporter):
    """Another exporter, with one warning for an outage and pauses that grow; what comes in a pause is dropped.

    Args:
        exporter: What sends.
        where: For people.
        monotonic: Seconds that never go back. Default: the system's.
    """

    def __init__(self, exporter: SpanExporter, *, where: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._exporter, self._where, self._now = exporter, where, monotonic
        self._pause_s = self._until = 0.0
        self._down_since: float | None = None
        self._said_at = 0.0
        self._dropped = 0
        self._stop_at: float | None = None
        self._overrun_at: float | None = None
        self._sending: _Silence | None = None

    @classmethod
    def over_http(cls, endpoint: str | None, headers: Mapping[str, str] | None) -> "QuietExporter":
        """One for an OTLP receiver; what is `None` is as OpenTelemetry's variables say."""
        otlp = OTLPSpanExporter(endpoint=endpoint, headers=dict(headers) if headers else None)
        return cls(otlp, where=endpoint or "OTEL_EXPORTER_OTLP_ENDPOINT")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch, or drop it."""
        now = self._now()
        if now < self._until or (self._stop_at is not None and now >= self._stop_at):
            self._dropped += len(spans)
            return SpanExportResult.FAILURE
        with _Silence() as self._sending:
            result = self._exporter.export(spans)
        why, self._sending = self._sending.why, None
        if result is SpanExportResult.SUCCESS:
            self._recovered()
        else:
            self._failed(len(spans), why)
        return result

    def overrun(self) -> None:
        """A span found no room: executions end faster than spans are sent. What is down says so itself."""
        self._dropped += 1
        now = self._now()
        if not self.struggling and (self._overrun_at is None or now - self._overrun_at >= SAY_AGAIN_S):
            log.warning("traces_overrun", to=self._where, dropped=self._dropped, fix="raise OTEL_BSP_MAX_QUEUE_SIZE")
            self._overrun_at = now

    @property
    def struggling(self) -> bool:
        """Whether the backend is down, as far as anybody knows at this moment."""
        return self._down_since is not None or (self._sending is not None and self._sending.heard)

    def hurry(self, seconds: float) -> None:
        """Nothing new is sent after so many seconds: the program ends."""
        self._stop_at = self._now() + seconds

    def shutdown(self) -> None:
        """Let go of connections; what is being sent is not tried again."""
        with _Silence():  # the SDK minds being told twice
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return self._exporter.force_flush(timeout_millis)

    def _failed(self, spans: int, why: str) -> None:
        now = self._now()
        self._dropped += spans
        self._pause_s = min(max(2 * self._pause_s, PAUSE_S), LONGEST_PAUSE_S)
        self._until = now + self._pause_s
        given_up = self._stop_at is not None and now > self._stop_at  # the program has gone on without it
        if not given_up and (self._down_since is None or now - self._said_at >= SAY_AGAIN_S):
            log.warning("traces_not_sent", to=self._where, error=why, dropped=self._dropped, next_try_s=self._pause_s)
            self._said_at = now
        self._down_since = self._down_since or now

    def _recovered(self) -> None:
        if self._down_since is not None:
            away_s = round(self._now() - self._down_since, 1)
            log.warning("traces_sent_again", to=self._where, dropped=self._dropped, away_s=away_s)
        self._down_since, self._dropped, self._pause_s = None, 0, 0.0


class _Quiet(threading.local):
    silence: "_Silence | None" = None


_quiet: Final = _Quiet()


class _Silence:
    """While it lasts, in this thread, the SDK's own words are kept and not logged: this module says it once."""

    why = "no reason given"
    """The first of them: later ones only say that nothing helped."""
    heard = False

    def __enter__(self) -> Self:
        self._outer, _quiet.silence = _quiet.silence, self
        return self

    def __exit__(self, *_: object) -> None:
        _quiet.silence = self._outer


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _quiet.silence is None:
            return True
        if not _quiet.silence.heard:
            _quiet.silence.heard, _quiet.silence.why = True, record.getMessage()
        return False


for _name in _NOISY:
    logging.getLogger(_name).filters.insert(0, _Filter())


def silently(function: Callable[P, object], otherwise: Callable[[], None] | None = None) -> Callable[P, None]:
    """The same, without the SDK's own words about a full queue or an end; `otherwise` is called in their place."""

    def silent(*args: P.args, **kwargs: P.kwargs) -> None:
        with _Silence() as silence:
            function(*args, **kwargs)
        if otherwise and silence.heard:
            otherwise()

    return silent
