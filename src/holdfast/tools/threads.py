"""The bounded pool of threads in which synchronous tools run."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")

SIZE = 64
"""Synchronous calls that run at once in one process; further ones queue within their own timeout."""

NEVER_BEGAN = "no thread was free in time: it never began"
STILL_RUNNING = "its thread is still running"


class Threads:
    """At most `size` daemon threads, started when needed and kept.

    Not the standard library's executor: that one joins its threads when the program ends, so one hung tool
    would keep a worker from ever exiting.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._pool = _Pool(size)

    async def run(self, function: Callable[[], T]) -> T:
        """Run `function` in a thread, with the caller's context variables.

        A thread cannot be stopped. When the wait is cancelled, the `CancelledError` says in its argument
        whether the function never began (`NEVER_BEGAN`) or is `STILL_RUNNING`.
        """
        call = partial(contextvars.copy_context().run, function)
        future: Future[T] = Future()
        self._pool.submit(partial(_fulfil, future, call))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            raise asyncio.CancelledError(NEVER_BEGAN if future.cancel() else STILL_RUNNING) from None


def _fulfil(future: "Future[T]", call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except (StopIteration, GeneratorExit) as error:
        # An asyncio future cannot hold the one, the waiting task would hang; the other would close that task.
        future.set_exception(RuntimeError(f"the function raised {error!r}"))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
        future.set_exception(error)


@dataclass(slots=True, eq=False)
class _Pool:
    size: int
    started: int = 0
    unfinished: int = 0
    """Jobs queued or running."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    jobs: SimpleQueue[Callable[[], None]] = field(default_factory=SimpleQueue[Callable[[], None]])

    def submit(self, job: Callable[[], None]) -> None:
        self.jobs.put(job)
        with self.lock:
            self.unfinished += 1
            if self.started < min(self.unfinished, self.size):
                self.started += 1
                threading.Thread(target=self._work, name=f"holdfast-tool-{self.started}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self.jobs.get()()
            with self.lock:
                self.unfinished -= 1
