"""The table of `holdfast.toml` that lets people log in where they log in already."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from holdfast.config.sections import Id, Section, Url, Words
from holdfast.types import Role

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _confidential(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _THIS_MACHINE:
        raise ValueError("give an https:// address: whoever reads the way there could be anybody here")
    return url


class OidcSettings(Section):
    """`[oidc]`: an OpenID Connect provider. Needs the extra `oidc`."""

    issuer: Annotated[Url, AfterValidator(_confidential)]
    """As its tokens name it; `/.well-known/openid-configuration` below it says the rest."""
    client_id: Id
    client_secret: SecretStr
    label: str = Field(default="single sign-on", min_length=1, max_length=40)
    """What the button of the login page names."""
    scopes: Words = ("openid", "profile", "email")
    name_claim: str = "email"
    """Which claim stands on the record for what somebody does; a person under `[people]` with that address goes by
    their name there."""
    user_claim: str | None = None
    """Which claim names the user whose executions runners start and see. Default: the name."""
    role_claim: str = "groups"
    """Which claim the roles are read from: a word, or a list of them."""
    roles: dict[str, Role] = Field(default_factory=dict[str, Role])
    """The role by word of that claim; of several the one that may do most."""
    default_role: Role | None = None
    """The role of everybody else whom the provider knows. Default: they are refused."""
