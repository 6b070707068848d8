"""Who serves what: what waits for a worker that is not there, and what a draining worker still has to do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from holdfast.trail.controls import read
from holdfast.trail.reader import as_stored, sure
from holdfast.trail.schema import executions, workers
from holdfast.types import Unserved

MOST: Final = 10_000
_QUEUES: Final = 200
"""Agents with versions that one look goes through."""
_C = executions.c
_PIN = func.coalesce(_C.pinned_to, text("''"))
_READY = text("status = 'pending' AND wake_at IS NULL")
_PINNED = text("pinned_to IS NOT NULL AND completed_at IS NULL")


@dataclass(frozen=True, slots=True)
class Worker:
    """A live worker, as far as it matters what it takes."""

    id: str
    serves: Mapping[str, str]
    drains: bool
    told: bool
    """Whether it says what it serves: workers of earlier versions of Holdfast do not."""

    capacity: int
    """Executions at once; 0: it works on one execution alone, or did not say."""

    @property
    def bound(self) -> bool:
        """Whether it works on one execution alone."""
        return self.told and self.capacity == 0

    def takes(self, agent: str, pinned_to: str | None) -> bool:
        """Whether it takes up what waits for an agent, pinned to a version or to none."""
        if self.bound:
            return False
        if pinned_to is not None:
            return self.serves.get(agent) == pinned_to
        return not self.drains and (agent in self.serves or not self.told)


def live(connection: Connection, now: datetime) -> list[Worker]:
    """Workers with an unexpired lease, on PostgreSQL by the database's clock."""
    c = workers.c
    present = func.now() if connection.dialect.name == "postgresql" else as_stored(connection, now)
    query = select(c.id, c.serves, c.drains_since, c.version, c.capacity).where(c.lease_until > present)
    return [
        Worker(id_, read.as_json(serves), drains is not None, bool(version), capacity)
        for id_, serves, drains, version, capacity in connection.execute(query)
    ]


def unserved(connection: Connection, now: datetime) -> tuple[Unserved, ...]:
    """What is ready and no live worker takes, the oldest first; not what an operator paused."""
    queues = list(_queues(connection))
    if not queues:
        return ()
    alive = live(connection, now)
    working = set(read.working_agents(connection, list(dict.fromkeys(agent for agent, _ in queues))))
    left = [(a, pin) for a, pin in queues if a in working and not any(one.takes(a, pin) for one in alive)]
    return tuple(sorted((_waiting(connection, *queue) for queue in left), key=lambda one: one.since))


def keeps_pins(connection: Connection, worker_id: str, now: datetime) -> bool:
    """Whether something stays with a version that, of all workers that do not drain, only this one has."""
    alive = live(connection, now)
    own = next((one for one in alive if one.id == worker_id), None)
    others = [one for one in alive if not one.drains and one.id != worker_id]
    return own is not None and any(
        _has_pinned(connection, agent, version)
        for agent, version in own.serves.items()
        if not any(one.takes(agent, version) for one in others)
    )


def pinned(connection: Connection, agents: Sequence[str]) -> dict[tuple[str, str], int]:
    """How many executions that have not ended stay with which version of these agents."""
    query = select(_C.agent_type, _C.pinned_to, func.count()).where(_PINNED, _C.agent_type.in_(agents))
    found = connection.execute(query.group_by(_C.agent_type, _C.pinned_to))
    return {(agent, version or ""): count for agent, version, count in found}


def _has_pinned(connection: Connection, agent: str, version: str) -> bool:
    query = select(_C.id).where(_PINNED, _C.agent_type == agent, _C.pinned_to == version).limit(1)
    return connection.execute(query).first() is not None


def _queues(connection: Connection) -> Iterator[tuple[str, str | None]]:
    """Each agent that something waits for, with each version that some of it is pinned to: a step of the index each."""
    agent, count = _least(connection, _C.agent_type), 0
    while agent is not None and count < _QUEUES:
        own = _C.agent_type == agent
        pin = _least(connection, _PIN, own)
        while pin is not None:
            yield agent, pin or None
            count += 1
            pin = _least(connection, _PIN, own, pin < _PIN)
        agent = _least(connection, _C.agent_type, agent < _C.agent_type)


def _least(connection: Connection, column: Any, *conditions: Any) -> str | None:
    query = select(column).where(_READY, *conditions).order_by(column).limit(1)
    return connection.execute(query).scalar()


def _waiting(connection: Connection, agent: str, pinned_to: str | None) -> Unserved:
    some = (
        select(_C.updated_at).where(_READY, _C.agent_type == agent, _PIN.in_([pinned_to or ""])).limit(MOST).subquery()
    )
    count, since = connection.execute(select(func.count(), func.min(some.c.updated_at))).one()
    return Unserved(agent=agent, pinned_to=pinned_to, count=count, since=sure(since))
