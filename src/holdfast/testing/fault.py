"""A journal whose database goes away and comes back when a test says so."""

import asyncio
from typing import cast

from holdfast.ports import Journal
from holdfast.types import Append, Appended


class FaultyJournal:
    """A journal that can be paused, and told to fail. Everything else is the journal's own.

    Args:
        journal: The real one.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open = asyncio.Event()
        self._open.set()
        self._failures: list[Exception] = []
        self._waiting = 0
        self._somebody_waits = asyncio.Event()

    def pause(self) -> None:
        """Let every append from now on wait, as while the database is away."""
        self._open.clear()

    def resume(self) -> None:
        """Let them through."""
        self._open.set()

    def fail_next(self, error: Exception, *, times: int = 1) -> None:
        """Refuse the next appends with this error; nothing of them is stored."""
        self._failures.extend([error] * times)

    async def until_waiting(self) -> None:
        """Wait until an append is held back by the pause."""
        await self._somebody_waits.wait()

    async def append(self, append: Append) -> Appended:
        """Append, unless paused or told to fail."""
        if not self._open.is_set():
            await self._wait()
        if self._failures:
            raise self._failures.pop(0)
        return await self._journal.append(append)

    async def _wait(self) -> None:
        self._waiting += 1
        self._somebody_waits.set()
        try:
            await self._open.wait()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._somebody_waits.clear()

    def __getattr__(self, name: str) -> object:
        return cast("object", getattr(self._journal, name))
