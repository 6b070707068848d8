"""The reading half of alerts: what they are judged from. Each function one question, each question one cheap query."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select, text

from holdfast.trail import schema, serving
from holdfast.trail.controls import budget, read
from holdfast.trail.controls.cell import WATCH, Data
from holdfast.trail.controls.known import Known
from holdfast.trail.reader import as_stored, money, sure
from holdfast.types import (
    Account,
    Alert,
    AlertRule,
    Ended,
    GivenUp,
    KeyTrouble,
    Observed,
    Spent,
    Waiting,
)

_FAILING = 3
"""Failures of a sensor in a row that people hear of."""
_MOST: Final = 1_000
_SAMPLE: Final = 200
"""Ended executions of an agent by which a cost is judged."""
_KEY_LASTS: Final = timedelta(minutes=10)
"""So long after its last refusal a key counts as refused, should nobody ask that model again."""
_KEY_REASONS: Final = ("authentication:", "quota:")
_C = schema.executions.c
_CONTROLS = schema.controls.c


def alerts(connection: Connection) -> list[Alert]:
    """Alerts that are not over, oldest first."""
    found = [_alert(key, _json(data)) for key, data in _controls(connection, _CONTROLS.kind == "alert")]
    return sorted(found, key=lambda alert: (alert.since, alert.key))


def watch(connection: Connection, *, what: str = WATCH[1]) -> Data | None:
    """Which worker looks after alerts, or something else, and until when."""
    found = _controls(connection, _CONTROLS.kind == WATCH[0], _CONTROLS.key == what)
    return next((_json(data) for _, data in found), None)


def everything(connection: Connection, *, rules: Sequence[AlertRule], since: datetime, now: datetime) -> Observed:
    """How everything stands that these rules ask about."""
    known = read.known(connection)
    of = {kind: [rule for rule in rules if rule.kind == kind] for kind in {rule.kind for rule in rules}}
    watched = every_agent(connection) if "cost" in of else []
    return Observed(
        at=now,
        accounts=tuple(_accounts(connection, known, since, now)) if "budget" in of and known.budgets else (),
        short_of_budget=_short_of_budget(connection) if "budget" in of else 0,
        breakers=known.snapshot(now).breakers if "breaker" in of else (),
        keys=tuple(_keys(known, now)) if "provider_key" in of else (),
        approvals={rule.name: _approvals(connection, rule, now) for rule in of.get("approval_age", ())},
        stuck={rule.name: _stuck(connection, rule, known, now) for rule in of.get("stuck", ())},
        ended={rule.name: _ended(connection, rule, now) for rule in of.get("failing", ())},
        costs={agent: _costs(connection, agent) for agent in watched},
        dead=_dead(connection) if "dead_letter" in of else {},
        unserved=serving.unserved(connection, now) if "unserved" in of else (),
        sensors=_sensors(connection) if "sensor" in of else {},
    )


def _sensors(connection: Connection) -> dict[str, GivenUp]:
    found = {name: _json(data) for name, data in _controls(connection, _CONTROLS.kind == "sensor")}
    return {
        name: GivenUp(count=data["failures"], error=data["error"] or "")
        for name, data in found.items()
        if data["failures"] >= _FAILING
    }


# --- money


def _accounts(connection: Connection, known: Known, since: datetime, now: datetime) -> Iterable[Account]:
    """Accounts that were charged since then, and those that have an alert."""
    alerting = [
        key.removeprefix("budget:")
        for (key,) in connection.execute(
            select(_CONTROLS.key).where(_CONTROLS.kind == "alert", _CONTROLS.key.startswith("budget:"))
        )
    ]
    charged = (_CONTROLS.updated_at >= as_stored(connection, since)) | _CONTROLS.key.in_(alerting)
    query = select(_CONTROLS.key, _CONTROLS.data).where(_CONTROLS.kind == "account", charged).limit(_MOST)
    for key, data in connection.execute(query):
        name, _, subject = key.partition(":")
        if name in known.budgets:
            yield budget.show(known.budgets[name], _json(data), subject=subject, now=now)


def _short_of_budget(connection: Connection) -> int:
    waiting = select(_C.id).where(_C.status == "pending", _C.status_reason == "BUDGET").limit(_MOST)
    return connection.execute(select(func.count()).select_from(waiting.subquery())).scalar_one()


def every_agent(connection: Connection) -> list[str]:
    """Every agent that ever ran, by one step in an index each."""
    found: list[str] = []
    query = select(func.min(_C.agent_type))
    while (name := connection.execute(query.where(_C.agent_type > found[-1]) if found else query).scalar()) is not None:
        found.append(name)
    return found


def _costs(connection: Connection, agent: str) -> tuple[Spent, ...]:
    query = (
        select(_C.id, _C.cost_usd, _C.completed_at)
        .where(_C.agent_type == agent, _C.completed_at.is_not(None))
        .order_by(_C.created_at.desc())
        .limit(_SAMPLE)
    )
    return tuple(Spent(execution_id=i, cost_usd=money(usd), at=sure(at)) for i, usd, at in connection.execute(query))


# --- models


def _keys(known: Known, now: datetime) -> Iterable[KeyTrouble]:
    for key, data in known.breakers.items():
        kind, _, model = key.partition(":")
        if kind != "model" or not str(data["reason"]).startswith(_KEY_REASONS):
            continue
        failures = [second for second, _, failed in data["ring"] if failed]
        at = sure(datetime.fromtimestamp(max([*failures, data["since"]]), now.tzinfo))
        if data["status"] != "closed" or now - at < _KEY_LASTS:
            yield KeyTrouble(model=model, reason=data["reason"], at=at)


# --- executions and people


def _approvals(connection: Connection, rule: AlertRule, now: datetime) -> tuple[Waiting, ...]:
    c = schema.approvals.c
    before = as_stored(connection, now - timedelta(seconds=rule.older_s))
    query = select(c.id, c.agent_type, c.question, c.asked_at).where(c.status == "open", c.asked_at <= before)
    found = connection.execute(query.order_by(c.asked_at).limit(_MOST))
    return tuple(Waiting(id=i, agent=agent, what=what, since=sure(at)) for i, agent, what, at in found)


def _stuck(connection: Connection, rule: AlertRule, known: Known, now: datetime) -> tuple[Waiting, ...]:
    """What is due and not taken up, or runs and adds nothing; not what an operator stopped."""
    before = as_stored(connection, now - timedelta(seconds=rule.for_s))
    due = func.coalesce(_C.wake_at, _C.updated_at)
    pending = select(_C.id, _C.agent_type, _C.status, due).where(_C.status == "pending", due <= before)
    running = select(_C.id, _C.agent_type, _C.status, _C.updated_at).where(
        _C.status == "running", _C.updated_at <= before
    )
    found = [*connection.execute(pending.limit(_MOST)), *connection.execute(running.limit(_MOST))]
    working = set(known.working({agent for _, agent, _, _ in found}))
    waiting = [Waiting(id=i, agent=agent, what=what, since=sure(at)) for i, agent, what, at in found]
    return tuple(sorted((one for one in waiting if one.agent in working), key=lambda one: one.since))


def _ended(connection: Connection, rule: AlertRule, now: datetime) -> Mapping[str, Ended]:
    since = as_stored(connection, now - timedelta(seconds=rule.window_s))
    query = (
        select(_C.agent_type, _C.status, func.count())
        .where(_C.status.in_(("completed", "failed")), _C.created_at >= since)
        .group_by(_C.agent_type, _C.status)
    )
    counts: dict[str, dict[str, int]] = {}
    for agent, status, count in connection.execute(query):
        counts.setdefault(agent, {})[status] = count
    return {agent: Ended(completed=of.get("completed", 0), failed=of.get("failed", 0)) for agent, of in counts.items()}


# --- deliveries


def _dead(connection: Connection) -> Mapping[str, GivenUp]:
    """Channels that gave something up and have delivered nothing since.

    The statuses stand in the text: SQLite does not find a partial index by a parameter.
    """
    c = schema.outbox.c
    query = select(c.channel, func.count(), func.max(c.done_at), func.max(c.error)).where(text("status = 'dead'"))
    found: dict[str, GivenUp] = {}
    for channel, count, last, error in connection.execute(query.group_by(c.channel)).all():
        sent = (
            select(c.id)
            .where(c.channel == channel, c.status == "sent", text("status <> 'queued'"), c.done_at > last)
            .limit(1)
        )
        if connection.execute(sent).first() is None:
            found[channel] = GivenUp(count=count, error=error or "")
    return found


def _alert(key: str, data: Data) -> Alert:
    channels = data["channels"]
    fields: dict[str, Any] = {
        **data, "since": sure(data["since"]), "channels": None if channels is None else tuple(channels)
    }  # fmt: skip
    return Alert(key=key, **fields)


def _controls(connection: Connection, *which: ColumnElement[bool]) -> list[tuple[str, Any]]:
    query = select(_CONTROLS.key, _CONTROLS.data).where(*which)
    return [(key, data) for key, data in connection.execute(query)]


def _json(data: Any) -> Any:
    return json.loads(data) if isinstance(data, str) else data
