"""Commands that stop things and start them again: pause, resume, breakers, and the record of who did what."""

from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, line, note, shorten, table, words
from holdfast.types import Breaker, BreakerKind, SwitchKind

By = Annotated[str | None, Parameter(show_default=False)]


async def pause(kind: SwitchKind, name: str = "*", /, *, why: str, by: By = None, common: Common = COMMON) -> int:
    """Stop an agent, a tool, a model or everything, in every worker, from the next dispatch on.

    Executions of a paused agent wait as they are; calls of a paused tool are answered with the reason; a paused
    model is passed over by its chain, or waited for.

    Args:
        kind: agent, tool, model or all.
        name: Which one; nothing with all.
        why: For the record, and for whoever finds it stopped.
        by: Who. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.pause(kind, name, by=by or os_user(), why=why)
    what = "everything" if kind == "all" else f"{kind} {name}"
    where = "" if kind == "all" else f" {name}"
    return exits.done(
        f"{what} is stopped; holdfast resume {kind}{where}{common.where}", {"paused": [kind, name]}, as_json=common.json
    )


async def resume(kind: SwitchKind, name: str = "*", /, *, why: str = "", by: By = None, common: Common = COMMON) -> int:
    """Let go on what was paused.

    Args:
        kind: agent, tool, model or all.
        name: Which one; nothing with all.
        why: For the record.
        by: Who. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.resume(kind, name, by=by or os_user(), why=why)
    return exits.done(
        f"{'everything' if kind == 'all' else f'{kind} {name}'} goes on", {"resumed": [kind, name]}, as_json=common.json
    )


async def controls(*, common: Common = COMMON) -> int:
    """Show what is stopped, and which circuit breakers are not closed.

    Args:
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.control.look()
    if common.json:
        emit(found)
        return exits.OK
    if not found.switches and not found.breakers:
        note("nothing is stopped, and every breaker is closed")
        return exits.OK
    if found.switches:
        rows = [[s.kind, s.name, s.by, f"{s.at:%m-%d %H:%M}", shorten(s.why, 60)] for s in found.switches]
        draw(table(["stopped", "name", "by", "since (UTC)", "why"], rows, widest="why"))
    if found.breakers:
        rows = [_breaker_row(b) for b in found.breakers]
        draw(table(["breaker", "name", "state", "probe at (UTC)", "failed", "why"], rows, widest="why"))
    return exits.OK


async def breaker_open(kind: BreakerKind, name: str, /, *, why: str, by: By = None, common: Common = COMMON) -> int:
    """Open a circuit breaker until somebody closes it.

    Args:
        kind: model, provider or tool.
        name: Which one.
        why: For the record, and for the model that asks for it.
        by: Who. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.open_breaker(kind, name, by=by or os_user(), why=why)
    told = f"the breaker of {kind} {name} is open; holdfast breaker close {kind} {name}{common.where}"
    return exits.done(told, {"opened": [kind, name]}, as_json=common.json)


async def breaker_close(
    kind: BreakerKind, name: str, /, *, why: str = "", by: By = None, common: Common = COMMON
) -> int:
    """Close a circuit breaker and forget its failures.

    Args:
        kind: model, provider or tool.
        name: Which one.
        why: For the record.
        by: Who. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.close_breaker(kind, name, by=by or os_user(), why=why)
    return exits.done(f"the breaker of {kind} {name} is closed", {"closed": [kind, name]}, as_json=common.json)


async def audit(*, after: int = 0, limit: int = 50, common: Common = COMMON) -> int:
    """Show what operators, configuration and breakers changed, oldest first.

    Args:
        after: Only entries above this number.
        limit: How many at most.
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.control.record(after=after, limit=limit)
    if common.json:
        for entry in found:
            emit(entry)
        return exits.OK
    if not found:
        note("nothing was changed yet")
        return exits.OK
    rows = [[str(one.seq), f"{one.at:%m-%d %H:%M:%S}", one.kind, shorten(words(one.data), 120)] for one in found]
    draw(table(["no.", "at (UTC)", "what", "data"], rows, widest="data"))
    return exits.OK


def _breaker_row(found: Breaker) -> list[str | Text]:
    why = f"by {found.forced_by}: {found.reason}" if found.forced_by else found.reason
    return [
        found.kind,
        found.name,
        line((found.status.replace("_", "-"), _STYLE[found.status])),
        f"{found.until:%H:%M:%S}" if found.until else "",
        f"{found.failed:,} of {found.ok + found.failed:,}",
        shorten(why, 60),
    ]


_STYLE = {"closed": "green", "open": "red", "half_open": "yellow"}
