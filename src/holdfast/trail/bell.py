"""Tells waiting coroutines that something changed: at once in this process, soon from another one."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

_WORK: Final = "work"
_MAIL: Final = "mail"


@dataclass(slots=True)
class News:
    """What commits changed."""

    executions: set[str] = field(default_factory=set[str])
    settled: set[str] = field(default_factory=set[str])
    """Those that ended, or may wait for a person, themselves or through those below them."""
    work: bool = False
    """Something became claimable."""
    mail: bool = False
    """There may be something for people in the outbox."""
    everything: bool = False
    """It might be anything."""

    def __bool__(self) -> bool:
        return bool(self.executions) or bool(self.settled) or self.work or self.mail or self.everything

    def add(self, executions: Iterable[str], settled: Iterable[str], *, work: bool) -> None:
        """Add what one more write changed."""
        self.executions.update(executions)
        self.settled.update(settled)
        self.work = self.work or work


@dataclass(slots=True, eq=False)
class _Listener:
    loop: asyncio.AbstractEventLoop
    event: asyncio.Event


class Bell:
    """Rings for those who wait.

    Args:
        on_first: Called when somebody begins to wait, so that other processes are listened to as well.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._on_first = on_first
        self._lock = threading.Lock()
        self._watching: dict[str, set[_Listener]] = {}
        self._settling: dict[str, set[_Listener]] = {}
        self._working: dict[str, set[_Listener]] = {}
        self._works = self._mails = 0
        self._closed = False

    def ring(self, news: News) -> None:
        """Wake who waits for this. Any thread may call it."""
        with self._lock:
            if news.work or news.everything:
                self._works += 1
            if news.mail or news.everything:
                self._mails += 1
            hearing = self._hearing(news)
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
            return [*{**self._watching, **self._settling}]

    def watched_closely(self) -> list[str]:
        """Executions of which somebody wants every step, not only the end."""
        with self._lock:
            return [*self._watching]

    def waited_for(self) -> bool:
        """Whether anybody waits for anything."""
        return bool(self._watching or self._settling or self._working)

    @property
    def works(self) -> int:
        """How often work was announced: remember it before a search, to miss nothing after it."""
        return self._works

    @property
    def mails(self) -> int:
        """How often mail was announced."""
        return self._mails

    def _hearing(self, news: News) -> list[_Listener]:
        everything = news.everything or self._closed
        hearing = [*self._working.get(_WORK, ())] if news.work or everything else []
        hearing += self._working.get(_MAIL, ()) if news.mail or everything else ()
        for listening, changed in ((self._watching, news.executions), (self._settling, news.settled)):
            for execution_id in listening if everything else listening.keys() & changed:
                hearing += listening[execution_id]
        return hearing

    async def wait_for_work(self, *, since: int, timeout_s: float) -> bool:
        """Return when work was announced after `since`, or after `timeout_s`; whether it was."""
        await self._wait(_WORK, lambda: self._works == since, timeout_s)
        return self._works != since

    async def wait_for_mail(self, *, since: int, timeout_s: float) -> None:
        """Return when mail was announced after `since`, or after `timeout_s`."""
        await self._wait(_MAIL, lambda: self._mails == since, timeout_s)

    async def _wait(self, name: str, is_quiet: Callable[[], bool], timeout_s: float) -> None:
        with self._listening(self._working, name) as listener:
            if is_quiet() and not self._closed:
                # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        await listener.event.wait()

    def watch(self, execution_id: str) -> AsyncGenerator[None]:
        """Tick at once, then after each change; ends when the trail is closed."""
        return self._ticks(self._watching, [execution_id])

    def settle(self, execution_ids: Iterable[str]) -> AsyncGenerator[None]:
        """Tick at once, then whenever one of these may have ended or begun to wait for a person."""
        return self._ticks(self._settling, execution_ids)

    async def watch_all(self, execution_ids: Iterable[str]) -> AsyncGenerator[None]:
        """Tick at once, then when one of these changed or work was announced; ends when the trail is closed."""
        listener = _Listener(asyncio.get_running_loop(), asyncio.Event())
        with ExitStack() as stack:
            for execution_id in execution_ids:
                stack.enter_context(self._listening(self._watching, execution_id, listener))
            stack.enter_context(self._listening(self._working, _WORK, listener))
            while not self._closed:
                yield
                await listener.event.wait()
                listener.event.clear()

    async def _ticks(self, among: dict[str, set[_Listener]], execution_ids: Iterable[str]) -> AsyncGenerator[None]:
        listener = _Listener(asyncio.get_running_loop(), asyncio.Event())
        with ExitStack() as stack:
            for execution_id in execution_ids:
                stack.enter_context(self._listening(among, execution_id, listener))
            while not self._closed:
                yield
                await listener.event.wait()
                listener.event.clear()

    @contextmanager
    def _listening(
        self, among: dict[str, set[_Listener]], name: str, given: _Listener | None = None
    ) -> Generator[_Listener]:
        listener = given or _Listener(asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            among.setdefault(name, set()).add(listener)
        self._on_first()
        try:
            yield listener
        finally:
            with self._lock:
                among[name].discard(listener)
                if not among[name]:
                    del among[name]


def _set_all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()
