"""Commands about who may come in: make a key or a login link, list what there is, end one."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.text import Text

from holdfast.app import App
from holdfast.doors import exits
from holdfast.doors.desk import looking, only
from holdfast.doors.grants import seconds
from holdfast.doors.logs import write_logs
from holdfast.doors.options import COMMON, Common, os_user, refuse_missing
from holdfast.doors.screen import draw, emit, note, plain, say, shorten, table
from holdfast.trail.place import locate
from holdfast.types import Key, KeyKind, Role

By = Annotated[str | None, Parameter(show_default=False)]
RoleOption = Annotated[Role, Parameter(name=("--role", "--scope"))]
Agents = Annotated[tuple[str, ...], Parameter(name="--agent", negative=())]
_NEAR: Final = "http://127.0.0.1:8321"
"""Where `holdfast serve` listens unless it is told otherwise."""


async def create(  # noqa: PLR0913 - one per option
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    role: RoleOption,
    user: str | None = None,
    agent: Agents = (),
    expires: str | None = None,
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Make an API key. Its secret is shown this once; the database has only its hash.

    viewer looks; runner starts executions and sees its own; approver looks and answers; operator does all of that and
    steers what runs; admin also makes keys.

    Args:
        name: Stands on the record for what is done with it.
        role: What it may do.
        user: Whose executions it starts and sees. Default: everybody's; for a runner a user called as the key.
        agent: Which agent it reaches; may be given several times. Default: all.
        expires: After which time it is good for nothing, such as 12h or 90d. Default: never.
        by: Who makes it. Default: the user of this machine.
        common: What every command takes.
    """
    until = datetime.now(UTC) + timedelta(seconds=seconds(expires)) if expires else None
    async with _making(common) as app:
        made, secret = await app.access.create_key(
            name, role=role, user=user, agents=agent, expires_at=until, by=by or os_user()
        )
    if common.json:
        emit({**_told(made), "secret": secret})
        return exits.OK
    say(f"{made.name} is {_article(made.role)} from now on{_ends(made)}; this secret is not shown again:")
    say(f"  {secret}")
    say("  send it as a header, Authorization: Bearer hf_..., or paste it on the console's login page;")
    say(f"  to end it: holdfast keys revoke {made.id}{common.where}")
    return exits.OK


async def link(  # noqa: PLR0913 - one per option
    *,
    name: str | None = None,
    role: RoleOption = "operator",
    user: str | None = None,
    agent: Agents = (),
    for_: Annotated[str, Parameter(name="--for")] = "10m",
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Make a link that logs one browser in to the console, once.

    Args:
        name: Who it is for; stands on the record for what they do. Default: the user of this machine.
        role: What they may do.
        user: Whose executions they start and see. Default: everybody's; for a runner a user called as the name.
        agent: Which agent they reach; may be given several times. Default: all.
        for_: How long it may be used, such as 10m or 1h.
        by: Who makes it. Default: the user of this machine.
        common: What every command takes.
    """
    lasts_s = seconds(for_)
    async with _making(common) as app:
        who = name or os_user()
        token = await app.access.login_link(
            name=who, role=role, user=user, agents=agent, lasts_s=lasts_s, by=by or os_user()
        )
        path, public = f"/login/{token}", app.settings.public_url
    if common.json:
        emit({"name": who, "role": role, "path": path, "url": f"{public or _NEAR}{path}"})
        return exits.OK
    say(f"{who} logs in as {_article(role)}, once, within {for_}:")
    say(f"  {public or _NEAR}{path}")
    if not public:
        note("set public_url where people reach the console at another address: the path stays the same")
    return exits.OK


async def listed(
    *,
    sessions: Annotated[bool, Parameter(negative=())] = False,
    links: Annotated[bool, Parameter(negative=())] = False,
    common: Common = COMMON,
) -> int:
    """List API keys, oldest first, without their secrets.

    Args:
        sessions: Browsers that are, or were, logged in, instead.
        links: Login links, instead.
        common: What every command takes.
    """
    kind: KeyKind = "session" if sessions else "link" if links else "key"
    async with looking(common) as app:
        found = await app.access.keys(kind)
    if common.json:
        for one in found:
            emit(_told(one))
    elif not found:
        note(f"no {kind}s: holdfast keys {'create NAME --role viewer' if kind == 'key' else 'link'} makes one")
    else:
        now = datetime.now(UTC)
        columns = ["id", "name", "role", "reaches", "used (UTC)", "state", "by"]
        draw(table(columns, [_row(one, now) for one in found], widest="name"))
    return exits.OK


async def revoke(id_: Annotated[str, Parameter(name="ID")], /, *, by: By = None, common: Common = COMMON) -> int:
    """End a key and the sessions that came from it, or one session or link; servers heed it within 2 seconds.

    Args:
        id_: Its id, or at least 6 characters of its start or end.
        by: Who. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        known = [one.id for kind in ("key", "session", "link") for one in await app.access.keys(kind)]
        ended = await app.access.revoke_key(
            only(_naming(known, id_), id_, "key", look="holdfast keys list"), by=by or os_user()
        )
    told = f"{ended.kind} {ended.id} of {ended.name} is revoked"
    return exits.done(told, _told(ended), as_json=common.json)


def _naming(known: Sequence[str], given: str) -> list[str]:
    """Ids that may be meant; a secret that is pasted instead of its id names it too."""
    part = given.split("_")[1] if given.startswith(("hf_", "hl_", "hs_")) and given.count("_") > 1 else given
    return [one for one in known if one.startswith(part) or one.endswith(part)]


@asynccontextmanager
async def _making(common: Common) -> AsyncGenerator[App]:
    """The app on a database, which is made if it is a file that is not there: a key may come before everything else."""
    write_logs()
    app = App(database=common.database)
    is_new = _is_missing(app.database)
    if not is_new:
        refuse_missing(app.database)
    async with app:
        if is_new:
            note(f"there was no database yet: made {locate(app.database).shown}")
        yield app


def _is_missing(database: str) -> bool:
    place = locate(database)
    return place.kind == "sqlite" and not Path(place.path).exists()


def _told(key: Key) -> dict[str, object]:
    """A key as programs read it."""
    return {field.name: plain(getattr(key, field.name)) for field in fields(key)}


def _row(key: Key, now: datetime) -> list[str | Text]:
    return [
        key.id,
        shorten(key.name, 40),
        key.role,
        shorten(_reaches(key), 40),
        f"{key.last_used_at:%m-%d %H:%M}" if key.last_used_at else "never",
        _state(key, now),
        shorten(key.created_by, 24),
    ]


def _reaches(key: Key) -> str:
    whose = key.user or (key.name if key.role == "runner" else None)
    agents = ", ".join(key.agents) or "all agents"
    return f"{agents}, of {whose}" if whose else agents


def _state(key: Key, now: datetime) -> str:
    if key.revoked_at:
        return f"{'used' if key.kind == 'link' else 'revoked'} {key.revoked_at:%m-%d %H:%M}"
    if key.expires_at is None:
        return "in force"
    return f"{'until' if key.expires_at > now else 'expired'} {key.expires_at:%Y-%m-%d %H:%M}"


def _ends(key: Key) -> str:
    return f", until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""


def _article(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
