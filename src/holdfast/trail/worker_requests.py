"""What workers tell the writer of themselves, and what operators tell workers through it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from holdfast.types import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    worker_id: str
    host: str
    pid: int
    lease_s: float
    now: datetime
    offer: Offer = field(default_factory=Offer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    worker_id: str
    lease_s: float
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """An operator lets a worker take nothing new that another worker could take."""

    worker_id: str
    by: str
    why: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpin:
    """An operator lets executions go on with any version of their agent."""

    agent: str
    version: str | None
    """Of those that are pinned to this one; `None`: to any."""
    execution_id: str | None
    """This one alone; `None`: all of them."""
    limit: int
    """So many in one transaction."""
    by: str
    why: str
    at: str


Lease: TypeAlias = Register | Renew
Steer: TypeAlias = Drain | Unpin
"""What operators do about who works on what."""
