"""An OpenID Connect provider, as a login talks to it: where it sends people, and whom it vouches for.

Code flow with PKCE, state and nonce.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, cast

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError  # pyright: ignore[reportMissingTypeStubs]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # pyright: ignore[reportMissingTypeStubs]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from holdfast.config.oidc import OidcSettings
from holdfast.doors.http.begun import Begun
from holdfast.errors import Unauthenticated

log = structlog.get_logger("holdfast.http")

_TIMEOUT_S: Final = 10
_KEPT_S: Final = 3_600
"""How long the provider's own description and keys are believed."""
_AGAIN_S: Final = 60
"""Its keys are read at most so often for a token that is signed with an unknown one."""
_LEEWAY_S: Final = 60
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
_TROUBLE: Final = (httpx2.HTTPError, OAuthError, JoseError, KeyError, ValueError, TypeError)


class Provider:
    """One provider, with what it says of itself. Made once a server.

    Args:
        settings: Where it is, and what we are there.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._described: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def address(self, begun: Begun, *, back_to: str) -> str:
        """Where to send a browser that wants to log in.

        Raises:
            Unauthenticated: The provider cannot be asked; the log says why.
        """
        try:
            described = await self._description()
            async with self._client(described, back_to) as client:
                url, _ = client.create_authorization_url(
                    described["authorization_endpoint"],
                    state=begun.state,
                    nonce=begun.nonce,
                    code_verifier=begun.verifier,
                )
        except _TROUBLE as error:
            raise _refused(error) from error
        return str(url)

    async def claims(self, begun: Begun, *, code: str, back_to: str) -> Mapping[str, Any]:
        """What the provider says of who came back with this code.

        Raises:
            Unauthenticated: It does not know the code, or what it says cannot be believed; the log says why.
        """
        try:
            described = await self._description()
            async with self._client(described, back_to) as client:
                token = await client.fetch_token(
                    described["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=begun.verifier,
                )
                claims = await self._verified(str(token["id_token"]), described, nonce=begun.nonce)
                return {**await self._more(client, described, claims), **claims}
        except _TROUBLE as error:
            raise _refused(error) from error

    def _client(self, described: Mapping[str, Any], back_to: str) -> Any:
        methods = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret.get_secret_value(),
            token_endpoint_auth_method="client_secret_basic" if "client_secret_basic" in methods else methods[0],
            scope=" ".join(self._settings.scopes),
            redirect_uri=back_to,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )

    async def _description(self) -> Mapping[str, Any]:
        if self._described and time.monotonic() - self._described[0] < _KEPT_S:
            return self._described[1]
        found = await _json(f"{self._settings.issuer}/.well-known/openid-configuration")
        if str(found["issuer"]).rstrip("/") != self._settings.issuer:
            raise ValueError(f"it calls itself {found['issuer']!r}: set issuer to exactly that")
        self._described = (time.monotonic(), found)
        return found

    async def _key_set(self, described: Mapping[str, Any], *, at_most_s: float) -> KeySet:
        if self._keys is None or time.monotonic() - self._keys[0] >= at_most_s:
            found = KeySet.import_key_set(cast("Any", await _json(str(described["jwks_uri"]))))
            self._keys = (time.monotonic(), found)
        return self._keys[1]

    async def _verified(self, token: str, described: Mapping[str, Any], *, nonce: str) -> Mapping[str, Any]:
        try:
            found = jwt.decode(token, await self._key_set(described, at_most_s=_KEPT_S), algorithms=_ALGORITHMS)
        except InvalidKeyIdError:  # the provider has changed its keys
            found = jwt.decode(token, await self._key_set(described, at_most_s=_AGAIN_S), algorithms=_ALGORITHMS)
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": str(described["issuer"])},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        rules.validate(found.claims)
        if found.claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise ValueError("its token is for another program")
        return found.claims

    async def _more(self, client: Any, described: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """What only its user endpoint says, as some providers do of groups."""
        wanted = {self._settings.name_claim, self._settings.role_claim, self._settings.user_claim} - {None}
        if wanted <= claims.keys() or "userinfo_endpoint" not in described:
            return {}
        answer = await client.get(described["userinfo_endpoint"])
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found if found.get("sub") == claims["sub"] else {}


async def _json(url: str) -> Mapping[str, Any]:
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S) as client:
        found = (await client.get(url)).raise_for_status().json()
    if not isinstance(found, dict):
        raise TypeError(f"{url} is no JSON object")
    return cast("Mapping[str, Any]", found)


def _refused(error: Exception) -> Unauthenticated:
    log.warning("oidc_refused", error=f"{type(error).__name__}: {error}")
    return Unauthenticated("the identity provider could not vouch for you; the server's log says why")
