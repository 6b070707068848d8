"""How the HTTP door behaves, as `holdfast serve` and `holdfast dev` set it."""

from dataclasses import dataclass

MEBIBYTE = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """All of it; a program that mounts an `App` gets the defaults."""

    hosts: tuple[str, ...] = ()
    """Host names that requests may be for, beside loopback names and that of `public_url`: others are refused, so that
    no foreign name can be pointed at this server. Empty: no others."""
    largest_bytes: int = MEBIBYTE
    """Of a request's body."""
    body_s: float = 30
    """Seconds that a body may take to arrive."""
    requests_per_minute: int = 6_000
    """Of one key or session."""
    streams_per_caller: int = 50
    """Open event streams of one key or session."""
    streams: int = 2_000
    """Open event streams in all."""
    metrics_open: bool = False
    """Whether /metrics answers without a key."""
    console: bool = True
    """Whether the console's pages are served."""
