"""The tables of `holdfast.toml` for webhooks that start executions."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from holdfast.config.sections import Section, webhook_secret

HookName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$"), AfterValidator(lambda name: str(name).lower())
]


class HookSettings(Section):
    """`[hooks.NAME]`: what is posted to `/hooks/NAME`, signed with `secret`, starts an execution of `agent`."""

    agent: str
    secret: SecretStr
    """By which posts are known to come from the sender. With `standard`: `whsec_` and base64."""
    signature: Literal["standard", "hmac"] = "standard"
    """How posts are signed: by Standard Webhooks, or HMAC-SHA256 of the body in hexadecimal, as GitHub does."""
    header: HeaderName = "x-hub-signature-256"
    """Of `hmac`: where the signature is, alone or behind `sha256=`."""
    id_header: HeaderName = "x-github-delivery"
    """Of `hmac`: where the sender's id of the delivery is."""
    timestamp_header: HeaderName | None = None
    """Of `hmac`: where the time of sending is, in seconds, if the signature is one of `TIME.BODY`; older posts than
    five minutes are refused then."""
    input: str | None = Field(default=None, min_length=1, max_length=10_000)
    """What is asked: a path into the body (`data.object`), or a text with paths in braces. Left out: the whole body."""
    user: str | None = None
    """Whose requests they are."""
    priority: int = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.signature == "standard":
            webhook_secret(self.secret)
        elif len(self.secret.get_secret_value()) < 16:
            raise ValueError("the secret is too short to be safe: give 16 characters or more")
        if self.input and re.search(r"\{[^}]*$", self.input):
            raise ValueError("input has a brace that is not closed")
        return self
