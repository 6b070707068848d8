"""What all routes of the API share: who may call them, how they say who asks, and how they are documented."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response

from holdfast.app import App
from holdfast.doors.http.credentials import COOKIE
from holdfast.doors.http.guard import caller as calling
from holdfast.doors.http.guard import needs
from holdfast.types import Caller

_SCHEMES: Final = (
    HTTPBearer(
        scheme_name="key",
        description="An API key: `holdfast keys create NAME --role ROLE` makes one.",
        auto_error=False,
    ),
    APIKeyCookie(
        name=COOKIE,
        scheme_name="session",
        description="The console's session; what changes something also needs `X-CSRF-Token`.",
        auto_error=False,
    ),
)
"""For the document alone: `guard` reads them."""

LISTS: Final = frozenset({"agent"})
"""Parameters that may be given several times."""

Seeing = Annotated[Caller, Depends(needs("see"))]
Running = Annotated[Caller, Depends(needs("run"))]
Deciding = Annotated[Caller, Depends(needs("decide"))]
Operating = Annotated[Caller, Depends(needs("operate"))]
Administering = Annotated[Caller, Depends(needs("administer"))]


class Keyed(APIRoute):
    """A route that asks who comes before it reads what they send."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The handler, behind that question."""
        inner = super().get_route_handler()
        takes_json = self.body_field is not None

        async def handle(request: Request) -> Response:
            await calling(request)
            _refuse_repeated(request)
            if takes_json:
                _refuse_other_media(request.headers)
            return await inner(request)

        return handle


def _refuse_repeated(request: Request) -> None:
    """Refuse a parameter that is given twice and means one thing: nobody guesses which one was meant."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    wrong = [name for name, times in given.items() if times > 1 and name not in LISTS]
    if wrong:
        raise RequestValidationError(
            [{"type": "repeated", "loc": ("query", name), "msg": "it is given more than once"} for name in wrong]
        )


def _refuse_other_media(headers: Headers) -> None:
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json":
        raise HTTPException(415, f"send JSON, as Content-Type: application/json; this is {kind or 'nothing'!r}")


def noun(tag: str) -> APIRouter:
    """A router for the paths of one noun."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=Keyed, dependencies=[Depends(scheme) for scheme in _SCHEMES])


def app_of(request: Request) -> App:
    """What the request is served from."""
    app: App = request.state.app
    return app
