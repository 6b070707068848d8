"""Reads who asks out of a request: a key in the header, or the session in the console's cookie."""

import hmac
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import UploadFile

from holdfast.app import App
from holdfast.doors.http.throttle import Throttles
from holdfast.errors import Forbidden, Unauthenticated
from holdfast.types import Caller

COOKIE: Final = "holdfast_session"
FIELD: Final = "csrf"
_HEADER: Final = "x-csrf-token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


async def found_caller(request: Request) -> Caller:
    """Who asks: by `Authorization: Bearer hf_...`, else by the cookie of a session.

    With the cookie, what changes something must come from a page of ours and carry that page's token: a browser adds
    the cookie by itself, also to what other sites make it send.

    Raises:
        Unauthenticated: Nobody known.
        Forbidden: A browser's session without the proof that a page of ours sent this.
        TooManyRequests: Faster than this caller may; or too many wrong keys from one address.
    """
    app: App = request.state.app
    throttles: Throttles = request.state.throttles
    caller = await _known(request, app)
    throttles.admit(caller.credential)
    if caller.via == "session" and request.method not in _SAFE:
        await _refuse_forged(request)
    return caller


async def _known(request: Request, app: App) -> Caller:
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, secret = given.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("send a key as `Authorization: Bearer hf_...`; no other scheme is known here")
        return await _of_key(request, app, secret.strip())
    if cookie := request.cookies.get(COOKIE):
        return await app.access.caller_of_session(cookie)
    raise Unauthenticated


async def _of_key(request: Request, app: App, secret: str) -> Caller:
    try:
        return await app.access.caller_of_key(secret)
    except Unauthenticated as refused:
        if refused.guessed:
            count_guess(request)
        raise


def count_guess(request: Request) -> None:
    """Count a secret that nobody knows against the address that it came from.

    Raises:
        TooManyRequests: There were too many.
    """
    throttles: Throttles = request.state.throttles
    throttles.guessed(request.client.host if request.client else None)


def csrf_token(request: Request) -> str:
    """What forms of this browser's pages carry, as `csrf` or in `X-CSRF-Token`; empty without a session."""
    cookie = request.cookies.get(COOKIE)
    return hmac.new(cookie.encode(), b"holdfast csrf", sha256).hexdigest() if cookie else ""


def refuse_foreign(request: Request) -> None:
    """Refuse what a browser says that another site made it send.

    Raises:
        Forbidden: It says so.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in {"same-origin", "none"} if site else origin is not None and not _is_own(request, origin)
    if foreign:
        raise Forbidden("this came from another site: open the console and do it there")


async def _refuse_forged(request: Request) -> None:
    refuse_foreign(request)
    token = request.headers.get(_HEADER) or await _field(request)
    if not hmac.compare_digest(token.encode(), csrf_token(request).encode()):
        raise Forbidden("this page is from an older login, or its form was altered: load it again and repeat")


async def _field(request: Request) -> str:
    if not request.headers.get("content-type", "").lower().startswith(_FORMS):
        return ""
    given = (await request.form()).get(FIELD)
    return "" if given is None or isinstance(given, UploadFile) else given


def _is_own(request: Request, origin: str) -> bool:
    """Whether an origin is this server, by the name it was asked for or by its public one."""
    app: App = request.state.app
    place = _place(origin)
    asked, public = _place(f"//{request.headers.get('host', '')}"), _place(app.settings.public_url or "")
    return place != "" and place in {asked, public}


def _place(url: str) -> str:
    """Host and port; the scheme is left out, for a proxy may speak another one than we do."""
    try:
        return urlsplit(url).netloc.lower().removesuffix(":443").removesuffix(":80")
    except ValueError:  # no address at all
        return ""
