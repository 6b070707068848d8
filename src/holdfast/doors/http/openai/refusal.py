"""Errors as clients of OpenAI read them: `{"error": {message, type, code, param}}`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from holdfast.doors.http.problems import problem_from
from holdfast.errors import HoldfastError, NotFound, UsageError

_TYPES: Final[Mapping[int, str]] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_FINAL: Final = frozenset({409, 422})
"""Clients repeat what is answered 409, and know no 422; what we answer so is their mistake."""


class Unfit(UsageError):
    """A part of the request cannot work.

    Args:
        param: Which one, as `input[0].content`.
        message: What would work.
        code: For programs.
    """

    def __init__(self, param: str, message: str, *, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param, self.told_code = param, code


class Refusal(BaseModel):
    """What went wrong."""

    message: str
    type: str
    code: str | None = None
    param: str | None = None


class Refused(BaseModel):
    """An error."""

    error: Refusal


class OpenAIRoute(APIRoute):
    """A route whose every error has OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # pyright: ignore[reportIncompatibleMethodOverride] - as wide
        """The handler of the route."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except Unfit as error:
                return _refused(400, str(error), code=error.told_code, param=error.param)
            except HoldfastError as error:
                problem = problem_from(error)
                status = 404 if isinstance(error, NotFound) else problem.status
                return _refused(status, problem.detail, code=problem.code, headers=problem.headers)
            except RequestValidationError as error:
                return _invalid(error)
            except HTTPException as error:
                return _refused(error.status_code, str(error.detail), headers=error.headers or {})

        return told


def _invalid(error: RequestValidationError) -> Response:
    first = error.errors()[0]
    place, *path = first["loc"]
    if first["type"] == "json_invalid":
        return _refused(400, "The body is not JSON.", code="invalid_json")
    param = ".".join(str(part) for part in (path if place in {"body", "query", "path"} else first["loc"]))
    return _refused(400, f"{param or 'the body'}: {first['msg']}", code="invalid_value", param=param or None)


def _refused(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    status = 400 if status in _FINAL else status
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    told = Refused(error=Refusal(message=message, type=kind, code=code, param=param))
    return JSONResponse(told.model_dump(), status_code=status, headers=dict(headers or {}))


RESPONSES: Final[dict[int | str, dict[str, object]]] = {
    status: {"model": Refused, "description": words}
    for status, words in {
        400: "The request cannot work as it is written.",
        401: "Nobody knows the key.",
        403: "The key may not do this.",
        404: "There is no such thing, or the key does not reach it.",
        413: "The body is too large.",
        429: "Too fast.",
        500: "Something went wrong inside.",
        503: "Not now: the database is away, or the agent is paused.",
    }.items()
}
