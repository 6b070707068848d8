"""Who may come in, who I am, how people are reached, and whether the record is whole."""

import asyncio
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Literal, cast, get_args

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.config import Settings
from holdfast.doors.http.console.figures import now
from holdfast.doors.http.console.forms import Form
from holdfast.doors.http.console.shell import app_of, page, redirect, url
from holdfast.doors.http.guard import needs
from holdfast.errors import NotFound, Refused, StoreError, UsageError
from holdfast.policy.roles import POWERS
from holdfast.trail.audit import Report
from holdfast.types import Caller, Key, Role
from holdfast.version import __version__

router = APIRouter(include_in_schema=False)

MOST_EVENTS: Final = 50_000
"""A longer journal is checked by the command, not beside people's requests."""
_SHOWN: Final = 100
_EXPIRY: Final[Mapping[str, str]] = {"": "never", "30": "in 30 days", "90": "in 90 days", "365": "in a year"}
_CHANNELS: Final = ("slack", "telegram", "email", "webhook")
_CHECKING: Final = asyncio.Lock()
"""One check at a time in a process: it reads everything."""
Administers = Annotated[Caller, Depends(needs("administer"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A key, link or session in the list."""

    key: Key
    state: Literal["active", "expired", "revoked"]
    reach: str
    """Whose executions, of which agents."""
    mine: bool
    """Whether it is what the caller came with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made just now, to be shown once."""

    name: str
    role: str
    secret: str
    what: Literal["key", "link"]


@router.get("/settings")
async def settings(request: Request, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """The page."""
    return await _page(request, caller)


@router.post("/settings/keys")
async def create_key(request: Request, caller: Administers, form: Form) -> Response:
    """Make a key, or a login link for a person; its secret stands on this one page."""
    access, role = app_of(request).access, cast("Role", form.text("role", "viewer"))
    agents = [name.strip() for name in form.text("agents").split(",") if name.strip()]
    name, user = form.text("name"), form.optional("user")
    try:
        if form.text("what") == "link":
            token = await access.login_link(name=name, role=role, user=user, agents=agents, by=caller.name)
            address = f"{_origin(request)}{url(request, f'/login/{token}')}"
            return await _page(request, caller, made=Made(name=name, role=role, secret=address, what="link"))
        days = form.text("expires")
        until = now() + timedelta(days=int(days)) if days in _EXPIRY and days else None
        key, secret = await access.create_key(
            name, role=role, user=user, agents=agents, expires_at=until, by=caller.name
        )
    except UsageError as error:
        return await _page(request, caller, problem=str(error), status=422)
    return await _page(request, caller, made=Made(name=key.name, role=key.role, secret=secret, what="key"))


@router.post("/settings/keys/{key_id}/revoke")
async def revoke_key(request: Request, key_id: str, caller: Administers) -> Response:
    """End a key and the sessions that came from it, or one session."""
    try:
        ended = await app_of(request).access.revoke_key(key_id, by=caller.name)
    except NotFound as error:
        return redirect(request, "/settings", problem=str(error))
    return redirect(
        request, "/settings", note=f"{ended.name}'s {ended.kind} is revoked, everywhere within two seconds."
    )


@router.post("/settings/verify")
async def verify(request: Request, caller: Annotated[Caller, Depends(needs("operate"))]) -> Response:
    """Check the hash chains of the whole record, where it is short enough for that."""
    if caller.user is not None or caller.agents:
        raise NotFound("there is no such thing for you")
    if _CHECKING.locked():
        return redirect(request, "/settings", problem="A check is running already: wait for it.")
    async with _CHECKING:
        try:
            found = await app_of(request).control.verify(most_events=MOST_EVENTS)
        except (StoreError, Refused, NotFound) as error:
            return redirect(request, "/settings", problem=f"Not checked: {error}")
    return await _page(request, caller, checked=("too long" if found is None else found))


async def _page(  # noqa: PLR0913 - what the page may have to say
    request: Request,
    caller: Caller,
    *,
    made: Made | None = None,
    checked: Report | Literal["too long"] | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    app = app_of(request)
    administers = "administer" in POWERS[caller.role]
    keys, sessions, fleet = await asyncio.gather(
        app.access.keys() if administers else _none(),
        app.access.keys("session") if administers else _none(),
        app.control.fleet(),
    )
    return await page(
        request, "settings.html", caller=caller, status=status, title="Settings", made=made, checked=checked,
        problem=problem, powers=sorted(POWERS[caller.role]), roles=get_args(Role), expiry=_EXPIRY,
        keys=key_views(keys, caller), sessions=[one for one in key_views(sessions, caller) if one.state == "active"],
        channels=channels(app.settings), people=sorted(app.settings.people.items()), place=fleet.place,
        redaction=(len(app.settings.redact_keys), len(app.settings.redact_patterns)), config=app.settings,
        versions={"holdfast": __version__, "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version},
        most_events=MOST_EVENTS, whole=caller.user is None and not caller.agents,
    )  # fmt: skip


async def _none() -> Sequence[Key]:
    return ()


def key_views(keys: Sequence[Key], caller: Caller) -> Sequence[KeyView]:
    """Keys with how they stand, those that count first, the newest first. Pure, but for the time."""
    views = [
        KeyView(key=key, state=_state(key), reach=_reach(key), mine=key.id == caller.credential)
        for key in sorted(keys, key=lambda one: one.created_at, reverse=True)
    ]
    return sorted(views, key=lambda one: one.state != "active")[:_SHOWN]


def channels(settings: Settings) -> Sequence[tuple[str, bool]]:
    """Ways to people, and whether each is configured; never how."""
    return [(name, bool(getattr(settings, name))) for name in _CHANNELS]


def _state(key: Key) -> Literal["active", "expired", "revoked"]:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now() else "active"


def _reach(key: Key) -> str:
    user = f"executions of {key.user}" if key.user else "its own executions" if key.role == "runner" else "everything"
    return f"{user}, agents {', '.join(key.agents)}" if key.agents else user


def _origin(request: Request) -> str:
    """Where people reach this console: as configured, else as this request came."""
    return app_of(request).settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
