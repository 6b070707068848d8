import asyncio
import threading

import pytest

from holdfast.tools.threads import NEVER_BEGAN, STILL_RUNNING, Threads


def test_result_and_error():
    """A function's result and its error come back to whoever waits."""
    threads = Threads(1)
    assert asyncio.run(threads.run(lambda: 5)) == 5
    with pytest.raises(KeyError):
        asyncio.run(threads.run(lambda: {}["x"]))


def test_stop_iteration():
    """A stray `StopIteration`, which an asyncio future cannot hold, does not hang the call."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(Threads(1).run(lambda: next(iter([]))))


def test_bounded():
    """No more functions run at once than there are threads; the others follow."""
    running, most, lock = set(), [], threading.Lock()
    both = threading.Barrier(2, timeout=5)

    def act():
        with lock:
            running.add(threading.get_ident())
            most.append(len(running))
        both.wait()
        with lock:
            running.discard(threading.get_ident())

    async def scenario():
        threads = Threads(2)
        await asyncio.gather(*(threads.run(act) for _ in range(6)))

    asyncio.run(scenario())
    assert max(most) == 2


def test_cancelled_waits_say_how_far_it_came():
    """Cancelling a wait tells whether the function never began or is running on in its thread."""

    async def scenario():
        threads, began, release = Threads(1), asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def hang():
            loop.call_soon_threadsafe(began.set)
            release.wait()

        never: list[int] = []
        first = asyncio.ensure_future(threads.run(hang))
        second = asyncio.ensure_future(said(threads.run(lambda: never.append(1))))
        first_said = asyncio.ensure_future(said(first))
        await began.wait()
        second.cancel()
        first.cancel()
        result = [await first_said, await second]
        release.set()
        await threads.run(lambda: None)
        return result, never

    assert asyncio.run(scenario()) == ([STILL_RUNNING, NEVER_BEGAN], [])


async def said(work):
    try:
        await work
    except asyncio.CancelledError as error:
        return error.args[0]


def test_threads_end_with_the_program():
    """Threads are daemons: a hung tool keeps no worker from exiting."""
    assert asyncio.run(Threads(1).run(lambda: threading.current_thread().daemon))
