"""A clock that stands still until it is turned."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """The port `Clock` for tests: time passes only by `advance`.

    Sleepers wake in the order of their times, earlier calls first, each seeing the clock at its own time or later.

    Args:
        now: Where the wall clock stands, with time zone. Default: the first of January 2026, UTC.
        auto: Let a `sleep` pass at once, moving the clock by it. Default: no.
    """

    def __init__(self, now: datetime = START, *, auto: bool = False) -> None:
        self._now, self._elapsed, self._auto = now, 0.0, auto
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._arrived: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Where the wall clock stands."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that were advanced since it was made."""
        return self._elapsed

    @property
    def sleeping(self) -> int:
        """How many sleep now."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced by so much."""
        if self._auto or seconds <= 0:
            self.advance(max(seconds, 0))
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        self._announce()
        await future

    def advance(self, seconds: float) -> None:
        """Let time pass and wake whoever is due.

        They run when the event loop next gets control.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: advance({seconds:g})")
        self._elapsed += seconds
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)

    def set(self, now: datetime) -> None:
        """Put the wall clock elsewhere, as an operator or NTP does; nobody wakes, and no time passes."""
        self._now = now

    async def until_sleeping(self, sleepers: int = 1) -> None:
        """Wait until at least so many sleep."""
        if self.sleeping >= sleepers:
            return
        future = asyncio.get_running_loop().create_future()
        self._arrived.append((sleepers, future))
        await future

    def _announce(self) -> None:
        waiting = self._arrived
        self._arrived = [(wanted, future) for wanted, future in waiting if wanted > self.sleeping]
        for wanted, future in waiting:
            if wanted <= self.sleeping and not future.done():
                future.set_result(None)
