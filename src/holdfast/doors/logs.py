"""Sends logs to stderr, without secrets: stdout belongs to what a command answers."""

from collections.abc import MutableMapping
from typing import Any

from holdfast.config import Settings, configure_logging
from holdfast.trail.redact import Redactor


def write_logs(*, quiet: bool = True) -> None:
    """Set logging up for this command.

    Args:
        quiet: Only warnings, unless a level is configured: the command itself says what happens. Default: true.

    Raises:
        UsageError: The configuration cannot work.
    """
    settings = Settings.load()
    if quiet and "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})
    redactor = Redactor(keys=settings.redact_keys, patterns=settings.redact_patterns)

    def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: redactor.text(value) if isinstance(value, str) else value for key, value in event.items()}

    configure_logging(settings, redact)
