"""The tables of `holdfast.toml` that say how people are reached, who they are and what models cost."""

import base64
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_settings import NoDecode


def listed(value: object) -> object:
    """A comma-separated text from the environment as a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def lower(value: object) -> object:
    """Any spelling of a word."""
    return value.lower() if isinstance(value, str) else value


def web(url: str) -> str:
    """A whole address, without a slash at its end."""
    if not url.startswith(("https://", "http://")):
        raise ValueError("give the whole address, beginning with https://")
    return url.rstrip("/")


def long_enough(key: SecretStr) -> SecretStr:
    """A secret that nobody guesses."""
    if len(key.get_secret_value()) < 32:
        raise ValueError(
            "too short to be safe: make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return key


def webhook_secret(key: SecretStr) -> SecretStr:
    """A secret as Standard Webhooks writes them."""
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


Url = Annotated[str, AfterValidator(web)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)]
Id = Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]


class Section(BaseModel):
    """A table of `holdfast.toml`; in the environment `HOLDFAST_<TABLE>__<KEY>`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SlackSettings(Section):
    """`[slack]`: a Slack app whose bot is in `channel`."""

    token: SecretStr
    """The bot's token (`xoxb-...`), with the scope `chat:write`; with `channels:history` (`groups:history` for a
    private channel) also, a message whose fate is unknown is looked for before it is sent again."""
    signing_secret: SecretStr
    """By which answers are known to come from Slack."""
    channel: Id
    """The channel's id (`C...`)."""
    base_url: Url = "https://slack.com/api"


class TelegramSettings(Section):
    """`[telegram]`: a bot that is in `chat`."""

    token: SecretStr
    """The bot's token, from BotFather."""
    secret_token: Annotated[SecretStr, AfterValidator(long_enough)]
    """The `secret_token` that was given to `setWebhook`: by it answers are known to come from Telegram."""
    chat: Id
    """The chat's id, or `@name` of a public one."""
    base_url: Url = "https://api.telegram.org"


class EmailSettings(Section):
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


class WebhookSettings(Section):
    """`[webhook]`: a program of yours that is told, and may answer."""

    url: Url
    secret: Annotated[SecretStr, AfterValidator(webhook_secret)]
    """For Standard Webhooks signatures, out and in: `whsec_` and base64, of 24 to 64 bytes."""


class PersonSettings(Section):
    """`[people.NAME]`: somebody who may answer, and by what they are known."""

    groups: Words = ()
    slack: Id | None = None
    """The member's id (`U...`)."""
    telegram: Id | None = None
    """The user's id, a number."""
    email: str | None = None


class PriceSettings(Section):
    """`[prices."provider:model"]`: US dollars for a million tokens, where the price list does not know them."""

    input_usd_per_mtok: Decimal = Field(ge=0)
    output_usd_per_mtok: Decimal = Field(ge=0)
    cache_read_usd_per_mtok: Decimal | None = Field(default=None, ge=0)
    cache_write_usd_per_mtok: Decimal | None = Field(default=None, ge=0)


PersonName = Annotated[str, StringConstraints(pattern=r"^[\w][\w .'-]*$", max_length=64)]
