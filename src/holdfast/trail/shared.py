"""Asks the database once for all who ask the same at the same moment: many watch what one commit changed."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from copy import deepcopy
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
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
        if asked is None or asked.done():  # done without having begun: cancelled with everything else in the loop
            asked = self._open[key] = asyncio.create_task(self._put(key, put))
        return await asyncio.shield(asked)  # one who leaves takes nobody's answer away

    async def _put(self, key: Hashable, put: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(0)  # the others who were woken together with the first
        del self._open[key]
        return await put()


class Together(Generic[K, T]):
    """Looks things up in one query for all who ask at the same moment, each for another one.

    Args:
        read: Finds the things of these names; those that do not exist are left out.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, T]]]) -> None:
        self._read = read
        self._wanted: dict[asyncio.AbstractEventLoop, dict[K, int]] = {}
        """Names asked for, and by how many."""
        self._shared: Shared[Mapping[K, T]] = Shared()

    async def ask(self, name: K) -> T | None:
        """The thing of this name, as it is now or later; `None`: there is none."""
        wanted = self._wanted.setdefault(asyncio.get_running_loop(), {})
        wanted[name] = wanted.get(name, 0) + 1
        try:
            found = await self._shared.ask("all", self._put)
        except Exception:
            if len(wanted) == 1:
                raise
            # What cannot be read is nobody's trouble who asked for something else.
            return (await self._read([name])).get(name)
        # Whoever asked has it for himself: what he does to it, no other sees.
        return found.get(name) if wanted[name] == 1 else deepcopy(found.get(name))

    async def _put(self) -> Mapping[K, T]:
        return await self._read([*self._wanted.pop(asyncio.get_running_loop())])
