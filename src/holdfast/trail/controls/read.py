"""What stands in the tables of controls, for those who look."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from holdfast.trail import schema
from holdfast.trail.controls import budget
from holdfast.trail.controls.cell import DEFINED, Data, Key
from holdfast.trail.controls.known import Known
from holdfast.trail.reader import money, sure
from holdfast.types import Account, AuditEntry, Controls, ModelUsage

_CONTROLS: Final = schema.controls.c
_USAGE: Final = schema.model_usage.c
_SWITCHED: Final = select(_CONTROLS.key).where(_CONTROLS.kind == "switch")
"""Asked at every turn of an engine: made once."""


def known(connection: Connection) -> Known:
    """The definitions in force."""
    return Known.of("", _rows(connection, DEFINED))


def controls(connection: Connection, now: datetime) -> Controls:
    """Everything in force."""
    return known(connection).snapshot(now)


def accounts(connection: Connection, now: datetime) -> list[Account]:
    """Each budget for each subject that it was charged for; a budget without any stands for itself."""
    budgets = known(connection).budgets
    charged = dict(_rows(connection, ("account",)))
    shown: list[Account] = []
    for one in budgets.values():
        own: dict[str, Data | None] = {
            key.partition(":")[2]: data for (_, key), data in charged.items() if key.partition(":")[0] == one.name
        }
        if not own and (one.scope == "global" or one.subject is not None):
            own = {one.subject or "": None}
        shown += [budget.show(one, data, subject=subject, now=now) for subject, data in sorted(own.items())]
    return shown


def audit(connection: Connection, *, after: int, limit: int) -> list[AuditEntry]:
    """The operators' record."""
    table = schema.audit.c
    query = (
        select(table.seq, table.kind, table.data, table.at).where(table.seq > after).order_by(table.seq).limit(limit)
    )
    return [
        AuditEntry(seq=seq, kind=kind, data=as_json(data), at=sure(at))
        for seq, kind, data, at in connection.execute(query)
    ]


def has_more_events(connection: Connection, most: int) -> bool:
    """Whether there are more events than that, by an index."""
    beyond = select(schema.events.c.seq).offset(most).limit(1)
    return connection.execute(beyond).first() is not None


def usage(connection: Connection, execution_id: str) -> list[ModelUsage]:
    """Per model, dearest first."""
    query = select(schema.model_usage).where(_USAGE.execution_id == execution_id)
    found = [_usage(dict(row)) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda one: one.cost_usd, reverse=True)


def working_agents(connection: Connection, agents: Sequence[str]) -> tuple[str, ...]:
    """Those of the agents that are not stopped."""
    switched = {key for (key,) in connection.execute(_SWITCHED)}
    if not switched:
        return tuple(agents)
    return () if "all:*" in switched else tuple(a for a in agents if f"agent:{a}" not in switched)


def _usage(row: dict[str, Any]) -> ModelUsage:
    del row["execution_id"]
    row["cost_usd"] = money(row["cost_usd"])
    return ModelUsage(**row)


def _rows(connection: Connection, kinds: Sequence[str]) -> list[tuple[Key, Data]]:
    query = select(_CONTROLS.kind, _CONTROLS.key, _CONTROLS.data).where(_CONTROLS.kind.in_(kinds))
    return [((kind, key), as_json(data)) for kind, key, data in connection.execute(query)]


def as_json(data: Any) -> Any:
    """A stored value: text on SQLite, a value already on PostgreSQL."""
    return json.loads(data) if isinstance(data, str) else data
