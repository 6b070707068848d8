"""What a database's workers, queue and rates are doing at one moment, for those who look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from holdfast.types.control import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldExecution:
    """An execution under a worker's lease."""

    id: str
    agent: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a worker says of itself when it registers."""

    version: str = ""
    """Of Holdfast."""
    app_version: str = ""
    """Of what is deployed, as its people name it."""
    serves: Mapping[str, str] = field(default_factory=dict[str, str])
    """Agents with the version that it has of each: it gets what is pinned to these, and to no other."""
    capacity: int = 0
    """Executions at once; 0: it is bound to one execution and what that starts."""
    drains: bool = False
    """Take nothing that another worker could take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """Executions that wait and that no live worker takes."""

    agent: str
    pinned_to: str | None
    """The version that they stay with; `None`: any would do, and there is no worker for this agent."""
    count: int
    """Counted up to `most` of the queue."""
    since: datetime
    """Of the one that has waited the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorker:
    """A process that works, or did: its row is gone once its executions were taken over."""

    id: str
    host: str
    pid: int
    started_at: datetime
    lease_until: datetime
    alive: bool
    """Whether its lease runs, by the database's clock where that has one."""
    version: str = ""
    """Of Holdfast; empty: it did not say."""
    app_version: str = ""
    """Of what is deployed, as its people name it."""
    serves: Mapping[str, str] = field(default_factory=dict[str, str])
    """Agents with the version that it has of each."""
    capacity: int = 0
    """Executions at once; 0: it is bound to one execution, or did not say."""
    drains_since: datetime | None = None
    """Since when it takes nothing new that another worker could take."""
    holding: int
    oldest: tuple[HeldExecution, ...] = ()
    """The first few that it took up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits for a worker, and what is parked with a time."""

    due: int
    """Claimable now; counted up to `most`."""
    due_since: datetime | None
    """Of the one that has been due the longest."""
    later: Mapping[str, int] = field(default_factory=dict[str, int])
    """Parked until a time, by reason; counted up to `most` in all."""
    paused: int = 0
    """Due, and stopped by a kill switch."""
    most: int = 10_000
    """Above it nobody counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFlow:
    """How much of a rate one subject has used."""

    rate: Rate
    subject: str
    """Empty for a global rate."""
    used: float
    """Of the burst: 0 at rest, 1 when the next has to wait."""
    room_in_s: float
    """Seconds until one more may go; 0: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The database itself."""

    kind: Literal["sqlite", "postgres"]
    version: str
    """Of SQLite or PostgreSQL."""
    size_bytes: int
    schema: str
    """The migration it stands at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All of it."""

    at: datetime
    workers: tuple[SeenWorker, ...]
    queue: Queue
    flows: tuple[RateFlow, ...]
    """The fullest first, at most 100."""
    place: Place
    unserved: tuple[Unserved, ...] = ()
    """What waits for a worker that is not there."""
