"""When a schedule fires: its times, what is made up for, what overlaps. Pure.

In the hour that a change of clocks leaves out, what was set for it fires when that hour would have begun to be over;
in the hour that comes twice, a schedule for certain hours fires once, the first time, and one for every hour each time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from holdfast.errors import UsageError
from holdfast.types import Fired, Schedule

GRACE_S: Final = 60.0
"""Later than this a time counts as missed."""
MOST: Final = 100
"""Times that are made up for, or wait in line: the newest."""
_SHORTEST_S: Final = 1.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_EVERY_HOUR: Final = {"@hourly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be done now."""

    fire: Sequence[datetime]
    """Times whose request is to be made."""
    missed: Sequence[datetime]
    """Times that are let go; of many the newest."""
    next_at: datetime | None


def check(schedule: Schedule, *, now: datetime) -> None:
    """Whether a schedule can be.

    Raises:
        UsageError: It cannot; the message says what would work.
    """
    named = f"schedule {schedule.name!r}"
    if not _NAME.fullmatch(schedule.name):
        raise UsageError(f"{named}: use letters, digits, '_', '-' and '.' in its name, up to 100 of them")
    if sum(given is not None for given in (schedule.cron, schedule.every_s, schedule.at)) != 1:
        raise UsageError(f"{named}: give one of cron, every_s and at")
    if schedule.every_s is not None and not _SHORTEST_S <= schedule.every_s <= 366 * 86_400:
        raise UsageError(f"{named}: every_s={schedule.every_s:g}: give 1 second or more, up to a year")
    if schedule.at is not None and schedule.at.tzinfo is None:
        raise UsageError(f"{named}: at={schedule.at.isoformat()} has no zone: give one, e.g. with tzinfo=UTC")
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"{named}: there is no time zone {schedule.timezone!r}: give e.g. 'Europe/Berlin'") from error
    if schedule.cron is not None:
        _check_cron(named, schedule, now)


def _check_cron(named: str, schedule: Schedule, now: datetime) -> None:
    cron = (schedule.cron or "").strip()
    if len(cron.split()) != 5 and not cron.startswith("@"):
        raise UsageError(f"{named}: cron={cron!r}: give five fields, e.g. '0 2 * * *' for two in the morning")
    try:
        next(_cron_times(schedule, now))
    except (ValueError, KeyError) as error:
        raise UsageError(f"{named}: cron={cron!r}: {error}") from error


def following(schedule: Schedule, after: datetime) -> datetime | None:
    """Its first time after `after`; `None`: there is none."""
    if schedule.at is not None:
        at = schedule.at.astimezone(UTC)
        return at if at > after else None
    if schedule.every_s is not None:
        return after + timedelta(seconds=schedule.every_s)
    return next(_cron_times(schedule, after))


def first(schedule: Schedule, now: datetime) -> datetime | None:
    """Its first time, when it is made now: a time that has passed fires at once."""
    return schedule.at.astimezone(UTC) if schedule.at is not None else following(schedule, now)


def due(schedule: Schedule, next_at: datetime, now: datetime) -> Due:
    """What has come since, and what of it is made up for."""
    if next_at > now:
        return Due(fire=(), missed=(), next_at=next_at)
    times = _since(schedule, next_at, now)
    on_time = [at for at in times if (now - at).total_seconds() <= GRACE_S]
    match schedule.missed:
        case "skip":
            fire = on_time[-1:]
        case "latest":
            fire = times[-1:]
        case "all":
            fire = times
    return Due(fire=fire, missed=[at for at in times if at not in fire], next_at=_next(schedule, times[-1], now))


def _since(schedule: Schedule, next_at: datetime, now: datetime) -> list[datetime]:
    """Its times from `next_at` until now, the newest of many, in order."""
    if schedule.at is not None:
        return [next_at]
    if schedule.every_s is not None:
        count = int((now - next_at).total_seconds() // schedule.every_s)
        every = timedelta(seconds=schedule.every_s)
        return [next_at + n * every for n in range(max(0, count - MOST + 1), count + 1)]
    found: list[datetime] = []
    for at in _cron_times(schedule, now + timedelta(microseconds=1), backwards=True):
        if at < next_at or len(found) == MOST:
            break
        found.append(at)
    return found[::-1] or [next_at]


def _next(schedule: Schedule, last: datetime, now: datetime) -> datetime | None:
    if schedule.every_s is not None:
        return last + timedelta(seconds=schedule.every_s)
    return None if schedule.at is not None else following(schedule, max(last, now))


def overlapping(schedule: Schedule, *, previous_goes_on: bool) -> Fired:
    """What becomes of a time that has come."""
    if not previous_goes_on or schedule.overlap == "cancel_previous":
        return "started"
    return "queued" if schedule.overlap == "queue" else "skipped"


def _cron_times(schedule: Schedule, start: datetime, *, backwards: bool = False) -> Iterator[datetime]:
    """Times in UTC after `start`, or before it, nearest first."""
    from croniter import croniter  # noqa: PLC0415 - 20 ms that only schedules are worth

    cron = (schedule.cron or "").strip()
    times: Any = croniter(cron, start.astimezone(ZoneInfo(schedule.timezone)))
    once = cron not in _EVERY_HOUR and (cron.startswith("@") or "*" not in cron.split()[1])
    while True:
        at: datetime = times.get_prev(datetime) if backwards else times.get_next(datetime)
        if not (once and at.fold and at.utcoffset() != at.replace(fold=0).utcoffset()):
            yield at.astimezone(UTC)
