"""Tells waiting coroutines that something changed: at once in this process, soon from another one."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class News:
    """What commits changed."""

    executions: set[str] = field(default_factory=set[str])
    work: bool = False
    """Something became claimable."""
    everything: bool = False
    """Another process wrote: it might be anything."""

    def __bool__(self) -> bool:
        return bool(self.executions) or self.work or self.everything

    def add(self, executions: Iterable[str], *, work: bool) -> None:
        """Add what one more write changed."""
        self.executions.update(executions)
        self.work = self.work or work


@dataclass(slots=True, eq=False)
class _Listener:
    loop: asyncio.AbstractEventLoop
    event: asyncio.Event
    execution_id: str | None
    """`None`: listens for work."""

    def hears(self, news: News) -> bool:
        if self.execution_id is None:
            return news.work or news.everything
        return news.everything or self.execution_id in news.executions


class Bell:
    """Rings for those who wait.

    Args:
        on_first: Called when somebody begins to wait, so that other processes are listened to as well.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._on_first = on_first
        self._lock = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._works = 0
        self._closed = False

    def ring(self, news: News) -> None:
        """Wake who waits for this. Any thread may call it."""
        with self._lock:
            if news.work or news.everything:
                self._works += 1
            hearing = [listener for listener in self._listeners if self._closed or listener.hears(news)]
        for loop in {listener.loop for listener in hearing}:
            events = [listener.event for listener in hearing if listener.loop is loop]
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_set_all, events)

    def close(self) -> None:
        """Let everybody go."""
        self._closed = True
        self.ring(News(everything=True))

    def watched(self) -> list[str]:
        """Executions that somebody watches."""
        with self._lock:
            return [listener.execution_id for listener in self._listeners if listener.execution_id is not None]

    def waited_for(self) -> bool:
        """Whether anybody waits for anything."""
        return bool(self._listeners)

    @property
    def works(self) -> int:
        """How often work was announced: remember it before a search, to miss nothing after it."""
        return self._works

    async def wait_for_work(self, *, since: int, timeout_s: float) -> None:
        """Return when work was announced after `since`, or after `timeout_s`."""
        listener = self._listen(None)
        try:
            if self._works == since and not self._closed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(listener.event.wait(), timeout_s)
        finally:
            self._forget(listener)

    async def watch(self, execution_id: str) -> AsyncIterator[None]:
        """Tick at once, then after each change; ends when the trail is closed."""
        listener = self._listen(execution_id)
        try:
            while not self._closed:
                yield
                await listener.event.wait()
                listener.event.clear()
        finally:
            self._forget(listener)

    def _listen(self, execution_id: str | None) -> _Listener:
        listener = _Listener(asyncio.get_running_loop(), asyncio.Event(), execution_id)
        with self._lock:
            self._listeners.add(listener)
        self._on_first()
        return listener

    def _forget(self, listener: _Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)


def _set_all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()
