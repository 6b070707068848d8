"""The reading half of the health page: workers, queue, rates and the database, each by a bounded question."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select, text

from holdfast.trail import serving
from holdfast.trail.controls import rate, read
from holdfast.trail.reader import as_stored, columns, moment, rows, sure
from holdfast.trail.schema import VERSION_TABLE, controls, executions, workers
from holdfast.types import Fleet, HeldExecution, Place, Queue, RateFlow, SeenWorker

MOST: Final = 10_000
_WORKERS: Final = 200
_HELD: Final = 5
_FLOWS: Final = 100
_LATER_REASONS: Final = 50
_C = executions.c


def fleet(connection: Connection, now: datetime) -> Fleet:
    """Everything at one moment."""
    return Fleet(
        at=now,
        workers=tuple(_workers(connection, now)),
        queue=_queue(connection, now),
        flows=tuple(_flows(connection, now)),
        place=_place(connection),
        unserved=serving.unserved(connection, now),
    )


def _workers(connection: Connection, now: datetime) -> list[SeenWorker]:
    c = workers.c
    present = func.now() if connection.dialect.name == "postgresql" else as_stored(connection, now)
    query = select(*columns(workers), (c.lease_until > present).label("alive"))
    found = rows(connection, query.order_by(c.started_at, c.id).limit(_WORKERS))
    of_each = select(_C.lease_owner, func.count()).where(_C.status == text("'running'")).group_by(_C.lease_owner)
    held = {row[0]: row[1] for row in connection.execute(of_each)}
    return [
        SeenWorker(
            id=row["id"],
            host=row["host"],
            pid=row["pid"],
            started_at=sure(row["started_at"]),
            lease_until=sure(row["lease_until"]),
            alive=bool(row["alive"]),
            version=row["version"],
            app_version=row["app_version"],
            serves=read.as_json(row["serves"]),
            capacity=row["capacity"],
            drains_since=moment(row["drains_since"]),
            holding=held.get(row["id"], 0),
            oldest=_oldest(connection, row["id"]) if row["id"] in held else (),
        )
        for row in found
    ]


def _oldest(connection: Connection, worker_id: str) -> tuple[HeldExecution, ...]:
    query = (
        select(_C.id, _C.agent_type, _C.claimed_at, _C.updated_at)
        .where(_C.status == text("'running'"), _C.lease_owner == worker_id)
        .order_by(_C.claimed_at, _C.id)
        .limit(_HELD)
    )
    return tuple(
        HeldExecution(id=id_, agent=agent, since=sure(claimed or updated))
        for id_, agent, claimed, updated in connection.execute(query)
    )


def _queue(connection: Connection, now: datetime) -> Queue:
    at = as_stored(connection, now)
    pending = select(_C.agent_type, _C.status_reason, _C.wake_at, _C.updated_at).where(_C.status == text("'pending'"))
    due = pending.where((_C.wake_at.is_(None)) | (_C.wake_at <= at)).limit(MOST).subquery()
    by_agent = connection.execute(
        select(due.c.agent_type, func.count(), func.min(func.coalesce(due.c.wake_at, due.c.updated_at))).group_by(
            due.c.agent_type
        )
    ).all()
    working = set(read.working_agents(connection, [agent for agent, _, _ in by_agent]))
    claimable = [(count, sure(since)) for agent, count, since in by_agent if agent in working]
    return Queue(
        due=sum(count for count, _ in claimable),
        due_since=min((since for _, since in claimable), default=None),
        later=_later(connection, pending.where(_C.wake_at > at).limit(MOST)),
        paused=sum(count for agent, count, _ in by_agent if agent not in working),
        most=MOST,
    )


def _later(connection: Connection, parked: Select[*tuple[Any, ...]]) -> dict[str, int]:
    some = parked.subquery()
    reason = func.coalesce(some.c.status_reason, "RETRY_LATER")
    counted = select(reason, func.count()).group_by(reason).order_by(func.count().desc()).limit(_LATER_REASONS)
    return {row[0]: row[1] for row in connection.execute(counted)}


def _flows(connection: Connection, now: datetime) -> Sequence[RateFlow]:
    rates = read.known(connection).rates
    if not rates:
        return ()
    c = controls.c
    newest = select(c.key, c.data).where(c.kind == "flow").order_by(c.updated_at.desc()).limit(10 * _FLOWS)
    found: list[RateFlow] = []
    for key, data in connection.execute(newest):
        name, _, subject = key.partition(":")
        if name in rates:
            used, room_in_s = rate.standing(rates[name], read.as_json(data), now=now)
            found.append(RateFlow(rate=rates[name], subject=subject, used=used, room_in_s=room_in_s))
    return sorted(found, key=lambda flow: (-flow.used, flow.rate.name, flow.subject))[:_FLOWS]


def _place(connection: Connection) -> Place:
    schema = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()  # noqa: S608 - a constant
    if connection.dialect.name == "postgresql":
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        version = str(connection.execute(text("SHOW server_version")).scalar_one()).split(" ")[0]
        return Place(kind="postgres", version=version, size_bytes=int(size), schema=schema)
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    page_bytes = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    version = str(connection.exec_driver_sql("SELECT sqlite_version()").scalar_one())
    return Place(kind="sqlite", version=version, size_bytes=int(pages) * int(page_bytes), schema=schema)
