"""How answers are written: JSON as the document says, pages with a link to the next one, and tags for caches."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.responses import Response

from holdfast.doors.http.api.asking import cursor
from holdfast.doors.http.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


class InvalidPart(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    place: str = Field(alias="in", examples=["body"])
    """`body`, `query`, `path` or `header`."""
    pointer: str | None = Field(examples=["#/agent"])
    """JSON pointer into the body."""
    parameter: str | None
    """Name of the parameter."""
    message: str = Field(examples=["Field required"])
    """What would be right."""


class ProblemDetails(BaseModel):
    """Why a request came to nothing (RFC 9457)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = "about:blank"
    """Always `about:blank`: `code` says which problem it is."""
    title: str = Field(examples=["Not Found"])
    """The status in words."""
    status: int = Field(examples=[404])
    """The HTTP status."""
    detail: str = Field(examples=["no execution 'x'"])
    """What went wrong, for people."""
    code: str = Field(examples=["not_found"])
    """Which problem it is: stable, for programs."""
    instance: str = Field(examples=["/v1/executions/x"])
    """The path."""
    errors: list[InvalidPart] = Field(default_factory=list[InvalidPart])
    """With `invalid_request`: each thing that is wrong."""
    id: str = ""
    """With what went wrong inside: under which the log has it."""


_REASONS: Final[Mapping[int, str]] = {
    400: "What was sent could not be read.",
    401: "Nobody knows who asks.",
    403: "It is known who asks, and it is not theirs to do.",
    404: "There is none, or none that the caller reaches.",
    408: "The body came too slowly.",
    409: "It is not as the request expects; `detail` says how it is.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "The request cannot work as it is written.",
    429: "Too fast, or too much open at once: wait as `Retry-After` says.",
    500: "Something went wrong inside.",
    501: "A part of Holdfast that it needs is not installed.",
    503: "The database is away: try again.",
}
ALWAYS: Final = (400, 401, 403, 404, 422, 429, 500, 503)
WITH_BODY: Final = (*ALWAYS, 408, 413, 415)
CHANGES: Final = (*WITH_BODY, 409)
"""Statuses of problems that routes may answer with, by what they take and do."""


def problems(*statuses: int) -> Responses:
    """How a route's problems are documented."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": _REASONS[status], "content": content} for status in sorted(statuses)}


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value of ours as JSON: money as text, so that it stays exact; times in ISO 8601."""
    return Response(to_json(value, inf_nan_mode="null"), status, headers, media_type="application/json")


def page_of(request: Request, items: Sequence[object], after: str | None) -> Response:
    """One page; `after` is what the next one begins behind, `None` at the end."""
    return linked(request, items, None if after is None else {"cursor": cursor(after)})


def linked(request: Request, items: Sequence[object], following: Mapping[str, str | int] | None) -> Response:
    """One page, and what its query must say to give the next one."""
    if following is None:
        return answer({"items": items, "next": None})
    url = request.url.include_query_params(**following)
    place = f"{url.path}?{url.query}"  # without host and scheme: a proxy knows those better
    return answer({"items": items, "next": place}, headers={"link": f'<{place}>; rel="next"'})


def tagged(request: Request, tag: str) -> Response | None:
    """304 if the client has what `tag` stands for, else nothing."""
    held = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers=tag_headers(tag)) if tag in held or "*" in held else None


def tag_headers(tag: str) -> Mapping[str, str]:
    """For answers that a client may keep and ask about again."""
    return {"etag": tag, "cache-control": "private, no-cache"}
