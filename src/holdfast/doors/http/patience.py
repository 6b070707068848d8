"""Hears an execution out for a client that waits: until it is enough, and no longer than the server runs."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from holdfast.types import Event


async def hear_out(
    events: AsyncGenerator[Event], hear: Callable[[Event], bool], *, closing: asyncio.Event, timeout_s: float
) -> None:
    """Give `hear` each event until it says that this is enough.

    Args:
        events: What is heard; closed at the end.
        hear: Takes one event, and says whether it was enough.
        closing: Set when the server stops, which ends the waiting too.
        timeout_s: Seconds after which it ends.
    """

    async def listen() -> None:
        async with aclosing(events):
            async for event in events:
                if hear(event):
                    return

    listening, stopped = asyncio.create_task(listen()), asyncio.create_task(closing.wait())
    try:
        await asyncio.wait({listening, stopped}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (listening, stopped):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await listening
