"""Starts a process afresh when the code beside it changes; the socket stays open, so that nobody is refused."""

import asyncio
import json
import os
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from watchfiles import DefaultFilter, awatch  # pyright: ignore[reportUnknownVariableType] - a part of its type is

from holdfast.doors import exits
from holdfast.doors.screen import note
from holdfast.doors.serve import Stop
from holdfast.engine.signals import install_signal_handlers

_PATIENCE_S: Final = 20
"""Seconds that a child gets to reach its commits; then it is killed, which loses nothing durable."""
_QUIET_MS: Final = 200
"""Changes within so many milliseconds are one: editors write a file in several strokes."""


@dataclass(slots=True, kw_only=True)
class Fresh:
    """What is started each time."""

    command: Sequence[str]
    socket: socket.socket
    """It takes requests over from here."""
    told: Callable[[dict[str, Any]], None]
    """Hears what the child says once it serves."""
    again: bool = False
    """Whether one of them has served before."""

    async def start(self) -> "Running":
        """A new process, in a session of its own: Ctrl-C is for the one that watches."""
        reading, writing = os.pipe()
        handed = (self.socket.fileno(), writing)
        command = [*self.command, "--handed", *map(str, handed), *(["--again"] if self.again else [])]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, pass_fds=handed, start_new_session=True
            )
        finally:
            os.close(writing)
        return Running(process=process, telling=asyncio.create_task(self._tell(reading)))

    async def _tell(self, pipe: int) -> None:
        said = await asyncio.to_thread(_line, pipe)
        if said:
            self.again = True
            self.told(json.loads(said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One process; it drains when the one that watches is gone, even killed."""

    process: Process
    telling: asyncio.Task[None]

    async def stop(self) -> None:
        """Let it reach its commits."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), _PATIENCE_S)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.telling


async def fresh_after_changes(folder: Path, fresh: Fresh) -> int:
    """Run it until stopped, anew after each change below `folder`; its exit status when it ends by itself.

    One that fails, as with a mistake in the code, is started again after the next change.
    """
    stop = Stop()
    install_signal_handlers(stop)
    watching = awatch(folder, watch_filter=_Code(), stop_event=stop.asked, debounce=_QUIET_MS, raise_interrupt=False)
    running = await fresh.start()
    try:
        while True:
            change = asyncio.ensure_future(anext(watching, None))
            if await _ended_first(running, change) == exits.OK:
                return exits.OK
            if (changed := await change) is None:
                return exits.OK
            note(f"{_short(min(path for _, path in changed))} changed: starting afresh")
            await running.stop()
            running = await fresh.start()
    finally:
        await running.stop()


async def _ended_first(running: Running, change: asyncio.Future[Any]) -> int | None:
    """The status of a process that ended before anything changed; `None` for one that still runs."""
    ended = asyncio.create_task(running.process.wait())
    await asyncio.wait({ended, change}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        ended.cancel()
        return None
    if not change.done() and ended.result() != exits.OK:
        note(f"it ended with {ended.result()}; waiting for a change of the code")
    return ended.result()


class _Code(DefaultFilter):
    """Python files and the configuration, outside of what tools keep for themselves."""

    def __call__(self, change: Any, path: str) -> bool:
        return (path.endswith((".py", ".pyi")) or Path(path).name == "holdfast.toml") and super().__call__(change, path)


def _short(path: str) -> str:
    return os.path.relpath(path)


def _line(pipe: int) -> str:
    with os.fdopen(pipe) as said:
        return said.readline()
