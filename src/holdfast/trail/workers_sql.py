"""The statements over workers, and over what is pinned to their versions, for both databases."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from holdfast.trail.codec import stamp
from holdfast.trail.controls.sql import Run
from holdfast.trail.requests import Sweep
from holdfast.trail.worker_requests import Drain, Lease, Register, Steer
from holdfast.types import Peer

_UNBOUND: Final = "NOT (capacity = 0 AND version <> '')"
"""Not one that works on a single execution, whose caller waits for that."""


@dataclass(frozen=True, slots=True)
class Statements:
    """One database's wording."""

    register: str
    renew: str
    drain: str
    drained: str
    unpin: str
    peers: str
    own_clock: bool
    """Whether leases are dated by the database, which is given seconds, rather than by the caller."""


def _worded(  # noqa: PLR0913 - what differs
    mark: str, text: str, *, now: str, until: str, at: str, lock: str, own_clock: bool
) -> Statements:
    json_mark = f"{mark}::jsonb" if own_clock else mark
    return Statements(
        register=f"""
            INSERT INTO agent_workers (
                id, host, pid, version, app_version, serves, capacity, started_at, lease_until, drains_since)
            VALUES ({mark}, {mark}, {mark}, {mark}, {mark}, {json_mark}, {mark}, {now}, {until},
                CASE WHEN {mark} = 1 THEN {now} END)
            ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, version = excluded.version,
                app_version = excluded.app_version, serves = excluded.serves, capacity = excluded.capacity,
                lease_until = excluded.lease_until,
                drains_since = coalesce(agent_workers.drains_since, excluded.drains_since)
        """,  # noqa: S608 - constants, here and below
        renew=f"UPDATE agent_workers SET lease_until = {until} WHERE id = {mark} RETURNING id",  # noqa: S608
        drain=f"""
            UPDATE agent_workers SET drains_since = {at} WHERE id = {mark} AND {_UNBOUND} AND drains_since IS NULL
            RETURNING id
        """,  # noqa: S608
        drained=f"SELECT id FROM agent_workers WHERE id = {mark} AND {_UNBOUND}",  # noqa: S608
        unpin=f"""
            UPDATE agent_executions SET pinned_to = NULL WHERE id IN (
                SELECT id FROM agent_executions WHERE pinned_to IS NOT NULL AND completed_at IS NULL
                AND agent_type = {mark} AND pinned_to = coalesce({text}, pinned_to) AND id = coalesce({text}, id)
                ORDER BY id LIMIT {mark} {lock})
            RETURNING id
        """,  # noqa: S608
        peers=f"""
            SELECT id, host, pid, drains_since IS NOT NULL FROM agent_workers WHERE lease_until > {now}
            ORDER BY started_at, id
        """,  # noqa: S608
        own_clock=own_clock,
    )


SQLITE: Final = _worded("?", "?", now="?", until="?", at="?", lock="", own_clock=False)
POSTGRES: Final = _worded(
    "%s",
    "%s::text",
    now="clock_timestamp()",
    until="clock_timestamp() + make_interval(secs => %s)",
    at="%s::timestamptz",
    lock="FOR NO KEY UPDATE SKIP LOCKED",
    own_clock=True,
)


def lease(run: Run, sql: Statements, asked: Lease) -> bool:
    """Register a worker, or prolong its lease; `False`: it has none any more."""
    now = stamp(asked.now)
    until = asked.lease_s if sql.own_clock else stamp(asked.now + timedelta(seconds=asked.lease_s))
    if not isinstance(asked, Register):
        return bool(run(sql.renew, (until, asked.worker_id)).fetchall())
    offer, drains = asked.offer, int(asked.offer.drains)
    row = (
        asked.worker_id, asked.host, asked.pid, offer.version, offer.app_version, json.dumps(dict(offer.serves)),
        offer.capacity,
    )  # fmt: skip
    run(sql.register, (*row, until, drains) if sql.own_clock else (*row, now, until, drains, now))
    return True


def peers(run: Run, sql: Statements, asked: Sweep) -> tuple[Peer, ...]:
    """Workers with a live lease."""
    found = run(sql.peers, () if sql.own_clock else (asked.at,)).fetchall()
    return tuple(Peer(id=i, host=host, pid=pid, drains=bool(drains)) for i, host, pid, drains in found)


def steer(run: Run, sql: Statements, asked: Steer) -> int | None:
    """Drain a worker (1, or 0 where it drains already), or unpin executions (how many); `None`: there is none."""
    if isinstance(asked, Drain):
        if run(sql.drain, (asked.at, asked.worker_id)).fetchall():
            return 1
        return 0 if run(sql.drained, (asked.worker_id,)).fetchall() else None
    return len(run(sql.unpin, (asked.agent, asked.version, asked.execution_id, asked.limit)).fetchall())


def audited(asked: Steer, count: int) -> tuple[str, dict[str, Any]]:
    """The entry for the operators' record."""
    said = {"by": asked.by, "why": asked.why}
    if isinstance(asked, Drain):
        return "worker.drained", {"worker": asked.worker_id, **said}
    of = {"agent": asked.agent, "version": asked.version, "execution": asked.execution_id}
    return "execution.unpinned", {**of, "executions": count, **said}
