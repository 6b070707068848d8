"""What pages load: styles, modules, the font. Named by a fingerprint of what is in them, so that they may be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from holdfast.errors import NotFound

_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
}
_FONT: Final = "fonts/manrope.ttf"
_KEEP: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file, in memory."""

    content: bytes
    media_type: str
    fingerprint: str


router = APIRouter(include_in_schema=False)


@router.get("/static/{name:path}")
async def static_file(request: Request, name: str) -> Response:
    """A file by its name; without its fingerprint it is looked at again each time."""
    found = known().get(name)
    if found is None:
        raise NotFound(f"there is no static file {name!r}")
    tag = f'"{found.fingerprint}"'
    fresh = request.query_params.get("v") == found.fingerprint or name == _FONT
    headers = {"cache-control": _KEEP if fresh else "no-cache", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


def versioned(name: str) -> str:
    """The path of a static file below the application, with its fingerprint."""
    return f"/static/{name}?v={known()[name].fingerprint}"


@cache
def known() -> Mapping[str, StaticFile]:
    """Every file there is: a name that is not listed reaches nothing."""
    found = {
        item.name: _read(item) for item in (files("holdfast.doors.http.console") / "static").iterdir() if item.is_file()
    }
    return {**found, _FONT: _read(files("font_manrope") / "files" / "Manrope-VariableFont_wght.ttf")}


def _read(item: Traversable) -> StaticFile:
    content = item.read_bytes()
    suffix = item.name[item.name.rfind(".") :]
    return StaticFile(content=content, media_type=_TYPES[suffix], fingerprint=sha256(content).hexdigest()[:12])
