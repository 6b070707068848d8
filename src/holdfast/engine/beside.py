"""Lets an engine work beside a block of code."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import structlog

from holdfast.engine.local import LocalEngine

log = structlog.get_logger("holdfast.engine")

Attendant: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set, as couriers do."""


@asynccontextmanager
async def beside(engine: LocalEngine, *attendants: Attendant) -> AsyncGenerator[None]:
    """Run `engine` while the block runs; on leaving, it is stopped and its turns reach their commit.

    Args:
        engine: What works.
        attendants: What runs as long as it does. One that breaks does not stop it.
    """
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(attended(engine, engine.run(), *attendants))
            try:
                yield
            finally:
                engine.stop()
    except BaseExceptionGroup as several:
        # The block and the engine are one to their user: what went wrong in either is raised as it is.
        raise several.exceptions[0] from several.exceptions[0].__cause__


async def attended(engine: LocalEngine, working: Awaitable[None], *attendants: Attendant) -> None:
    """Wait until an engine has worked, with attendants beside it; they end with it, within its grace period."""
    tasks = [asyncio.create_task(_attend(attendant, engine.stopping)) for attendant in attendants]
    try:
        await working
    finally:
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=engine.grace_left_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _attend(attendant: Attendant, stopping: asyncio.Event) -> None:
    try:
        await attendant(stopping)
    except Exception:  # what it does can wait; what the engine does cannot
        log.exception("attendant_broke")
