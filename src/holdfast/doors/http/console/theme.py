"""The switch between light and dark, kept in a cookie: it works without JavaScript."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from holdfast.doors.http.console.shell import THEME_COOKIE, THEMES, own_path, redirect
from holdfast.doors.http.guard import needs
from holdfast.types import Caller

router = APIRouter(include_in_schema=False)
_YEAR_S = 31_536_000


@router.post("/theme")
async def choose_theme(
    request: Request,
    _: Annotated[Caller, Depends(needs("see"))],
    theme: Annotated[str, Form()] = "system",
    next_: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Keep the choice and go back to the page it was made on."""
    response = redirect(request, own_path(request, next_))
    if theme in THEMES:
        secure = request.url.scheme == "https"
        response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR_S, samesite="strict", httponly=True, secure=secure)
    return response
