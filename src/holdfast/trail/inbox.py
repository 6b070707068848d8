"""The line in front of the writer: bounded, and free while nothing waits."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from holdfast.errors import StoreUnavailable
from holdfast.trail.batch import Result
from holdfast.trail.requests import Request


@dataclass(slots=True, eq=False)
class Waiting:
    """A request in line, and who waits for its outcome."""

    request: Request
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Result]


class Inbox:
    """Hands requests from any event loop to one thread.

    Args:
        capacity: Requests that may wait; further callers wait before they get in line.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: SimpleQueue[Waiting | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._blocked: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        self._closed = False

    def __len__(self) -> int:
        return self._items.qsize() + len(self._blocked)

    async def put(self, request: Request) -> Result:
        """Get in line and wait for the outcome.

        Raises:
            StoreUnavailable: The writer has been closed.
        """
        while not self._closed and self._items.qsize() >= self._capacity:
            await self._turn()
        if self._closed:
            raise StoreUnavailable("the trail is closed: open it again")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._items.put(Waiting(request, loop, future))
        return await future

    def take(self) -> list[Waiting] | None:
        """Everything that waits, as soon as anything does; `None` when closed and empty."""
        taken = [self._items.get()]
        while len(taken) < self._capacity and not self._items.empty():  # nobody else takes any
            taken.append(self._items.get_nowait())
        batch = [item for item in taken if item is not None]
        if len(batch) < len(taken) and batch:
            self._items.put(None)  # closed, and this batch is the last
        if self._blocked:
            self._let_in(len(batch))
        return batch or None

    def close(self) -> None:
        """Take no more; `take` still hands out what is in line."""
        self._closed = True
        self._items.put(None)
        self._let_in(len(self._blocked))

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._closed or self._items.qsize() < self._capacity:
                return
            self._blocked.append((loop, future))
        await future

    def _let_in(self, count: int) -> None:
        with self._lock:
            freed = [self._blocked.popleft() for _ in range(min(count, len(self._blocked)))]
        for loop in {loop for loop, _ in freed}:
            _call(loop, [future for other, future in freed if other is loop])


def _call(loop: asyncio.AbstractEventLoop, futures: Sequence[asyncio.Future[None]]) -> None:
    def wake() -> None:
        for future in futures:
            if not future.done():
                future.set_result(None)

    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:
        return  # the loop is closed: nobody waits there any more
