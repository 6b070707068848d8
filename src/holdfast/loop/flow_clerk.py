"""Makes durable what the branches of one workflow have to say: in their order, and as much as there is at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.errors import ApprovalUnusable, CancelRequested
from holdfast.loop.activation import Activation
from holdfast.loop.admit import leave_for

Write = Callable[[], object]
"""Records something with the activation; what it returns goes to whoever waits for it."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One thing to be made durable."""

    write: Write
    done: asyncio.Future[object] | None
    """Whoever waits for it; `None`: nobody."""
    starts: bool
    """Something begins with it: there must be leave for it."""
    alone: bool
    """It may be refused, and must take nothing else with it."""
    tools: tuple[str, ...]
    """Tools that need leave for it."""


class Clerk:
    """The only one who commits while a workflow runs: commits of one execution follow each other.

    Args:
        activation: Where it is recorded.
        stop: Told of a refusal after which nothing more may begin.
    """

    def __init__(self, activation: Activation, stop: Callable[[BaseException], None]) -> None:
        self._activation, self._stop = activation, stop
        self._queue: list[Entry] = []
        self._serving: asyncio.Task[None] | None = None
        self._kicked = False
        self.stopped: BaseException | None = None

    def note(self, write: Write, *, starts: bool = False) -> None:
        """Make something durable soon; nobody waits for it."""
        self._queue.append(Entry(write=write, done=None, starts=starts, alone=False, tools=()))
        self._kick()

    async def durable(self, write: Write, *, alone: bool = False, tools: tuple[str, ...] = ()) -> object:
        """Make something durable before it begins.

        Raises:
            ApprovalUnusable: `alone`, and an approval that it uses does not cover it; nothing of it began.
        """
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._queue.append(Entry(write=write, done=done, starts=True, alone=alone, tools=tools))
        self._kick()
        return await done

    async def rest(self) -> None:
        """Let the commit under way end, and record what is queued; it goes with the next commit, not with one now."""
        while self._serving is not None:
            await asyncio.wait({self._serving})
        queue, self._queue = self._queue, []
        for entry in queue:
            if entry.done is None:
                entry.write()

    def end(self) -> None:
        """Drop what is queued, and the commit under way."""
        self._queue.clear()
        if self._serving is not None:
            self._serving.cancel()

    def _kick(self) -> None:
        # Not at once: what the same branch says next, and what others say now, goes with the same commit.
        if not self._kicked and self._serving is None and self.stopped is None:
            self._kicked = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._kicked = False
        if self._queue and self._serving is None and self.stopped is None:
            self._serving = asyncio.get_running_loop().create_task(self._serve())
            self._serving.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._halt(error)
        elif self._queue:  # it came after the last look
            self._kick()

    async def _serve(self) -> None:
        while self._queue and self.stopped is None:
            batch = self._take()
            came = [entry.write() for entry in batch]
            tools = [tool for entry in batch for tool in entry.tools]
            starts = any(entry.starts for entry in batch)
            try:
                appended = await self._activation.commit(leave_for(tools) if starts else None)
            except ApprovalUnusable as refused:
                for entry in batch:
                    if entry.done and not entry.done.done():
                        entry.done.set_exception(refused)
                continue
            for entry, result in zip(batch, came, strict=True):
                if entry.done and not entry.done.done():
                    entry.done.set_result(result)
            if appended.cancel_requested and self._activation.heeds_cancel:
                self._halt(CancelRequested())

    def _take(self) -> list[Entry]:
        """What goes with the next commit: all that is queued, but what stands alone alone."""
        if self._queue[0].alone:
            return [self._queue.pop(0)]
        count = next((place for place, entry in enumerate(self._queue) if entry.alone), len(self._queue))
        batch, self._queue = self._queue[:count], self._queue[count:]
        return batch

    def _halt(self, error: BaseException) -> None:
        if self.stopped is None:
            self.stopped = error
            self._stop(error)
