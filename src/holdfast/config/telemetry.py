"""The table of `holdfast.toml` that says where traces go."""

from pydantic import Field, SecretStr

from holdfast.config.sections import Section, Url


class TelemetrySettings(Section):
    """`[telemetry]`: OpenTelemetry traces, sent over OTLP and HTTP.

    Where nothing is configured here, OpenTelemetry's own variables count (`OTEL_EXPORTER_OTLP_ENDPOINT` and others),
    and a tracer provider that the program has set up wins over both.
    """

    enabled: bool = True
    """`false`: no traces, whatever else says so."""
    otlp_endpoint: Url | None = None
    """A receiver, e.g. `http://localhost:4318`; spans are posted to `/v1/traces` below it."""
    headers: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    """To send along, e.g. a key. Left out: those of `OTEL_EXPORTER_OTLP_HEADERS`."""
    service_name: str | None = Field(default=None, min_length=1)
    """Whose spans they are. Left out: `OTEL_SERVICE_NAME`, else `holdfast`."""
    sample_ratio: float = Field(default=1, ge=0, le=1)
    """The share of executions that are traced."""
    capture_content: bool = False
    """Whether spans carry what was said: inputs, outputs, arguments, results, errors; redacted as in the journal."""

    @property
    def traces_url(self) -> str | None:
        """The whole address for spans, where one is configured."""
        path = "/v1/traces"
        if self.otlp_endpoint is None or self.otlp_endpoint.endswith(path):
            return self.otlp_endpoint
        return self.otlp_endpoint + path

    @property
    def plain_headers(self) -> dict[str, str] | None:
        """The headers as they are sent, where any are configured."""
        return {name: value.get_secret_value() for name, value in self.headers.items()} or None
