"""Processes by fork: a driver that has imported everything starts one in a few milliseconds, and knows how it ended."""

import json
import os
import selectors
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Task: TypeAlias = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a process ended."""

    killed: bool
    """By SIGKILL."""
    code: int
    """Exit status; of one that a signal ended, minus its number."""
    said: Any
    """What its task returned, or the traceback."""


class Child:
    """A forked process that runs a task and says what came of it."""

    def __init__(self, task: Task) -> None:
        # A pipe, because its end is seen by `select` when the process dies, however it dies.
        self.pipe, theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become(task, theirs)
        os.close(theirs)
        self.started_at = time.monotonic()
        self.ended = False
        self._said = b""

    def read(self) -> bool:
        """Take in what it said; whether it has ended."""
        some = os.read(self.pipe, 1 << 16)
        self._said += some
        self.ended = not some
        return self.ended

    def reap(self) -> End:
        """Wait for its end."""
        os.close(self.pipe)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        said = json.loads(self._said) if self._said else None
        return End(killed=code == -signal.SIGKILL, code=code, said=said)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid, how)


def _become(task: Task, pipe: int) -> None:
    code = 0
    try:
        said = task()
    except BaseException:  # noqa: BLE001 - the parent wants to know, and this process must end here
        said, code = traceback.format_exc(), 1
    with os.fdopen(pipe, "wb") as file:
        file.write(json.dumps(said).encode())
    os._exit(code)


Story: TypeAlias = Generator[Task, End, None]
"""Yields what a process shall do and is sent how it ended."""


def play(stories: Iterable[Story], *, at_once: int, limit_s: float) -> None:
    """Play every story to its end, several side by side; a process that takes longer than `limit_s` is killed."""
    waiting, selector = iter(stories), selectors.DefaultSelector()
    running = 0

    def go_on(story: Story, end: End | None) -> bool:
        try:
            task = story.send(end) if end else next(story)
        except StopIteration:
            return False
        child = Child(task)
        selector.register(child.pipe, selectors.EVENT_READ, (story, child))
        return True

    while True:
        while running < at_once and (story := next(waiting, None)) is not None:
            running += go_on(story, None)
        if not running:
            return
        for key, _ in selector.select(timeout=1):
            story, child = key.data
            if child.read():
                selector.unregister(child.pipe)
                running += go_on(story, child.reap()) - 1
        for key in list(selector.get_map().values()):
            if time.monotonic() - key.data[1].started_at > limit_s:
                key.data[1].kill()
