"""Schedules: requests that are made when their time comes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from holdfast.types.value import Json

Missed = Literal["skip", "latest", "all"]
"""What becomes of times that came while nobody looked: none of them is made up for, the last one is, each is."""
Overlap = Literal["skip", "queue", "cancel_previous"]
"""What becomes of a time that comes while the execution before goes on: nothing, it begins after that, or instead."""
Fired = Literal["started", "skipped", "queued", "missed", "failed"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A request that is made again and again, or once, in the whole fleet once for each of its times.

    Give one of `cron`, `every_s` and `at`.
    """

    name: str
    agent: str = field(kw_only=True)
    input: Json = field(default=None, kw_only=True)
    cron: str | None = field(default=None, kw_only=True)
    """Five fields: minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`, `@monthly`."""
    every_s: float | None = field(default=None, kw_only=True)
    at: datetime | None = field(default=None, kw_only=True)
    timezone: str = field(default="UTC", kw_only=True)
    """Of `cron`: an IANA name."""
    user: str | None = field(default=None, kw_only=True)
    """Whose requests they are."""
    priority: int = field(default=0, kw_only=True)
    missed: Missed = field(default="skip", kw_only=True)
    overlap: Overlap = field(default="skip", kw_only=True)
    source: Literal["config", "operator", "code"] = field(default="operator", kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time of a schedule, and what became of it."""

    at: datetime
    """When it was to be."""
    noted_at: datetime
    what: Fired
    execution_id: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A schedule as it stands."""

    schedule: Schedule
    next_at: datetime | None
    """`None`: it is over."""
    paused_by: str | None = None
    """Who paused it; `None`: it is not paused."""
    paused_why: str | None = None
    queued: tuple[datetime, ...] = ()
    """Times that came and wait for the execution before them to end."""
    asked: tuple[datetime, ...] = ()
    """When people asked for its request to be made at once, which a worker does."""
    last_execution: str | None = None
    history: tuple[Firing, ...] = ()
    """The newest first, a bounded number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """How far a sensor is."""

    cursor: Json = None
    """Where it goes on, as it said itself."""
    next_at: datetime | None = None
    """When it is asked again; `None`: it never was."""
    failures: int = 0
    """In a row."""
    error: str | None = None
    """Of the last one."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something new that a sensor saw."""

    key: str
    """Its own, for ever: an item of a key that was seen before is no new one."""
    input: Json
    """What is asked about it."""
    user: str | None = field(default=None, kw_only=True)
    """Whose request it is. Default: the sensor's."""


@dataclass(frozen=True, slots=True)
class Items:
    """What a sensor saw, and where it goes on next time."""

    items: Sequence[Item] = ()
    cursor: Json = None
