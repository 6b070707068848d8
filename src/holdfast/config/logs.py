"""How logs are written: for people on a terminal, else for programs."""

import logging
import sys
from collections.abc import Sequence

import structlog
from structlog.typing import EventDict, Processor

from holdfast.config.settings import Settings


def quieted(settings: Settings) -> Settings:
    """The same, with warnings only unless a level is configured: for programs that say themselves what happens."""
    if "log_level" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"log_level": "warning"})


def configure_logging(settings: Settings, *redacting: Processor) -> None:
    """Write logs to standard error: for people on a terminal, else one JSON object a line.

    Other libraries' logs go the same way, from `warning` up.

    Args:
        settings: `log_level` and `log_json`.
        redacting: Processors that take secrets out, run when everything else has been said.
    """
    terminal = sys.stderr.isatty()
    as_json = settings.log_json if settings.log_json is not None else not terminal
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Exceptions become text first, so that the redacting processors see it.
        structlog.processors.format_exc_info,
        *redacting,
    ]
    if not as_json:
        shared.append(_on_one_line)
    last: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=terminal)
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    _adopt_other_logs([*shared, structlog.stdlib.ProcessorFormatter.remove_processors_meta, last], level)


def _on_one_line(_logger: object, _method: str, record: EventDict) -> EventDict:
    """What happened, with line breaks and what else a terminal obeys made visible; the renderer sees to the values."""
    event = record.get("event")
    if isinstance(event, str) and not event.isprintable():
        record["event"] = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in event)
    return record


def _adopt_other_logs(processors: Sequence[Processor], level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=processors))
    handler.set_name("holdfast")
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == "holdfast"]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
