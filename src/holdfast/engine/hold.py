"""Whose turn it is to look after something: one worker of the fleet at a time, asked for as seldom as it can be."""

from collections.abc import Callable
from typing import Protocol

from holdfast.ports import Clock


class Holds(Protocol):
    """Where it stands who holds what."""

    async def hold_watch(self, worker_id: str, *, for_s: float, what: str) -> bool: ...


class Hold:
    """One thing to look after.

    Who holds it asks again at half time; when it dies, another one gets it at the end of that.

    Args:
        holds: Where it stands who holds what.
        what: The thing.
        for_s: Seconds that it is held for.
        worker_id: Says who this is now; an empty name looks after nothing.
        clock: Time.
    """

    def __init__(self, holds: Holds, what: str, *, for_s: float, worker_id: Callable[[], str], clock: Clock) -> None:
        self._holds, self._what, self._for_s, self._worker_id, self._clock = holds, what, for_s, worker_id, clock
        self._held = ("", 0.0)
        """Under which name, and until when by `monotonic`, without asking again."""

    async def is_mine(self) -> bool:
        """Whether it is this worker's turn."""
        worker_id, now = self._worker_id(), self._clock.monotonic()
        if not worker_id:
            return False
        if self._held[0] == worker_id and now < self._held[1]:
            return True
        if not await self._holds.hold_watch(worker_id, for_s=self._for_s, what=self._what):
            return False
        self._held = (worker_id, now + self._for_s / 2)
        return True
