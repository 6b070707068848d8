"""Commands about schedules: what is asked when its time comes."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, note, table
from holdfast.types import Missed, Overlap, Schedule, Scheduled


async def schedules(*, common: Common = COMMON) -> int:
    """List schedules, when each comes next, and what became of its last time.

    Args:
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.schedules.all()
    if common.json:
        for one in found:
            emit(one)
        return exits.OK
    if not found:
        note("no schedules: holdfast schedule add NAME --agent AGENT --cron '0 2 * * *' --timezone Europe/Berlin")
        return exits.OK
    rows = [[one.schedule.name, one.schedule.agent, _when(one.schedule), _next(one), _last(one)] for one in found]
    draw(table(["schedule", "agent", "when", "next (UTC)", "last"], rows, widest="schedule"))
    return exits.OK


async def history(name: str, /, *, common: Common = COMMON) -> int:
    """Show what became of the last times of a schedule.

    Args:
        name: The schedule.
        common: What every command takes.
    """
    async with looking(common) as app:
        found = (await app.schedules.get(name)).history
    if common.json:
        for one in found:
            emit(one)
        return exits.OK
    if not found:
        note(f"schedule {name} has not come yet")
        return exits.OK
    rows = [
        [f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", one.what, one.execution_id or one.why or ""] for one in found
    ]
    draw(table(["time (UTC)", "what", "execution, or why"], rows, widest="execution, or why"))
    return exits.OK


async def add(  # noqa: PLR0913 - one per option
    name: str,
    /,
    *,
    agent: str,
    input_: Annotated[str, Parameter(name="--input")] = "",
    cron: str | None = None,
    every_s: float | None = None,
    at: datetime | None = None,
    timezone: str = "UTC",
    user: str | None = None,
    priority: int = 0,
    missed: Missed = "skip",
    overlap: Overlap = "skip",
    why: str = "",
    common: Common = COMMON,
) -> int:
    """Put a schedule in force, or change the one of that name.

    Args:
        name: What to call it.
        agent: Who is asked.
        input_: What is asked.
        cron: Minute, hour, day of month, month, day of week.
        every_s: Every so many seconds, instead.
        at: Once, at this time, instead; without a zone, of this machine.
        timezone: Of --cron.
        user: Whose requests they are.
        priority: Higher is worked earlier.
        missed: Of times that came while no worker looked: skip them, make up for the latest, or for all (up to 100).
        overlap: While the execution before goes on: skip, queue, or cancel_previous.
        why: For the record.
        common: What every command takes.
    """
    given = Schedule(
        name, agent=agent, input=input_, cron=cron, every_s=every_s, at=at.astimezone() if at else None,
        timezone=timezone, user=user, priority=priority, missed=missed, overlap=overlap,
    )  # fmt: skip
    async with looking(common) as app:
        found = await app.schedules.set(given, by=os_user(), why=why)
    return exits.done(f"schedule {name} is in force: next {_next(found)} UTC", found, as_json=common.json)


async def drop(name: str, /, *, why: str = "", common: Common = COMMON) -> int:
    """Take a schedule away; what it started goes on.

    Args:
        name: The schedule.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.schedules.drop(name, by=os_user(), why=why)
    return exits.done(f"schedule {name} is gone", {"dropped": name}, as_json=common.json)


async def pause(name: str, /, *, why: str = "", common: Common = COMMON) -> int:
    """Let a schedule fire no more until it is resumed.

    Args:
        name: The schedule.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.schedules.pause(name, by=os_user(), why=why)
    return exits.done(f"schedule {name} is paused", {"paused": name}, as_json=common.json)


async def resume(name: str, /, *, why: str = "", common: Common = COMMON) -> int:
    """Let a schedule fire again; what came meanwhile is not made up for.

    Args:
        name: The schedule.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.schedules.resume(name, by=os_user(), why=why)
        found = await app.schedules.get(name)
    return exits.done(f"schedule {name} goes on: next {_next(found)} UTC", found, as_json=common.json)


async def run(name: str, /, *, common: Common = COMMON) -> int:
    """Let a worker make a schedule's request now, besides its times.

    Args:
        name: The schedule.
        common: What every command takes.
    """
    async with looking(common) as app:
        at = await app.schedules.run(name, by=os_user())
    return exits.done(
        f"a worker makes the request of {name} within seconds",
        {"asked": name, "at": at.isoformat()},
        as_json=common.json,
    )


def _when(one: Schedule) -> str:
    if one.cron is not None:
        return f"{one.cron} {one.timezone}"
    return f"every {one.every_s:g} s" if one.every_s is not None else "once"


def _next(one: Scheduled) -> str:
    if one.paused_by:
        return f"paused by {one.paused_by}"
    return f"{one.next_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if one.next_at else "over"


def _last(one: Scheduled) -> str:
    return f"{one.history[0].what} {one.history[0].at.astimezone(UTC):%m-%d %H:%M}" if one.history else ""
