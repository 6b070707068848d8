"""The port `Outbox` in memory, with a clock that tests turn."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from holdfast.errors import StoreUnavailable
from holdfast.testing import FakeClock
from holdfast.types import Card, Outgoing


@dataclass
class Row:
    """One delivery and what became of it."""

    outgoing: Outgoing
    next_at: datetime
    holder: str | None = None
    held_until: datetime | None = None
    ref: str | None = None
    status: str = "waiting"
    error: str | None = None


class MemoryOutbox:
    """Rows by id."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.rows = clock, dict[str, Row]()
        self.away = 0
        """How many more writes fail because the database is away."""
        self._bell = asyncio.Event()

    def put(self, outgoing: Outgoing) -> Row:
        self.rows[outgoing.id] = Row(outgoing, self.clock.now())
        self._bell.set()
        return self.rows[outgoing.id]

    async def due(self, worker_id: str, *, channel: str, limit: int, hold_s: float) -> Sequence[Outgoing]:
        now = self.clock.now()
        rows = [row for row in self.rows.values() if row.outgoing.address.channel == channel]
        ready = [r for r in rows if r.status == "waiting" and r.next_at <= now and (r.held_until or now) <= now]
        for row in ready[:limit]:
            row.holder, row.held_until = worker_id, now + timedelta(seconds=hold_s)
            row.outgoing = replace(row.outgoing, attempts=row.outgoing.attempts + 1)
        return [row.outgoing for row in ready[:limit]]

    async def sent(self, outgoing_id: str, *, worker_id: str, ref: str | None) -> None:
        row = self._held(outgoing_id, worker_id)
        row.status, row.ref = "sent", ref

    async def failed(self, outgoing_id: str, *, worker_id: str, error: str, next_at: datetime | None) -> None:
        row = self._held(outgoing_id, worker_id)
        row.error, row.held_until = error, None
        row.status, row.next_at = ("waiting", next_at) if next_at else ("dead", row.next_at)

    async def refs(self, approval_id: str, *, channel: str) -> Sequence[str]:
        found: list[str] = []
        for row in self.rows.values():
            delivery = row.outgoing.delivery
            about = isinstance(delivery, Card) and delivery.approval_id == approval_id
            if about and row.ref and row.outgoing.address.channel == channel:
                found.append(row.ref)
        return found

    async def wait_for_mail(self, channel: str, *, timeout_s: float) -> None:
        self._bell.clear()
        await self._bell.wait()

    def _held(self, outgoing_id: str, worker_id: str) -> Row:
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        assert self.rows[outgoing_id].holder == worker_id
        return self.rows[outgoing_id]
