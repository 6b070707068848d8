"""Logging in and out: with a key, or with a link that is good once."""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from holdfast.doors.http.console.shell import app_of, own_path, page, url
from holdfast.doors.http.credentials import COOKIE, count_guess, refuse_foreign
from holdfast.doors.http.guard import caller as caller_of
from holdfast.doors.http.hosts import came_securely
from holdfast.errors import HoldfastError, Unauthenticated

router = APIRouter(include_in_schema=False)
LASTS_S: Final = 43_200
"""Seconds until people log in again: a working day, and some."""
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})


@router.get("/login")
async def form(request: Request) -> Response:
    """The form; who is logged in goes on at once."""
    wanted = own_path(request, request.query_params.get("next"))
    if request.headers.get("sec-fetch-site") in _ELSEWHERE and request.query_params.get("again") is None:
        # From a mail or a chat a browser brings no strict cookie; from a page of ours it does.
        return await passing(request, f"/login?again=1&next={quote(wanted, safe='/')}")
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        return await login_form(request, wanted)
    try:
        await app_of(request).access.caller_of_session(cookie)
    except Unauthenticated as over:
        response = await login_form(request, wanted, problem=in_words(over))
        response.delete_cookie(COOKIE, path=_cookie_path(request))
        return response
    return RedirectResponse(url(request, wanted), status_code=303)


@router.post("/login")
async def log_in(
    request: Request, key: Annotated[str, Form()] = "", next_: Annotated[str, Form(alias="next")] = "/"
) -> Response:
    """Open a session for a key."""
    refuse_foreign(request)
    wanted = own_path(request, next_)
    try:
        return await _opened(request, key.strip(), RedirectResponse(url(request, wanted), status_code=303))
    except Unauthenticated as refused:
        return await login_form(request, wanted, problem=in_words(refused), status=401)


@router.get("/login/{token}")
async def ask(request: Request, token: str) -> Response:
    """A page with a button: programs open links before people do, and the link is good once."""
    return await page(request, "login.html", title="Log in", token=token, next="/", problem=None, single_sign_on=None)


@router.post("/login/{token}")
async def use(request: Request, token: str) -> Response:
    """Open a session, and use the link up."""
    refuse_foreign(request)
    try:
        return await _opened(request, token, RedirectResponse(url(request, "/"), status_code=303))
    except Unauthenticated as refused:
        return await login_form(request, "/", problem=in_words(refused), status=401)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session."""
    response = RedirectResponse(url(request, "/login"), status_code=303)
    try:
        await caller_of(request)
    except Unauthenticated:
        pass  # it is over already
    else:
        await app_of(request).access.close_session(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, path=_cookie_path(request))
    return response


async def _opened(request: Request, secret: str, response: Response) -> Response:
    try:
        _, cookie = await app_of(request).access.open_session(secret, lasts_s=LASTS_S)
    except Unauthenticated as refused:
        if refused.guessed:
            count_guess(request)
        raise
    await change_session(request, response, cookie)
    return response


async def change_session(request: Request, response: Response, cookie: str) -> None:
    """Give the browser a new session, and end the one it had: what somebody planted there is worth nothing."""
    if before := request.cookies.get(COOKIE):
        await app_of(request).access.close_session(before)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=LASTS_S,
        path=_cookie_path(request),
        httponly=True,
        samesite="strict",
        secure=is_secure(request),
    )


async def passing(request: Request, path: str) -> Response:
    """A page that goes on to another one of ours by itself, so that the browser takes it for ours to ask."""
    return await page(request, "passing.html", title="One moment", onward=path)


async def login_form(request: Request, wanted: str, *, problem: str | None = None, status: int = 200) -> Response:
    """The login page."""
    oidc = app_of(request).settings.oidc
    return await page(
        request, "login.html", status=status, title="Log in", token=None, next=wanted, problem=problem,
        single_sign_on=oidc.label if oidc else None,
    )  # fmt: skip


def in_words(refused: HoldfastError) -> str:
    """Why somebody is not let in, for themselves."""
    if isinstance(refused, Unauthenticated) and refused.guessed:
        return "Nobody knows this key or link: check that it was copied whole."
    said = str(refused)
    return f"{said[:1].upper()}{said[1:]}."


def _cookie_path(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/") or "/"


def is_secure(request: Request) -> bool:
    """Whether cookies may be kept for HTTPS alone."""
    host, public = request.headers.get("host", ""), app_of(request).settings.public_url
    return came_securely(request.url.scheme, host, public)
