"""How the store and its executions are."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A worker with a live lease, as other workers need to know it."""

    id: str
    host: str
    pid: int
    drains: bool
    """Whether it takes nothing new that another worker could take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep found: dead workers' executions made claimable, approvals that ran out."""

    taken_over: int
    expired: int
    peers: tuple[Peer, ...] = ()
    """Workers with a live lease, as it left them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the store takes writes, and if not, why and since when."""

    ok: bool
    detail: str
    queued: int
    """Appends that wait for the writer now."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether an app can serve now, and if not, why."""

    ready: bool
    reasons: tuple[str, ...]
    """In words, without names of hosts; empty when it is ready."""
    workers: int
    """Processes with a live lease; 0 also while nobody can know."""
