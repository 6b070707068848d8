"""What can be configured: from the environment, from `holdfast.toml`, else by default; and how logs are written."""

import difflib
import logging
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import structlog
from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from structlog.typing import Processor

from holdfast.errors import UsageError

PREFIX = "HOLDFAST_"
FILE = "holdfast.toml"


def _listed(value: object) -> object:
    """A comma-separated text from the environment as a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything that can be configured.

    The environment (`HOLDFAST_LEASE_S`) wins over the file, the file over the defaults. The file is `holdfast.toml` in
    the working directory, or the one that `HOLDFAST_CONFIG` names. Make one with `Settings.load`, whose errors say what
    to change.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    database: str = ".holdfast/holdfast.db"
    """A file, `sqlite:///file` or `postgresql://...`."""
    lease_s: float = Field(default=10, ge=0.1, le=3_600)
    """Seconds after a worker's death within which its executions are taken over."""
    grace_s: float = Field(default=10, ge=0)
    """Seconds that running activations get when a worker stops."""
    concurrency: int = Field(default=100, ge=1)
    """Activations at once in one worker."""
    approval_expiry_s: float = Field(default=604_800, gt=0)
    """Seconds until an unanswered question counts as no."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    log_json: bool | None = None
    """`None`: JSON unless standard error is a terminal."""
    redact_keys: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Further keys whose values are secret; in the environment separated by commas."""
    redact_patterns: dict[str, str] = Field(default_factory=dict)
    """Further secret patterns by rule name; in the environment as JSON."""
    queue_depth: int = Field(default=10_000, ge=1)
    """Writes that may wait for the database before callers have to wait."""

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """The configuration in force; `overrides` win over everything, `None` among them counts as absent.

        Raises:
            UsageError: A value cannot work, or a key is unknown; the message says where it stands and what would work.
        """
        given: dict[str, Any] = {key: value for key, value in overrides.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise UsageError("\n".join(_explained(problem) for problem in error.errors())) from error
        except SettingsError as error:
            raise UsageError(f"{error}: in the environment, {PREFIX}REDACT_PATTERNS is a JSON object") from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a .env file is not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor are secret files
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _from_file())


def _from_file() -> dict[str, Any]:
    named = os.environ.get(f"{PREFIX}CONFIG")
    path = Path(named or FILE)
    if not path.is_file():
        if named:
            raise UsageError(f"{PREFIX}CONFIG names {named}, and there is no such file")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    for key in values:
        if key not in Settings.model_fields:
            raise UsageError(f"{path}: there is no setting {key!r}; {_nearest(key)}")
    return values


def _nearest(key: str) -> str:
    names = list(Settings.model_fields)
    near = difflib.get_close_matches(key.lower().replace("-", "_"), names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"


def _explained(problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    if problem["type"] == "extra_forbidden":
        return f"there is no setting {name!r}; {_nearest(name)}"
    where = ".".join(str(part) for part in problem["loc"])
    told = f"{where} = {problem['input']!r} ({PREFIX}{name.upper()} or {FILE}): {problem['msg']}"
    default = Settings.model_fields[name].default if name in Settings.model_fields else None
    return f"{told}; the default is {default!r}" if default else told


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


def _adopt_other_logs(processors: Sequence[Processor], level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=processors))
    handler.set_name("holdfast")
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == "holdfast"]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
