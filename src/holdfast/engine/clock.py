"""Time and ids as the system gives them."""

import asyncio
import secrets
import threading
import time
from datetime import UTC, datetime

_RANDOM_BITS = 74
_lock = threading.Lock()
_last = 0
"""The newest id without its version and variant bits."""


class SystemClock:
    """The port `Clock` on the machine's own clocks."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def new_id() -> str:
    """A UUIDv7 as text: unique, and within a process always larger than the one before.

    Any thread may call it. When the wall clock goes back, ids go on from the newest.
    """
    global _last  # noqa: PLW0603 - the order of ids in a process is one thing
    fresh = time.time_ns() // 1_000_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS - 1)
    with _lock:
        # The step is random, so that a forked process goes on differently.
        _last = fresh if fresh >> _RANDOM_BITS > _last >> _RANDOM_BITS else _last + 1 + secrets.randbits(32)
        value = _last
    return _spelled(value)


def _spelled(value: int) -> str:
    moment, middle, tail = value >> _RANDOM_BITS, value >> 62 & 0xFFF, value & (1 << 62) - 1
    digits = f"{moment << 80 | 7 << 76 | middle << 64 | 2 << 62 | tail:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
