"""The trail as a timetable: what is to be asked for when, and what became of it.

A schedule is a row of `agent_controls`, like everything that workers share: a firing locks it, compares it with what
was seen, and stores the new state with the executions that it starts, in one transaction.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from holdfast.trail import schema
from holdfast.trail.controls.cell import Data
from holdfast.trail.controls.read import as_json
from holdfast.trail.parts import Parts
from holdfast.trail.requests import Cancel, Fire, Manage
from holdfast.types import Firing, NewExecution, Schedule, Scheduled, Sensed

_HISTORY = 50
"""Times that are remembered of a schedule."""


class ScheduleSide:
    """Keeps schedules, and what sensors have seen."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def schedules(self) -> Sequence[Scheduled]:
        """All schedules, by name."""
        found = await self._parts.reader.run(lambda c: _cells(c, "schedule"))
        return [from_data(name, data) for name, data in found]

    async def sensed(self, name: str) -> Sensed:
        """How far a sensor is."""
        found = await self._parts.reader.run(lambda c: dict(_cells(c, "sensor", name)))
        data = found.get(name, {})
        next_at = data.get("next_at")
        return Sensed(
            cursor=data.get("cursor"),
            next_at=datetime.fromisoformat(next_at) if next_at else None,
            failures=data.get("failures", 0),
            error=data.get("error"),
        )

    async def has_key(self, agent: str, key: str) -> bool:
        """Whether an execution was started under this idempotency key."""
        kept = self._parts.prepare.key(key)
        c = schema.executions.c
        query = select(c.id).where(c.agent_type == agent, c.idempotency_key == kept)
        return await self._parts.reader.run(lambda connection: connection.execute(query).first() is not None)

    async def set_schedule(self, given: Scheduled, *, by: str, why: str = "") -> None:
        """Put a schedule in force, or change the one of that name."""
        data = {**as_data(given), "paused": _paused(given)}
        await self._manage_schedule("schedule.set", given.schedule.name, data, by, why)

    async def change_schedule(self, name: str, action: str, change: Mapping[str, Any], *, by: str, why: str) -> None:
        """Pause it, or let it go on.

        Raises:
            NotFound: There is none of that name.
        """
        await self._manage_schedule(action, name, dict(change), by, why, merges=True)

    async def drop_schedule(self, name: str, *, by: str, why: str = "") -> None:
        """Take it away; what it started goes on.

        Raises:
            NotFound: There is none of that name.
        """
        await self._manage_schedule("schedule.dropped", name, None, by, why, must_exist=True)

    async def fire(  # noqa: PLR0913 - what a firing changes
        self,
        kind: str,
        key: str,
        *,
        was: Mapping[str, Any],
        changes: Mapping[str, Any],
        starts: Sequence[NewExecution] = (),
        cancels: Sequence[str] = (),
    ) -> bool:
        """Start these, cancel those and move the row on, in one transaction; `False`: it is not as it was seen."""
        prepare = self._parts.prepare
        asked = Fire(
            kind=kind,
            key=key,
            was=was,
            changes=_plain(changes),
            starts=[prepare.start(one) for one in starts],
            cancels=[
                Cancel(execution_id=execution_id, by=f"{kind} {key}", at=prepare.now()) for execution_id in cancels
            ],
            at=prepare.now(),
        )
        return bool(await self._parts.write(asked))

    async def _manage_schedule(  # noqa: PLR0913 - the parts of an entry
        self,
        action: str,
        name: str,
        data: Data | None,
        by: str,
        why: str,
        *,
        merges: bool = False,
        must_exist: bool = False,
    ) -> None:
        prepare = self._parts.prepare
        asked = Manage(
            action=action, kind="schedule", key=name, data=data and _plain(data), by=prepare.who(by),
            why=prepare.words(why), at=prepare.now(), merges=merges, must_exist=must_exist or merges,
        )  # fmt: skip
        await self._parts.write(asked)


def as_data(given: Scheduled) -> Data:
    """A schedule as it is stored, without whether it is paused."""
    one = given.schedule
    return {
        "agent": one.agent, "input": one.input, "cron": one.cron, "every_s": one.every_s, "at": _text(one.at),
        "timezone": one.timezone, "user": one.user, "priority": one.priority, "missed": one.missed,
        "overlap": one.overlap, "source": one.source, **progress(given),
    }  # fmt: skip


def progress(given: Scheduled) -> Data:
    """The part that a firing changes."""
    return {
        "next_at": _text(given.next_at),
        "queued": [_text(at) for at in given.queued],
        "asked": [_text(at) for at in given.asked],
        "last": given.last_execution,
        "history": [
            [_text(one.at), _text(one.noted_at), one.what, one.execution_id, one.why]
            for one in given.history[:_HISTORY]
        ],
    }


def seen(given: Scheduled) -> Data:
    """What must not have changed meanwhile."""
    now = progress(given)
    return {name: now[name] for name in ("next_at", "queued", "asked", "last")}


def from_data(name: str, data: Data) -> Scheduled:
    """A schedule as it was stored."""
    paused = data.get("paused")
    names = ("agent", "input", "cron", "every_s", "timezone", "user", "priority", "missed", "overlap", "source")
    return Scheduled(
        schedule=Schedule(name, at=_moment(data["at"]), **{key: data[key] for key in names}),
        next_at=_moment(data["next_at"]),
        paused_by=paused["by"] if paused else None,
        paused_why=paused["why"] if paused else None,
        queued=tuple(datetime.fromisoformat(at) for at in data["queued"]),
        asked=tuple(datetime.fromisoformat(at) for at in data["asked"]),
        last_execution=data["last"],
        history=tuple(
            Firing(
                at=datetime.fromisoformat(at),
                noted_at=datetime.fromisoformat(noted),
                what=what,
                execution_id=id_,
                why=why,
            )
            for at, noted, what, id_, why in data["history"]
        ),
    )


def _paused(given: Scheduled) -> Data | None:
    return {"by": given.paused_by, "why": given.paused_why} if given.paused_by else None


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _plain(data: Mapping[str, Any]) -> Data:
    return json.loads(json.dumps(dict(data)))


def _cells(connection: Connection, kind: str, key: str | None = None) -> list[tuple[str, Data]]:
    c = schema.controls.c
    query = select(c.key, c.data).where(c.kind == kind).order_by(c.key)
    found = connection.execute(query if key is None else query.where(c.key == key))
    return [(name, as_json(data)) for name, data in found]
