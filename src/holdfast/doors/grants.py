"""Commands about standing yeses: give one, list them, take one back."""

import re
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.text import Text

from holdfast.doors import exits
from holdfast.doors.desk import looking, only
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, note, say, shorten, table
from holdfast.errors import UsageError
from holdfast.policy.grants import in_words
from holdfast.types import Grant

By = Annotated[str | None, Parameter(show_default=False)]
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?")
_UNIT_S: Final = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


async def grants(*, common: Common = COMMON) -> int:
    """List the standing yeses in force.

    Args:
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.grants()
    if common.json:
        for one in found:
            emit(one)
    elif not found:
        note("no grants: holdfast grant TOOL --for 2h --uses 20 --why WHY")
    else:
        columns = ["id", "tool", "agent", "bounds", "used", "until (UTC)", "by", "why"]
        draw(table(columns, [_row(one) for one in found], widest="why"))
    return exits.OK


def _row(one: Grant) -> list[str | Text]:
    return [
        one.id,
        one.tool,
        one.agent or "any",
        in_words(one.bounds),
        f"{one.used} of {one.uses}",
        f"{one.until:%m-%d %H:%M}",
        shorten(one.by, 24),
        shorten(one.why, 60),
    ]


async def grant(  # noqa: PLR0913 - one per option
    tool: Annotated[str, Parameter(name="TOOL")],
    /,
    *,
    for_: Annotated[str, Parameter(name="--for")],
    uses: Annotated[int, Parameter(validator=Number(gte=1))],
    why: str,
    agent: str | None = None,
    bound: Annotated[tuple[str, ...], Parameter(name="--bound", negative=())] = (),
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Let calls of a tool run without asking, within bounds, for a while and so many times.

    Args:
        tool: The tool's name.
        for_: How long, such as 30m, 2h or 1d.
        uses: How many calls at most.
        why: For the record.
        agent: Whose calls. Default: any agent's.
        bound: What an argument must keep, such as amount<=100 or 'currency in EUR,USD'; may be given several times.
        by: Who agrees beforehand. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        given = await app.grant(
            tool, by=by or os_user(), why=why, for_s=seconds(for_), uses=uses, agent=agent, bounds=bound
        )
    if common.json:
        emit(given)
    else:
        whose = f" of {given.agent}" if given.agent else ""
        say(f"{tool}{whose} runs without asking until {given.until:%Y-%m-%d %H:%M} UTC, {uses} times at most,")
        say(f"  with {in_words(given.bounds)}; to take it back: holdfast revoke {given.id}{common.where}")
    return exits.OK


async def revoke(
    id_: Annotated[str, Parameter(name="ID")], /, *, why: str = "", by: By = None, common: Common = COMMON
) -> int:
    """Take a standing yes back.

    Args:
        id_: Its id, or at least 6 characters of its start or end.
        why: For the record.
        by: Who. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        known = [one.id for one in await app.grants()]
        chosen = only(known, id_, "grant", look="holdfast grants")
        await app.revoke(chosen, by=by or os_user(), why=why)
    if common.json:
        emit({"revoked": chosen})
    else:
        say(f"grant {chosen} is revoked: people are asked again")
    return exits.OK


def seconds(written: str) -> float:
    """A duration as a person writes it.

    Raises:
        UsageError: It is none.
    """
    match = _DURATION.fullmatch(written.strip().lower())
    if not match:
        raise UsageError(f"{written!r} is no duration: write 45s, 30m, 2h or 1d")
    return float(match[1]) * _UNIT_S[match[2]]
