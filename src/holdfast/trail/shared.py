"""Asks the database once for all who ask the same at the same moment: many watch what one commit changed."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Questions under way that others may still join.

    A question is joined only before it is put: whoever was told of a change and asks then gets an answer that has it.
    """

    def __init__(self) -> None:
        self._open: dict[Hashable, asyncio.Task[T]] = {}

    async def ask(self, question: Hashable, put: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question, which is put once for all who ask it in this turn of the event loop."""
        key = (asyncio.get_running_loop(), question)
        asked = self._open.get(key)
        if asked is None:
            asked = self._open[key] = asyncio.create_task(self._put(key, put))
        return await asyncio.shield(asked)  # one who leaves takes nobody's answer away

    async def _put(self, key: Hashable, put: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(0)  # the others who were woken together with the first
        del self._open[key]
        return await put()
