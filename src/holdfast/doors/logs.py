"""Sends logs to stderr, without secrets: stdout belongs to what a command answers."""

from holdfast.config import Settings, configure_logging, quieted
from holdfast.trail.redact import Redactor, redact_log


def write_logs(settings: Settings | None = None, *, quiet: bool = True) -> None:
    """Set logging up for this command.

    Args:
        settings: What an app declares. Default: environment and `holdfast.toml`.
        quiet: Only warnings, unless a level is configured: the command itself says what happens. Default: true.

    Raises:
        UsageError: The configuration cannot work.
    """
    settings = settings or Settings.load()
    redactor = Redactor(keys=settings.redact_keys, patterns=settings.redact_patterns)
    configure_logging(quieted(settings) if quiet else settings, redact_log(redactor))
