"""Errors as pages; who is not logged in is sent to where they can be."""

from contextlib import suppress
from typing import Final
from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from holdfast.doors.http.console.shell import here, page, url
from holdfast.doors.http.guard import caller as caller_of
from holdfast.doors.http.problems import Problem
from holdfast.errors import AccessDenied
from holdfast.types import Caller

_TITLES: Final = {
    400: "That cannot be read",
    403: "Not for you",
    404: "Not here",
    405: "Not this way",
    409: "Not any more",
    410: "Pruned",
    413: "Too large",
    422: "That does not fit",
    429: "Too fast",
    500: "Something broke",
    503: "The database does not answer",
}
_SAID: Final = {
    404: "There is no such page, or it is not for you.",
    503: "Nothing is lost: what was running goes on when it is back. Try again in a minute.",
}


async def error_page(request: Request, problem: Problem) -> Response:
    """A problem, for a person."""
    if problem.status == 401:
        return to_login(request)
    caller = None  # from 500 on: the navigation would ask the database, which may be what does not answer
    if problem.status < 500:
        caller = getattr(request.state, "caller", None) or await _known(request)
    headers = {name: value for name, value in problem.headers.items() if name.lower() == "retry-after"}
    said = problem.detail
    if problem.detail in {"Not Found", ""} or problem.status == 503:
        said = _SAID.get(problem.status, problem.detail)
    return await page(
        request, "refused.html", caller=caller, status=problem.status, headers=headers,
        title=_TITLES.get(problem.status, problem.title), said=said, code=problem.status,
    )  # fmt: skip


def to_login(request: Request) -> RedirectResponse:
    """To the login, and back from there; what a form posted is not repeated."""
    back = here(request) if request.method == "GET" else "/"
    return RedirectResponse(url(request, f"/login?next={quote(back, safe='/')}"), status_code=303)


async def _known(request: Request) -> Caller | None:
    """Who asks for a page that there is not, so that it keeps its navigation."""
    if request.method != "GET":
        return None
    with suppress(AccessDenied):
        return await caller_of(request)
    return None
