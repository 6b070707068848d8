"""The trail as what keeps subscriptions: where clients want to be told of an execution, and how far they were."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select, text

from holdfast.trail.codec import canonical, stamp
from holdfast.trail.parts import Parts
from holdfast.trail.reader import columns, rows, sure
from holdfast.trail.requests import Proceed, Subscribe, Unsubscribe
from holdfast.trail.schema import executions, subscriptions
from holdfast.types import Json

_KEPT: Final = timedelta(days=1)
"""How long a subscription outlives its execution, for who looks it up."""

_OF_EXECUTION: Final = (
    select(*columns(subscriptions))
    .where(subscriptions.c.execution_id == bindparam("execution_id"))
    .order_by(subscriptions.c.created_at, subscriptions.c.id)
)
_DUE: Final = (
    select(*columns(subscriptions))
    .join(executions, executions.c.id == subscriptions.c.execution_id)
    .where(executions.c.last_seq > subscriptions.c.told_seq, text("agent_subscriptions.data ->> 'due_at' <= :now"))
    .order_by(text("agent_subscriptions.data ->> 'due_at'"))
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where a client wants to be told of one execution."""

    execution_id: str
    id: str
    config: Mapping[str, Json]
    """As the client gave it, with its secrets: never to be logged."""
    told_seq: int
    """Of what happened up to here it was told."""
    due_at: datetime
    """When it is to be told next; while somebody is at it, when another one may."""
    failures: int
    """Attempts in a row that did not arrive."""
    created_at: datetime


class SubscriptionSide:
    """Makes, ends, finds and advances subscriptions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def subscribe(self, execution_id: str, name: str, config: Mapping[str, Json], *, told_seq: int) -> None:
        """Tell a client of what comes after `told_seq`; one of that name gets the new configuration."""
        now = self._parts.clock.now()
        asked = Subscribe(
            execution_id=execution_id,
            id=name,
            data=_stored(config, due_at=now, failures=0),
            told_seq=told_seq,
            forget_before=stamp(now - _KEPT),
            at=stamp(now),
        )
        await self._parts.write(asked)

    async def unsubscribe(self, execution_id: str, name: str) -> bool:
        """End one; `False`: there was none."""
        return bool(await self._parts.write(Unsubscribe(execution_id=execution_id, id=name)))

    async def subscriptions(self, execution_id: str) -> Sequence[Subscription]:
        """Those of an execution, oldest first."""
        found = await self._parts.reader.run(lambda c: rows(c, _OF_EXECUTION, {"execution_id": execution_id}))
        return [_read(row) for row in found]

    async def subscriptions_due(self, *, limit: int) -> Sequence[Subscription]:
        """Those of executions that went on since their clients were told, and whose time has come."""
        asked = {"now": stamp(self._parts.clock.now()), "limit": limit}
        return [_read(row) for row in await self._parts.reader.run(lambda c: rows(c, _DUE, asked))]

    async def proceed(
        self, was: Subscription, *, pause_s: float = 0, told_seq: int | None = None, failures: int = 0
    ) -> Subscription | None:
        """Hold it for so many seconds, or note how far its client was told; `None`: somebody else is at it."""
        told_seq = was.told_seq if told_seq is None else told_seq
        due_at = self._parts.clock.now() + timedelta(seconds=pause_s)
        asked = Proceed(
            execution_id=was.execution_id,
            id=was.id,
            was_seq=was.told_seq,
            was_due=stamp(was.due_at),
            data=_stored(was.config, due_at=due_at, failures=failures),
            told_seq=told_seq,
        )
        if not await self._parts.write(asked):
            return None
        return Subscription(
            execution_id=was.execution_id,
            id=was.id,
            config=was.config,
            told_seq=told_seq,
            due_at=due_at,
            failures=failures,
            created_at=was.created_at,
        )


def _stored(config: Mapping[str, Json], *, due_at: datetime, failures: int) -> str:
    return canonical({"config": config, "due_at": stamp(due_at), "failures": failures})


def _read(row: Mapping[str, Any]) -> Subscription:
    data = json.loads(row["data"])
    return Subscription(
        execution_id=row["execution_id"],
        id=row["id"],
        config=data["config"],
        told_seq=row["told_seq"],
        due_at=sure(data["due_at"]),
        failures=data["failures"],
        created_at=sure(row["created_at"]),
    )
