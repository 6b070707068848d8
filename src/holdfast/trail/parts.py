"""What a trail is made of, and the two ways to use it: write and wait, read and wait."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from holdfast.errors import StoreUnavailable, UsageError
from holdfast.ports import Clock
from holdfast.trail.batch import Result
from holdfast.trail.bell import Bell
from holdfast.trail.committed import Observers
from holdfast.trail.listen import Listener
from holdfast.trail.prepare import Preparer
from holdfast.trail.reader import Reader
from holdfast.trail.requests import Request
from holdfast.trail.writer import Writer

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One of each, over one database."""

    writer: Writer | None
    """`None`: opened to read only."""
    reader: Reader
    prepare: Preparer
    bell: Bell
    listener: Listener
    clock: Clock
    observers: Observers
    """Told of what this process commits."""
    why_read_only: str = "open it without read_only=True"

    async def write(self, request: Request) -> Result:
        """Make a request durable and return what came of it, or raise why it was refused."""
        if self.writer is None:
            raise UsageError(f"this trail was opened to read only: {self.why_read_only}")
        return await self.writer.write(request)

    async def patiently(self, read: Callable[[Connection], T]) -> T:
        """Read the outcome of a write that is durable already: waits while the database is away."""
        return await patiently(lambda: self.reader.run(read))


async def patiently(read: Callable[[], Awaitable[T]]) -> T:
    """What is read, as soon as the database is there."""
    pause_s = 0.05
    while True:
        try:
            return await read()
        except StoreUnavailable:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 1.0)
