"""What requests may say: pages, filters, times, names and JSON, each within bounds."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, cast

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from holdfast.errors import Forbidden
from holdfast.types import Caller, Status, Wanted

MOST: Final = 200
"""Items of a page, and of a bulk action."""
_DEEPEST: Final = 64
"""Levels of JSON: far more than a tool's arguments have, far fewer than Python's stack."""
_AGO: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_CURSOR: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,300}")


# --- texts and values


def _plain(text: str) -> str:
    if _CONTROLS.search(text):
        raise ValueError("control characters cannot be part of it")
    return text


def _sound(value: Any) -> Any:
    """JSON as it can be kept.

    Raises:
        ValueError: It is nested too deeply.
    """
    level = [cast("object", value)]
    for _ in range(_DEEPEST):
        below: list[object] = []
        for one in level:
            if isinstance(one, Mapping):
                below.extend(cast("Mapping[str, object]", one).values())
            elif isinstance(one, list):
                below.extend(cast("list[object]", one))
        if not below:
            return value
        level = below
    raise ValueError(f"nested deeper than {_DEEPEST} levels")


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"), AfterValidator(_plain)]
"""A user, thread, agent, tool: text on one line."""
Words = Annotated[str, Field(max_length=4_000)]
"""A note or a reason."""
Reason = Annotated[str, Field(min_length=1, max_length=4_000, pattern=r"\S")]
"""Why, for the record: not empty."""
AnyJson = Annotated[Any, AfterValidator(_sound)]
"""JSON of any kind, up to 64 levels deep."""
Id = Annotated[str, Path(min_length=1, max_length=200, description="Which."), AfterValidator(_plain)]


# --- times


def _moment(given: object) -> object:
    """A time, or how long ago it was."""
    if isinstance(given, str) and (ago := _AGO.fullmatch(given.strip())):
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        at = datetime.fromisoformat(given.strip()) if isinstance(given, str) else None
    except ValueError:
        at = None
    if at is None or not 1970 < at.year < 9000:
        raise ValueError("give a time as 2026-11-21T12:00:00Z, or how long ago as 90m, 12h or 7d")
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema(
        {"type": "string", "maxLength": 40, "description": "ISO 8601, or how long ago: 90m, 12h, 7d.", "example": "7d"}
    ),
]


def whole_month() -> datetime:
    """30 days ago."""
    return datetime.now(UTC) - timedelta(days=30)


def _to_come(at: datetime) -> datetime:
    if at.tzinfo is None or not 1970 < at.year < 9000:
        raise ValueError("give a time with its zone, as 2026-11-21T12:00:00Z")
    return at


Until = Annotated[datetime, AfterValidator(_to_come)]


# --- pages


class Asked(BaseModel):
    """What a request says; what is not known is refused, so that a typing error is no filter left out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Because(Asked):
    """Why, of a request without a body."""

    why: Words = ""
    """For the record."""


def _uncursor(given: object) -> object:
    """What a cursor stands for.

    Raises:
        ValueError: It is none of ours.
    """
    try:
        read = base64.b64decode(str(given), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ValueError("this is no cursor: use `next` of the page before") from error
    if not _CURSOR.fullmatch(read):
        raise ValueError("this is no cursor: use `next` of the page before")
    return read


Cursor = Annotated[
    str,
    BeforeValidator(_uncursor),
    WithJsonSchema({"type": "string", "maxLength": 400, "description": "From `next` of the page before."}),
]


class WantedExecutions(Asked):
    """Which executions; every part narrows the rest."""

    status: Status | None = None
    agent: list[Name] = Field(default_factory=list[str], max_length=50)
    """Any of these; may be given several times."""
    user: Name | None = None
    """Whose."""
    thread: Name | None = None
    """Of this conversation."""
    since: Moment | None = None
    """Started at this time or later."""
    until: Moment | None = None
    """Started before."""

    def wanted(self) -> Wanted:
        """The same as data."""
        return Wanted(
            status=self.status,
            agents=tuple(self.agent),
            user=self.user,
            thread=self.thread,
            since=self.since,
            until=self.until,
        )


class Page(Asked):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=MOST)
    """Items of a page, up to 200."""
    cursor: Cursor | None = None


def cursor(of: str) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(of.encode()).decode()


# --- whose


def for_everybody(caller: Caller) -> bool:
    """Whether the caller is bound to no user and to no agents, and so sees what concerns them all."""
    return caller.user is None and not caller.agents


def refuse_bound(caller: Caller) -> None:
    """Refuse a change that concerns everybody to a caller who does not reach everybody.

    Raises:
        Forbidden: They are bound to a user, or to agents.
    """
    if not for_everybody(caller):
        raise Forbidden("this key is bound to a user or to agents, and this concerns all of them")
