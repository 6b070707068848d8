"""What SIGTERM and SIGINT mean to a worker: the first one drains it, the second ends the process at once."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import structlog

log = structlog.get_logger("holdfast.engine")


class Stoppable(Protocol):
    """What can be asked to stop."""

    def stop(self) -> None:
        """Start nothing new; end when what runs has reached its next commit."""
        ...


class Early:
    """Remembers that it was asked to stop, for an engine that is being made."""

    def __init__(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        """Remember."""
        self.stopped = True


def install_signal_handlers(engine: Stoppable) -> Callable[[], None]:
    """Stop `engine` at the first SIGTERM or SIGINT, end the process at the second; the returned function undoes this.

    The second signal works while the event loop is blocked, and loses nothing that was committed. Call it on the main
    thread, inside the running event loop; on another thread it does nothing, since signals come to the main one.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            os._exit(128 + number)
        loop.call_soon_threadsafe(engine.stop)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}

    def undo() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return undo
