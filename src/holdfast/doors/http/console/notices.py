"""One sentence from a form that was posted to the page that comes next, in a cookie that is read once."""

import base64
import json
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

_COOKIE: Final = "holdfast_note"
_MOST: Final = 900
"""Characters: a cookie holds four thousand bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of the last form."""

    text: str
    bad: bool


def put_up(request: Request, response: Response, text: str, *, bad: bool) -> None:
    """Let the next page say it. Not in the address: a link must not be able to put words on our pages."""
    packed = base64.urlsafe_b64encode(json.dumps([text[:_MOST], bad]).encode()).decode()
    secure = request.url.scheme == "https"
    response.set_cookie(_COOKIE, packed, max_age=60, httponly=True, samesite="strict", secure=secure)


def waiting(request: Request) -> Told | None:
    """What the last form left to be said."""
    try:
        text, bad = json.loads(base64.urlsafe_b64decode(request.cookies[_COOKIE]))
    except (KeyError, ValueError, TypeError):
        return None
    return Told(text=str(text), bad=bool(bad))


def take_down(_: Request, response: Response) -> None:
    """Say it once."""
    response.delete_cookie(_COOKIE)
