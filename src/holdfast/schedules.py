"""What is asked when its time comes, as `app.schedules`: look, set, pause, run now, drop."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic_core import to_jsonable_python

from holdfast.composition import Parts
from holdfast.configured import keep_schedule
from holdfast.errors import IllegalTransition, NotFound
from holdfast.policy.schedule import first
from holdfast.types import Schedule, Scheduled


class Schedules:
    """Schedules of the whole fleet. Every verb that changes something takes `by`, who does it, and `why`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def all(self) -> Sequence[Scheduled]:
        """All, by name, with what became of their last times."""
        return await (await self._parts.trail()).schedules()

    async def get(self, name: str) -> Scheduled:
        """One of them.

        Raises:
            NotFound: There is none of that name.
        """
        return find(await self.all(), name)

    async def set(self, schedule: Schedule, *, by: str, why: str = "") -> Scheduled:
        """Put a schedule in force, or change the one of that name.

        Raises:
            UsageError: It cannot be; the message says what would work.
        """
        trail = await self._parts.trail()
        wanted = replace(schedule, input=self._parts.redactor().value(to_jsonable_python(schedule.input)))
        return await keep_schedule(trail, wanted, await trail.schedules(), now=self._parts.clock.now(), by=by, why=why)

    async def drop(self, name: str, *, by: str, why: str = "") -> None:
        """Take it away; what it started goes on.

        Raises:
            NotFound: There is none of that name.
        """
        await (await self._parts.trail()).drop_schedule(name, by=by, why=why)

    async def pause(self, name: str, *, by: str, why: str = "") -> None:
        """Fire no more until it is resumed.

        Raises:
            NotFound: There is none of that name.
            IllegalTransition: It is paused already.
        """
        if (one := await self.get(name)).paused_by:
            raise IllegalTransition(f"schedule {name!r} was paused by {one.paused_by}: {one.paused_why or 'no reason'}")
        change = {"paused": {"by": by, "why": why}}
        await (await self._parts.trail()).change_schedule(name, "schedule.paused", change, by=by, why=why)

    async def resume(self, name: str, *, by: str, why: str = "") -> None:
        """Fire again, from its next time on: what came while it was paused is not made up for.

        Raises:
            NotFound: There is none of that name.
            IllegalTransition: It is not paused.
        """
        one = await self.get(name)
        if not one.paused_by:
            raise IllegalTransition(f"schedule {name!r} is not paused")
        next_at = first(one.schedule, self._parts.clock.now())
        change = {"paused": None, "next_at": next_at.isoformat() if next_at else None}
        await (await self._parts.trail()).change_schedule(name, "schedule.resumed", change, by=by, why=why)

    async def run(self, name: str, *, by: str, why: str = "") -> datetime:
        """Let a worker make its request at once, beside its times and whatever goes on.

        Returns:
            The time under which it stands in the history.

        Raises:
            NotFound: There is none of that name.
            IllegalTransition: It is paused.
        """
        one = await self.get(name)
        if one.paused_by:
            raise IllegalTransition(f"schedule {name!r} was paused by {one.paused_by}: resume it first")
        at = self._parts.clock.now()
        change = {"asked": [asked.isoformat() for asked in (*one.asked, at)]}
        await (await self._parts.trail()).change_schedule(name, "schedule.asked", change, by=by, why=why)
        return at


def find(found: Iterable[Scheduled], name: str) -> Scheduled:
    """The one of that name.

    Raises:
        NotFound: There is none.
    """
    by_name: Mapping[str, Scheduled] = {one.schedule.name: one for one in found}
    if name not in by_name:
        raise NotFound(f"there is no schedule {name!r}; there are: {', '.join(sorted(by_name)) or 'none'}")
    return by_name[name]
