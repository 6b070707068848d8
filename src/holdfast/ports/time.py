"""Time, and ids."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeAlias

NewId: TypeAlias = Callable[[], str]
"""Makes ids: unique, and sorted by time (UUIDv7)."""


class Clock(Protocol):
    """Time, so that tests and replay can hold it still."""

    def now(self) -> datetime:
        """The wall clock, in UTC, with time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
