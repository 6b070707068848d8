"""A real trail with executions in it, and activations that end them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from holdfast.engine.clock import SystemClock, new_id
from holdfast.engine.local import LocalEngine
from holdfast.trail import events as kinds
from holdfast.trail.redact import DEFAULT
from holdfast.trail.trail import Trail, open_trail
from holdfast.types import Append, Claimed, Execution, NewEvent, NewExecution

AGENT = "support"
Activate = Callable[[Claimed], Awaitable[None]]


@asynccontextmanager
async def opened(database: str) -> AsyncIterator[Trail]:
    """A trail on the system's clock, closed at the end."""
    trail = await open_trail(database, clock=SystemClock(), new_id=new_id, redactor=DEFAULT)
    try:
        yield trail
    finally:
        await trail.close()


@asynccontextmanager
async def working(trail: Trail, activate: Activate, **options: object) -> AsyncIterator[LocalEngine]:
    """An engine that runs while the block does."""
    worker = engine(trail, activate, **options)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


def engine(trail: Trail, activate: Activate, **options: object) -> LocalEngine:
    """An engine for the one agent of these tests."""
    given: dict[str, object] = {"agents": {AGENT: "1"}, "clock": SystemClock(), "grace_s": 5} | options
    return LocalEngine(trail, activate, **given)  # type: ignore[arg-type]


async def start(trail: Trail, *, agent: str = AGENT, priority: int = 0) -> str:
    """A pending execution."""
    identity = new_id()
    started = NewEvent(kind=kinds.STARTED, data={"input": "hi"})
    await trail.start(
        NewExecution(
            id=identity, agent_type=agent, agent_version="1", input_data="hi", started=started, priority=priority
        )
    )
    return identity


async def finish(trail: Trail, claimed: Claimed) -> None:
    """End it well."""
    await trail.append(
        Append(
            execution_id=claimed.execution.id,
            fence=claimed.execution.fence,
            events=(NewEvent(kind=kinds.COMPLETED, data={"result": "done"}),),
            status="completed",
            result="done",
        )
    )


async def park(trail: Trail, claimed: Claimed, *, wake_at: datetime | None = None) -> None:
    """Give it back, to be claimed again at that time."""
    await trail.append(
        Append(
            execution_id=claimed.execution.id,
            fence=claimed.execution.fence,
            events=(NewEvent(kind=kinds.PARKED, data={"reason": "RETRY_LATER"}),),
            status="pending",
            wake_at=wake_at,
        )
    )


async def until(
    trail: Trail, execution_id: str, what: Callable[[Execution], bool], *, within_s: float = 20
) -> Execution:
    """The execution, once it is so."""
    async with asyncio.timeout(within_s):
        async for _ in trail.watch(execution_id):
            execution = await trail.get(execution_id)
            if what(execution):
                return execution
    raise AssertionError("the trail was closed")


async def kinds_of(trail: Trail, execution_id: str) -> list[str]:
    """What happened to it, in order."""
    return [event.kind for event in await trail.events(execution_id)]


def quietly(task: asyncio.Task[None]) -> None:
    """Cancel a task whose end nobody waits for."""
    with suppress(asyncio.CancelledError):
        task.cancel()
