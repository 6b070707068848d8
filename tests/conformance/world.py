"""What the conformance tests share: a clock to set, a trail to open, steps to take."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from holdfast.trail import events
from holdfast.trail.codec import GENESIS, canonical, chain, stamp
from holdfast.trail.reader import columns, rows, sure
from holdfast.trail.redact import DEFAULT
from holdfast.trail.schema import events as events_table
from holdfast.trail.trail import Trail, open_trail
from holdfast.types import Append, ApprovalUse, Claimed, Execution, NewApproval, NewEvent, NewExecution, Ruling

_numbers = itertools.count(1)


class SetClock:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


def new_id() -> str:
    """Unique, and sorted by time."""
    return f"id-{next(_numbers):08d}"


@dataclass
class World:
    """One database, one clock, any number of trails."""

    database: str
    clock: SetClock = field(default_factory=SetClock)

    @property
    def sqlite(self) -> bool:
        return not self.database.startswith("postgres")

    @asynccontextmanager
    async def trail(self, **settings) -> AsyncIterator[Trail]:
        trail = await open_trail(self.database, clock=self.clock, new_id=new_id, redactor=DEFAULT, **settings)
        try:
            yield trail
        finally:
            await trail.close()

    def play(self, story: Callable[[Trail], Awaitable[None]], **settings) -> None:
        """Run a story on an open trail; one that hangs fails."""

        async def on_stage() -> None:
            async with self.trail(**settings) as trail:
                await asyncio.wait_for(story(trail), 60)

        asyncio.run(on_stage())

    # --- steps

    async def start(self, trail: Trail, **changes) -> Execution:
        return await trail.start(new_execution(**changes))

    async def claim(self, trail: Trail, worker: str = "ada", *, lease_s: float = 60, **wanted) -> Sequence[Claimed]:
        await trail.register(worker, host="here", pid=1, lease_s=lease_s)
        return await trail.claim(worker, **({"agents": ["clerk"], "limit": 100} | wanted))

    async def running(self, trail: Trail, worker: str = "ada", *, lease_s: float = 60, **changes) -> Claimed:
        """An execution that a worker holds."""
        started = await self.start(trail, **changes)
        if lease_s > 0:
            (claimed,) = await self.claim(trail, worker, lease_s=lease_s, only=started.id)
        else:  # claim in time, then let the lease end
            (claimed,) = await self.claim(trail, worker, only=started.id)
            await trail.register(worker, host="here", pid=1, lease_s=0)
        return claimed

    async def asking(self, trail: Trail, **changes) -> tuple[Claimed, str]:
        """An execution that waits for a person, and its question."""
        claimed = await self.running(trail)
        question = self.question(**changes)
        await trail.append(step(claimed, status="awaiting_review", status_reason="APPROVAL", approvals=(question,)))
        return claimed, question.id

    async def approved(self, trail: Trail, **changes) -> tuple[Claimed, str]:
        """A held execution with an approved call."""
        claimed = await self.running(trail)
        question = self.question(**changes)
        await trail.append(step(claimed, approvals=(question,)))
        await trail.decide(ruling(question.id))
        return claimed, question.id

    def question(self, **changes) -> NewApproval:
        values = {
            "id": new_id(), "kind": "call", "question": "May it?", "reason": "over 100", "gate": "review_rule",
            "expires_at": self.clock.at + timedelta(days=7), "call_id": "c1", "tool_name": "pay",
            "arguments": {"amount": 120}, "digest": "digest-1", "schema_hash": "schema-1",
        }  # fmt: skip
        return NewApproval(**(values | changes))


def new_execution(**changes) -> NewExecution:
    values = {"id": new_id(), "agent_type": "clerk", "agent_version": "1", "input_data": {"ask": "hello"}}
    values |= changes
    return NewExecution(started=event(events.STARTED, input=values["input_data"]), **values)


def event(kind: str = events.MODEL_RESPONDED, **data) -> NewEvent:
    return NewEvent(kind=kind, data=data)


def step(claimed: Claimed, *facts: NewEvent, **changes) -> Append:
    """An append by the holder of a claim."""
    execution = claimed.execution
    return Append(execution_id=execution.id, fence=execution.fence, events=facts or (event(step=1),), **changes)


def use(approval_id: str, *, digest: str = "digest-1", schema_hash: str = "schema-1") -> ApprovalUse:
    return ApprovalUse(approval_id=approval_id, digest=digest, schema_hash=schema_hash)


def ruling(approval_id: str, answer: str = "approve", by: str = "Ada", **changes) -> Ruling:
    return Ruling(approval_id=approval_id, answer=answer, by=by, **changes)


async def outcomes(*asked: Awaitable) -> list:
    """What each came to, errors included."""
    return await asyncio.gather(*asked, return_exceptions=True)


async def intact(trail: Trail) -> dict[str, int]:
    """Check every hash chain from its beginning; how many events each execution has."""
    found = await trail._parts.reader.run(_all_events)
    last: dict[str, str] = {}
    seqs: dict[str, int] = {}
    for row in sorted(found, key=lambda row: (row["execution_id"], row["seq"])):
        execution_id = row["execution_id"]
        seqs[execution_id] = seqs.get(execution_id, 0) + 1
        expected = chain(
            last.get(execution_id, GENESIS),
            execution_id=execution_id,
            seq=seqs[execution_id],
            kind=row["kind"],
            version=row["version"],
            at=stamp(sure(row["at"])),
            text=canonical(json.loads(row["data"])),
        )
        assert row["hash"] == expected, row
        assert row["seq"] == seqs[execution_id]
        last[execution_id] = expected
    return seqs


def _all_events(connection: Connection) -> list:
    return rows(connection, select(*columns(events_table)))


def kinds(found: Sequence) -> list[str]:
    return [e.kind for e in found]
