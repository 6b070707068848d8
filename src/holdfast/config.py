"""What can be configured: from the environment, from `holdfast.toml`, else by default; and how logs are written."""

import base64
import difflib
import logging
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import structlog
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
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
from holdfast.types import Price

PREFIX = "HOLDFAST_"
FILE = "holdfast.toml"


def _listed(value: object) -> object:
    """A comma-separated text from the environment as a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _web(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("give the whole address, beginning with https://")
    return url.rstrip("/")


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < 32:
        raise ValueError(
            "too short to be safe: make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return key


def _webhook_secret(key: SecretStr) -> SecretStr:
    try:
        size = len(base64.b64decode(key.get_secret_value().removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if not 24 <= size <= 64:
        raise ValueError(
            "give whsec_ and 24 to 64 bytes in base64: make one with python -c"
            " 'import base64, secrets; print(\"whsec_\" + base64.b64encode(secrets.token_bytes(32)).decode())'"
        )
    return key


Url = Annotated[str, AfterValidator(_web)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Id = Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]


class _Section(BaseModel):
    """A table of `holdfast.toml`; in the environment `HOLDFAST_<TABLE>__<KEY>`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SlackSettings(_Section):
    """`[slack]`: a Slack app whose bot is in `channel`."""

    token: SecretStr
    """The bot's token (`xoxb-...`), with the scope `chat:write`; with `channels:history` (`groups:history` for a
    private channel) also, a message whose fate is unknown is looked for before it is sent again."""
    signing_secret: SecretStr
    """By which answers are known to come from Slack."""
    channel: Id
    """The channel's id (`C...`)."""
    base_url: Url = "https://slack.com/api"


class TelegramSettings(_Section):
    """`[telegram]`: a bot that is in `chat`."""

    token: SecretStr
    """The bot's token, from BotFather."""
    secret_token: Annotated[SecretStr, AfterValidator(_long_enough)]
    """The `secret_token` that was given to `setWebhook`: by it answers are known to come from Telegram."""
    chat: Id
    """The chat's id, or `@name` of a public one."""
    base_url: Url = "https://api.telegram.org"


class EmailSettings(_Section):
    """`[email]`: a mail server, for people with an e-mail address."""

    host: str
    sender: str
    port: int = Field(default=587, ge=1, le=65_535)
    user: str | None = None
    password: SecretStr | None = None
    starttls: bool = True
    """Encrypt before anything is said; the server has to know how."""
    tls: bool = False
    """Encrypt from the first byte (usually port 465), instead of `starttls`."""
    to: Words = ()
    """Addresses that get every question and alert, without links to answer by: those are for one person each."""


class WebhookSettings(_Section):
    """`[webhook]`: a program of yours that is told, and may answer."""

    url: Url
    secret: Annotated[SecretStr, AfterValidator(_webhook_secret)]
    """For Standard Webhooks signatures, out and in: `whsec_` and base64, of 24 to 64 bytes."""


class PersonSettings(_Section):
    """`[people.NAME]`: somebody who may answer, and by what they are known."""

    groups: Words = ()
    slack: Id | None = None
    """The member's id (`U...`)."""
    telegram: Id | None = None
    """The user's id, a number."""
    email: str | None = None


class PriceSettings(_Section):
    """`[prices."provider:model"]`: US dollars for a million tokens, where the price list does not know them."""

    input_usd_per_mtok: Decimal = Field(ge=0)
    output_usd_per_mtok: Decimal = Field(ge=0)
    cache_read_usd_per_mtok: Decimal | None = Field(default=None, ge=0)
    cache_write_usd_per_mtok: Decimal | None = Field(default=None, ge=0)


PersonName = Annotated[str, StringConstraints(pattern=r"^[\w][\w .'-]*$", max_length=64)]


class Settings(BaseSettings):
    """Everything that can be configured.

    The environment (`HOLDFAST_LEASE_S`) wins over the file, the file over the defaults. The file is `holdfast.toml` in
    the working directory, or the one that `HOLDFAST_CONFIG` names. Make one with `Settings.load`, whose errors say what
    to change.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        # A traceback is printed where nobody redacts.
        hide_input_in_errors=True,
    )

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
    public_url: Url | None = None
    """Where people reach the console, for links in messages."""
    link_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """Signs the links in mails; another one makes all earlier links worthless."""
    slack: SlackSettings | None = None
    telegram: TelegramSettings | None = None
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    people: dict[PersonName, PersonSettings] = Field(default_factory=dict[str, PersonSettings])
    """Who may answer, by name."""
    prices: dict[str, PriceSettings] = Field(default_factory=dict[str, PriceSettings])
    """What models cost, by `provider:model` or model; an agent's own prices win."""

    @property
    def price_list(self) -> Mapping[str, Price]:
        """The configured prices."""
        return {name: Price(**given.model_dump()) for name, given in self.prices.items()}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.email and not (self.public_url and self.link_key):
            raise ValueError("[email] sends links to answer by: set public_url and link_key too")
        for channel in ("slack", "telegram", "email"):
            _refuse_shared(self.people, channel)
        return self

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


def _nearest(key: str, table: Sequence[str] = ()) -> str:
    names = list(_section(table))
    near = difflib.get_close_matches(key.lower().replace("-", "_"), names, n=1)
    return f"did you mean {'.'.join([*table, near[0]])!r}?" if near else f"there are: {', '.join(names)}"


def _refuse_shared(people: Mapping[str, PersonSettings], channel: str) -> None:
    """One identity is one person: an answer has to say who gave it."""
    owners: dict[str, str] = {}
    for name, person in people.items():
        identity = str(getattr(person, channel) or "").lower()
        if identity and owners.setdefault(identity, name) != name:
            raise ValueError(f"people.{owners[identity]} and people.{name} have the same {channel}: {identity}")


def _explained(problem: Any) -> str:
    path = [str(part) for part in problem["loc"] if part != "[key]"]
    where = ".".join(path)
    if problem["type"] == "extra_forbidden":
        return f"there is no setting {where!r}; {_nearest(path[-1], path[:-1])}"
    if not path:
        return str(problem["msg"]).removeprefix("Value error, ")
    known = f"{PREFIX}{'__'.join(path).upper()} or {FILE}"
    if problem["type"] == "missing":
        return f"{where} is missing: set it ({known})"
    told = f"{where}{_shown(path, problem['input'])} ({known}): {str(problem['msg']).removeprefix('Value error, ')}"
    default = Settings.model_fields[path[0]].default if path[0] in Settings.model_fields else None
    return f"{told}; the default is {default!r}" if default else told


def _shown(path: Sequence[str], given: object) -> str:
    """A refused value, unless there may be a secret in it."""
    if path[0] in _SECTIONS:
        field = _section(path[:-1]).get(path[-1]) if len(path) > 1 else None
        if field is None or "SecretStr" in str(field.annotation):
            return ""
    return "" if path == ["link_key"] else f" = {given!r}"


def _section(path: Sequence[str]) -> Mapping[str, FieldInfo]:
    """The settings of a table."""
    if not path:
        return Settings.model_fields
    if path[0] in {"people", "prices"}:
        return (PersonSettings if path[0] == "people" else PriceSettings).model_fields
    return _SECTIONS[path[0]].model_fields if path[0] in _SECTIONS else {}


_SECTIONS: Final[Mapping[str, type[BaseModel]]] = {
    "slack": SlackSettings,
    "telegram": TelegramSettings,
    "email": EmailSettings,
    "webhook": WebhookSettings,
}


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
