"""How everything stands now, for a scrape: each question one query that reads live rows alone, by an index."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from holdfast.trail import observe, schema, serving
from holdfast.trail.controls import budget, read
from holdfast.trail.reader import as_stored, moment
from holdfast.types import Account, Budget, Leases, Live, Open, Stand

_AGENTS: Final = 100
"""Of which budgets are shown."""


# The statuses stand in the text: SQLite does not find a partial index by a parameter.
_LIVE: Final = text("""
SELECT agent_type, status, count(*) AS how_many,
    sum(CASE WHEN status = 'pending' AND coalesce(wake_at, :now) <= :now THEN 1 ELSE 0 END) AS due,
    min(CASE WHEN status = 'pending' AND coalesce(wake_at, :now) <= :now THEN coalesce(wake_at, updated_at) END)
        AS due_since
FROM agent_executions WHERE status IN ('pending', 'running', 'awaiting_review')
GROUP BY agent_type, status ORDER BY agent_type, status
""")
_OPEN: Final = text("""
SELECT agent_type, kind, count(*) AS how_many, min(asked_at) AS since FROM agent_approvals WHERE status = 'open'
GROUP BY agent_type, kind ORDER BY agent_type, kind
""")
_OUTBOX: Final = text("""
SELECT channel, 'queued' AS status, count(*) AS how_many FROM agent_outbox WHERE status = 'queued' GROUP BY channel
UNION ALL SELECT channel, 'dead', count(*) FROM agent_outbox WHERE status = 'dead' GROUP BY channel
""")


def stand(connection: Connection, now: datetime) -> Stand:
    """How everything stands at this moment."""
    known = read.known(connection)
    severities = [alert.severity for alert in observe.alerts(connection)]
    return Stand(
        live=[_live(row, now) for row in connection.execute(_LIVE, {"now": as_stored(connection, now)}).mappings()],
        open=[_open(row, now) for row in connection.execute(_OPEN).mappings()],
        leases=_leases(connection, now),
        breakers=known.snapshot(now).breakers,
        switches=len(known.switches),
        accounts=_accounts(connection, known.budgets.values(), now),
        alerts={severity: severities.count(severity) for severity in sorted(set(severities))},
        outbox={(channel, status): count for channel, status, count in connection.execute(_OUTBOX)},
    )


def _live(row: Mapping[Any, Any], now: datetime) -> Live:
    return Live(
        agent=row["agent_type"],
        status=row["status"],
        count=row["how_many"],
        due=row["due"],
        oldest_s=_age_s(row["due_since"], now),
    )


def _open(row: Mapping[Any, Any], now: datetime) -> Open:
    since = _age_s(row["since"], now)
    return Open(agent=row["agent_type"], kind=row["kind"], count=row["how_many"], oldest_s=since)


def _age_s(since: str | datetime | None, now: datetime) -> float:
    then = moment(since)
    return max((now - then).total_seconds(), 0.0) if then else 0.0


def _leases(connection: Connection, now: datetime) -> Leases:
    """On PostgreSQL by the database's clock, as workers renew them."""
    workers, c = schema.workers, schema.executions.c
    present = func.now() if connection.dialect.name == "postgresql" else as_stored(connection, now)
    alive = workers.c.lease_until > present
    held = (
        select(func.count(), func.count(workers.c.id))
        .select_from(schema.executions.outerjoin(workers, (workers.c.id == c.lease_owner) & alive))
        .where(text("status = 'running'"))
    )
    running, live = connection.execute(held).one()
    there = serving.live(connection, now)
    taking = [one for one in there if not one.drains and not one.bound]
    return Leases(
        workers=len(there),
        held=live,
        abandoned=running - live,
        draining=sum(one.drains for one in there),
        capacity=sum(one.capacity for one in taking),
        serving=Counter(served for one in taking for served in one.serves.items()),
    )


def _accounts(connection: Connection, budgets: Iterable[Budget], now: datetime) -> list[Account]:
    shared = [one for one in budgets if one.scope != "user"]
    each = observe.every_agent(connection)[:_AGENTS] if any(one.scope == "agent" for one in shared) else []
    subjects = [
        (one, subject)
        for one in shared
        for subject in ([one.subject or ""] if one.scope == "global" or one.subject is not None else each)
    ]
    c = schema.controls.c
    keys = [f"{one.name}:{subject}" for one, subject in subjects]
    found = connection.execute(select(c.key, c.data).where(c.kind == "account", c.key.in_(keys))) if keys else ()
    charged = {key: read.as_json(data) for key, data in found}
    return [
        budget.show(one, charged.get(f"{one.name}:{subject}"), subject=subject, now=now) for one, subject in subjects
    ]
