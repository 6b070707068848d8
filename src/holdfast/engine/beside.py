"""Lets an engine work beside a block of code."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from holdfast.engine.local import LocalEngine


@asynccontextmanager
async def beside(engine: LocalEngine) -> AsyncGenerator[None]:
    """Run `engine` while the block runs; on leaving, it is stopped and its turns reach their commit."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(engine.run())
            try:
                yield
            finally:
                engine.stop()
    except BaseExceptionGroup as several:
        # The block and the engine are one to their user: what went wrong in either is raised as it is.
        raise several.exceptions[0] from several.exceptions[0].__cause__
