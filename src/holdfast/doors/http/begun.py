"""A login at an identity provider that is under way, kept by the browser that began it: any process can end it."""

import base64
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final

from holdfast.config.oidc import OidcSettings
from holdfast.errors import Unauthenticated

BEGUN_S: Final = 600
"""Seconds within which a login must be over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """One login that is under way."""

    state: str
    nonce: str
    verifier: str
    """Of PKCE: only who began the login can use the code that it ends with."""
    onward: str
    """Where the browser goes at the end."""
    until: float

    @classmethod
    def now(cls, onward: str) -> "Begun":
        """A new one."""
        made = secrets.token_urlsafe
        return cls(state=made(32), nonce=made(32), verifier=made(48), onward=onward, until=time.time() + BEGUN_S)

    def sealed(self, settings: OidcSettings) -> str:
        """As a cookie's value."""
        packed = base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()
        return f"{packed}.{_signed(packed, settings)}"

    @classmethod
    def opened(cls, cookie: str, settings: OidcSettings) -> "Begun":
        """The login that a cookie names.

        Raises:
            Unauthenticated: None, or it took too long.
        """
        packed, _, signature = cookie.rpartition(".")
        if not packed or not hmac.compare_digest(signature.encode(), _signed(packed, settings).encode()):
            raise Unauthenticated("this browser has not begun to log in here: begin again")
        begun = cls(**json.loads(base64.urlsafe_b64decode(packed)))
        if begun.until < time.time():
            raise Unauthenticated("this login took too long: begin again")
        return begun


def _signed(packed: str, settings: OidcSettings) -> str:
    key = settings.client_secret.get_secret_value().encode()
    return hmac.new(key, b"holdfast oidc\n" + packed.encode(), sha256).hexdigest()
