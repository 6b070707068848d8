"""How many calls of a model or tool went well lately in this process: attached to the next report of a failure."""

from collections import deque

from holdfast.types import BreakerKind

WINDOW_S = 60
"""Successes older than this say nothing about now."""


class Tallies:
    """Counts successes, by second, without writing anything: a breaker needs them only once something failed."""

    def __init__(self) -> None:
        self._counts: dict[tuple[BreakerKind, str], deque[list[int]]] = {}

    def ok(self, kind: BreakerKind, name: str, *, now: float) -> None:
        """A call went well.

        Args:
            kind: Of what.
            name: Which.
            now: Seconds of the monotonic clock.
        """
        second = int(now)
        counts = self._counts.get((kind, name))
        if counts is None:
            counts = self._counts[kind, name] = deque(maxlen=WINDOW_S + 1)
        if counts and counts[-1][0] == second:
            counts[-1][1] += 1
        else:
            counts.append([second, 1])

    def take(self, kind: BreakerKind, name: str, *, now: float) -> int:
        """How many went well within the last minute and were not told before; they are told now."""
        counts = self._counts.pop((kind, name), None)
        oldest = int(now) - WINDOW_S
        return sum(count for second, count in counts or () if second >= oldest)
