"""Ends the open streams of callers whose key or session is over: they asked once, and would be told for ever."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from holdfast.access import Access
from holdfast.doors.http.stream import Streams
from holdfast.errors import StoreError

_EVERY_S: Final = 2


@asynccontextmanager
async def lapsed_ended(access: Access, streams: Streams) -> AsyncGenerator[None]:
    """See to it while the block runs."""
    watching = asyncio.create_task(_watch(access, streams))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait({watching})


async def _watch(access: Access, streams: Streams) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        await end_lapsed(access, streams)


async def end_lapsed(access: Access, streams: Streams) -> None:
    """Look once. While the database is away nobody's end: nobody can be revoked then either."""
    for caller in streams.callers():
        try:
            if not await access.in_force(caller):
                streams.end(caller)
        except StoreError:
            return
