"""Logging in at an identity provider, and coming back from there."""

from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from holdfast.config import Settings
from holdfast.config.oidc import OidcSettings
from holdfast.doors.http.begun import BEGUN_S, Begun
from holdfast.doors.http.console.login import LASTS_S, change_session, in_words, is_secure, login_form, passing
from holdfast.doors.http.console.shell import app_of, own_path, url
from holdfast.errors import AccessDenied, MissingExtra, NotFound, Unauthenticated, UsageError
from holdfast.policy.vouched import Vouched, name_of, role_of

router = APIRouter(include_in_schema=False)
_COOKIE: Final = "holdfast_oidc"
_CALLBACK: Final = "/login/oidc/callback"


class Talks(Protocol):
    """What vouches for people."""

    async def address(self, begun: Begun, *, back_to: str) -> str:
        """Where to send a browser that wants to log in."""
        ...

    async def claims(self, begun: Begun, *, code: str, back_to: str) -> Mapping[str, Any]:
        """What is said of who came back with this code."""
        ...


@router.get("/login/oidc")
async def begin(request: Request) -> Response:
    """Send the browser to the provider."""
    settings = _settings(request)
    begun = Begun.now(own_path(request, request.query_params.get("next")))
    try:
        address = await _provider(request, settings).address(begun, back_to=_back_to(request))
    except Unauthenticated as refused:
        return await login_form(request, begun.onward, problem=in_words(refused), status=502)
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        _COOKIE,
        begun.sealed(settings),
        max_age=BEGUN_S,
        path=url(request, "/login/oidc"),
        httponly=True,
        samesite="lax",  # the way back begins at the provider: a strict one would not come along
        secure=is_secure(request),
    )
    return response


@router.get(_CALLBACK)
async def finish(request: Request) -> Response:
    """Open a session for whom the provider vouches for."""
    settings = _settings(request)
    try:
        begun = Begun.opened(request.cookies.get(_COOKIE, ""), settings)
        _refuse_mixed_up(request, begun.state)
        claims = await _provider(request, settings).claims(
            begun, code=request.query_params.get("code", ""), back_to=_back_to(request)
        )
        cookie = await _admitted(request, claims, settings)
    except (AccessDenied, UsageError) as refused:
        response = await login_form(request, "/", problem=in_words(refused), status=403)
    else:
        # A browser that comes from the provider would not bring the new cookie to the next page; from here it does.
        response = await passing(request, begun.onward)
        await change_session(request, response, cookie)
    response.delete_cookie(_COOKIE, path=url(request, "/login/oidc"))
    return response


def _refuse_mixed_up(request: Request, state: str) -> None:
    given = request.query_params
    if given.get("state") != state:
        raise Unauthenticated("this is the end of another login: begin again")
    if "code" not in given:
        said = given.get("error_description") or given.get("error") or "nothing"
        raise Unauthenticated(f"the identity provider let nobody in; it said: {said[:200]}")


async def _admitted(request: Request, claims: Mapping[str, Any], oidc: OidcSettings) -> str:
    """The cookie of a new session."""
    app = app_of(request)
    vouched = _vouched(claims, oidc)
    role = role_of(vouched, oidc.roles, default=oidc.default_role)
    user = claims.get(oidc.user_claim) if oidc.user_claim else None
    _, cookie = await app.access.admit(
        name_of(vouched, _addresses(app.settings)),
        role=role,
        user=str(user) if user and role == "runner" else None,
        by=oidc.issuer,
        lasts_s=LASTS_S,
    )
    return cookie


def _vouched(claims: Mapping[str, Any], oidc: OidcSettings) -> Vouched:
    name, email, words = claims.get(oidc.name_claim), claims.get("email"), claims.get(oidc.role_claim)
    if not isinstance(name, str) or not name:
        raise Unauthenticated(f"the identity provider does not say your {oidc.name_claim!r}: set oidc.name_claim")
    return Vouched(
        name=name,
        words=[str(word) for word in cast("list[object]", words)] if isinstance(words, list) else [str(words)],
        email=email if isinstance(email, str) else None,
        email_verified=claims.get("email_verified") not in {False, "false"},
    )


def _addresses(settings: Settings) -> Mapping[str, str]:
    return {person.email.lower(): name for name, person in settings.people.items() if person.email}


def _settings(request: Request) -> OidcSettings:
    settings = app_of(request).settings.oidc
    if settings is None:
        raise NotFound("single sign-on is not configured: set [oidc]")
    return settings


def _provider(request: Request, settings: OidcSettings) -> Talks:
    """What talks to the provider, one for this server."""
    kept = request.app.state
    if getattr(kept, "oidc", None) is None:
        try:
            from holdfast.doors.http.oidc import Provider
        except ModuleNotFoundError as error:
            raise MissingExtra("oidc", needed_for="[oidc]") from error
        kept.oidc = Provider(settings)
    return kept.oidc


def _back_to(request: Request) -> str:
    """Where the provider sends browsers back to: it has to know this very address."""
    public = app_of(request).settings.public_url
    here = f"{request.url.scheme}://{request.headers.get('host', '')}{url(request, '')}"
    return f"{public or here}{_CALLBACK}"
