"""Listening to a model while it speaks: live, in this process, never stored."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

HEARD_AT_ONCE = 10_000
"""Pieces of text kept for a listener that does not keep up; it loses words then, not memory."""


async def heard(
    listeners: dict[str, Callable[[str], None]], execution_id: str, *, until: Awaitable[object]
) -> AsyncIterator[str]:
    """The words of an execution's model as they come, until something is over.

    Args:
        listeners: Where the loop looks for who listens to which execution.
        execution_id: Whose words.
        until: Ends the listening when it is done.
    """
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=HEARD_AT_ONCE)

    def put(words: str) -> None:
        if not queue.full():
            queue.put_nowait(words)

    async def end() -> None:
        try:
            await until
        finally:
            await queue.put(None)

    listeners[execution_id] = put
    ending = asyncio.create_task(end())
    try:
        while (words := await queue.get()) is not None:
            yield words
        await ending  # what went wrong is told: there is no such execution
    finally:
        ending.cancel()
        listeners.pop(execution_id, None)
