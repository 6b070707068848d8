"""Errors as programs read them: problem details (RFC 9457) with stable codes."""

import math
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.errors import HoldfastError, NotAdmitted, TooManyRequests, UsageError

log = structlog.get_logger("holdfast.http")

MEDIA_TYPE: Final = "application/problem+json"

STATUS_OF: Final[Mapping[str, int]] = {
    "usage": 422,
    "declaration": 500,
    "missing_extra": 501,
    "not_found": 404,
    "pruned": 410,
    "holdfast_error": 500,
    "refused": 409,
    "stale_fence": 409,
    "cancel_requested": 409,
    "deadline_exceeded": 409,
    "illegal_transition": 409,
    "already_decided": 409,
    "approval_unusable": 409,
    "approval_withdrawn": 409,
    "not_entitled": 403,
    "idempotency_conflict": 422,
    "not_admitted": 503,
    "paused": 503,
    "unavailable": 503,
    "rate_limited": 429,
    "budget_exhausted": 429,
    "grant_unusable": 409,
    "store": 500,
    "store_unavailable": 503,
    "schema_outdated": 503,
    "unknown_record": 500,
    "journal_broken": 500,
    "access_denied": 403,
    "unauthenticated": 401,
    "forbidden": 403,
    "too_many_requests": 429,
    "channel": 502,
    "delivery_failed": 502,
    "forged_answer": 403,
    "tool_problem": 422,
    "tool_error": 422,
    "retry_later": 503,
    "invalid_arguments": 422,
    "step_failed": 422,
    "plan_failed": 422,
    "step_timed_out": 422,
}
"""HTTP status by error code, for every error there is."""

_CODE_OF: Final[Mapping[int, str]] = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: "content_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}
"""Codes of what goes wrong before anything of ours is reached."""


_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong with one request."""

    status: int
    code: str
    """Stable: what programs branch on."""
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    more: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further members: `errors` of what was sent, `id` of what the log has."""

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    def as_response(self, request: Request) -> Response:
        """For a program."""
        told = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": request.url.path,
            **self.more,
        }
        return JSONResponse(told, status_code=self.status, headers=dict(self.headers), media_type=MEDIA_TYPE)


ErrorPage = Callable[[Request, Problem], Awaitable[Response]]
"""Shows a problem to a person: what `app.state.error_page` may be, for paths that are pages."""


def install_problems(app: FastAPI) -> None:
    """Let every error end as a problem; to be called before other middleware is added."""
    app.add_exception_handler(HoldfastError, _holdfast_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(Unexpected)


def problem_from(error: HoldfastError) -> Problem:
    """What an error of ours tells a client; of what is wrong inside no more than its kind."""
    status = STATUS_OF.get(error.code, 422 if isinstance(error, UsageError) else 500)
    detail, more = str(error), dict[str, object]()
    if status >= 500:
        more = {"id": secrets.token_hex(8)}
        log.warning("request_refused", id=more["id"], code=error.code, error=detail)
        detail = str(type(error).__doc__ or "").strip().splitlines()[0]
    return Problem(status=status, code=error.code, detail=detail, headers=_headers(error, status), more=more)


def problem_of(request: Request, error: HoldfastError) -> Response:
    """An error of ours, for a program."""
    return problem_from(error).as_response(request)


def _headers(error: HoldfastError, status: int) -> Mapping[str, str]:
    if status == 401:
        return {"www-authenticate": "Bearer"}
    after = {503: 5.0}.get(status)
    if isinstance(error, TooManyRequests):
        after = error.retry_after_s
    elif isinstance(error, NotAdmitted) and error.until is not None:
        after = (error.until - datetime.now(UTC)).total_seconds()
    return {} if after is None else {"retry-after": str(max(1, math.ceil(after)))}


async def _holdfast_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HoldfastError)  # noqa: S101 - what it is registered for
    return await _told(request, problem_from(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    status = error.status_code
    code = _CODE_OF.get(status, "http_error")
    headers = {"allow": ", ".join(_allowed(request))} if status == 405 else error.headers or {}
    return await _told(request, Problem(status=status, code=code, detail=str(error.detail), headers=headers))


def _allowed(request: Request) -> list[str]:
    """What the path takes: several routes may share it, and the framework names the methods of the first."""
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    routes: Sequence[BaseRoute] = request.app.router.routes
    return [method for method in _METHODS if any(one.matches(scopes[method])[0] is Match.FULL for one in routes)]


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    found = [_invalid_part(one) for one in cast("Sequence[Mapping[str, Any]]", error.errors())]
    detail = "; ".join(f"{one['pointer'] or one['parameter']}: {one['message']}" for one in found[:3])
    return await _told(request, Problem(status=422, code="invalid_request", detail=detail, more={"errors": found}))


def _invalid_part(error: Mapping[str, Any]) -> Mapping[str, object]:
    """Where and what, without the value: it may be large, and it may be secret."""
    place, *path = error["loc"]
    if error["type"] == "json_invalid":
        return {"in": "body", "pointer": "#", "parameter": None, "message": "This is not JSON."}
    if place == "body":
        pointer = "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
        return {"in": "body", "pointer": pointer, "parameter": None, "message": error["msg"]}
    return {"in": place, "pointer": None, "parameter": str(path[0]) if path else place, "message": error["msg"]}


async def _told(request: Request, problem: Problem) -> Response:
    page: ErrorPage | None = getattr(request.app.state, "error_page", None)
    if page is not None and _is_page(request):
        return await page(request, problem)
    return problem.as_response(request)


def _is_page(request: Request) -> bool:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return not f"{path}/".startswith("/v1/") and "text/html" in request.headers.get("accept", "")


class Unexpected:
    """Ends what nobody expected as a problem that tells nothing but under which id the log has it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            name = secrets.token_hex(8)
            log.exception("request_failed", id=name, method=scope["method"], path=scope["path"])
            if begun:  # too late to say anything: the server cuts the connection
                raise
            detail = f"Something went wrong inside; the log has it as {name}."
            failed = Problem(status=500, code="internal", detail=detail, more={"id": name})
            request = Request(scope, receive)
            response = await _told(request, failed) if "app" in scope else failed.as_response(request)
            await response(scope, receive, send)
