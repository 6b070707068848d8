"""Everything that can be configured: from the environment, from `holdfast.toml`, else by default."""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from holdfast.config.alerts import AlertSettings
from holdfast.config.controls import BreakerSettings, BudgetSettings, RateSettings, ShareSettings
from holdfast.config.hooks import HookName, HookSettings
from holdfast.config.oidc import OidcSettings
from holdfast.config.postgres import PostgresSettings
from holdfast.config.retention import RetentionSettings
from holdfast.config.schedules import ScheduleSettings
from holdfast.config.sections import (
    EmailSettings,
    PersonName,
    PersonSettings,
    PriceSettings,
    SlackSettings,
    TelegramSettings,
    Url,
    WebhookSettings,
    listed,
    long_enough,
    lower,
)
from holdfast.config.telemetry import TelemetrySettings
from holdfast.errors import UsageError
from holdfast.types import Price

PREFIX = "HOLDFAST_"
FILE = "holdfast.toml"


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
    app_version: str = ""
    """Of what is deployed, as your people name it (a tag, a commit): shown with each worker."""
    lease_s: float = Field(default=10, ge=0.1, le=3_600)
    """Seconds after a worker's death within which its executions are taken over."""
    grace_s: float = Field(default=10, ge=0)
    """Seconds that running activations get when a worker stops."""
    concurrency: int = Field(default=100, ge=1)
    """Activations at once in one worker."""
    approval_expiry_s: float = Field(default=604_800, gt=0)
    """Seconds until an unanswered question counts as no."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = "info"
    log_json: bool | None = None
    """`None`: JSON unless standard error is a terminal."""
    redact_keys: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = ()
    """Further keys whose values are secret; in the environment separated by commas."""
    redact_patterns: dict[str, str] = Field(default_factory=dict)
    """Further secret patterns by rule name; in the environment as JSON."""
    queue_depth: int = Field(default=10_000, ge=1)
    """Writes that may wait for the database before callers have to wait."""
    public_url: Url | None = None
    """Where people reach the console, for links in messages."""
    link_key: Annotated[SecretStr, AfterValidator(long_enough)] | None = None
    """Signs the links in mails; another one makes all earlier links worthless."""
    slack: SlackSettings | None = None
    telegram: TelegramSettings | None = None
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    oidc: OidcSettings | None = None
    people: dict[PersonName, PersonSettings] = Field(default_factory=dict[str, PersonSettings])
    """Who may answer, by name."""
    private_webhooks: bool = False
    """Whether clients may have themselves told at loopback and private addresses (A2A push notifications)."""
    allow_self_approval: bool = False
    """Whether somebody may agree to what their own request wants to do."""
    prices: dict[str, PriceSettings] = Field(default_factory=dict[str, PriceSettings])
    """What models cost, by `provider:model` or model; an agent's own prices win."""

    budgets: dict[str, BudgetSettings] = Field(default_factory=dict[str, BudgetSettings])
    """Ceilings for tokens and money, by name."""
    rates: dict[str, RateSettings] = Field(default_factory=dict[str, RateSettings])
    """How fast things may go, by name."""
    shares: dict[str, ShareSettings] = Field(default_factory=dict[str, ShareSettings])
    """Who gets how much of the workers, by name."""
    schedules: dict[str, ScheduleSettings] = Field(default_factory=dict[str, ScheduleSettings])
    """What is asked when its time comes, by name."""
    hooks: dict[HookName, HookSettings] = Field(default_factory=dict[str, HookSettings])
    """Webhooks that start executions, by name."""
    breakers: BreakerSettings = Field(default_factory=BreakerSettings)
    """When circuit breakers open."""
    alerts: dict[str, AlertSettings] = Field(default_factory=dict[str, AlertSettings])
    """What people want to hear of, by name."""
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    """How long the record stays."""
    postgres: PostgresSettings = Field(default_factory=PostgresSettings)
    """How a PostgreSQL server is connected to."""
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    """Where traces go."""

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


def configuration_file() -> Path:
    """Where the configuration is, if there is one."""
    return Path(os.environ.get(f"{PREFIX}CONFIG") or FILE)


def _from_file() -> dict[str, Any]:
    named = os.environ.get(f"{PREFIX}CONFIG")
    path = configuration_file()
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
    default = Settings.model_fields[path[0]].default if path[0] in Settings.model_fields and len(path) == 1 else None
    return f"{told}; the default is {default!r}" if default else told


def _shown(path: Sequence[str], given: object) -> str:
    """A refused value, unless there may be a secret in it."""
    if path[0] in _SECTIONS:
        field = _section(path[:-1]).get(path[-1]) if len(path) > 1 else None
        if field is None or "SecretStr" in str(field.annotation):
            return ""
    return "" if path == ["link_key"] or path[0] == "hooks" else f" = {given!r}"


def _section(path: Sequence[str]) -> Mapping[str, FieldInfo]:
    """The settings of a table."""
    if not path:
        return Settings.model_fields
    if path[0] in _NAMED:
        return _NAMED[path[0]].model_fields
    return _SECTIONS[path[0]].model_fields if path[0] in _SECTIONS else {}


_SECTIONS: Final[Mapping[str, type[BaseModel]]] = {
    "slack": SlackSettings,
    "telegram": TelegramSettings,
    "email": EmailSettings,
    "webhook": WebhookSettings,
    "oidc": OidcSettings,
    "breakers": BreakerSettings,
    "telemetry": TelemetrySettings,
}
_NAMED: Final[Mapping[str, type[BaseModel]]] = {
    "people": PersonSettings,
    "prices": PriceSettings,
    "budgets": BudgetSettings,
    "rates": RateSettings,
    "shares": ShareSettings,
    "hooks": HookSettings,
    "schedules": ScheduleSettings,
    "alerts": AlertSettings,
}
"""Tables of tables, by a name that the author gives."""
