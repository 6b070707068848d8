"""When to ask for work: each question is a transaction, and an idle fleet should ask for next to nothing."""

from datetime import datetime

from holdfast.ports import Clock


class Attention:
    """Remembers what was announced and what is due, so that nobody claims where nothing can be found.

    Every commit that makes something claimable says so. Should that be lost, work is asked for again after a while.

    Args:
        clock: Time.
        ask_every_s: Seconds after which work is asked for though nobody announced any.
    """

    def __init__(self, clock: Clock, *, ask_every_s: float) -> None:
        self._clock, self._ask_every_s = clock, ask_every_s
        self.announced = True
        """Something may have become claimable since the last claim."""
        self.due: datetime | None = None
        """When the next thing is due, as it was when that was last asked."""
        self._ask_at = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether a claim might find something."""
        due_s = self.due_s
        return self.announced or (due_s is not None and due_s <= 0) or self._clock.monotonic() >= self._ask_at

    @property
    def due_s(self) -> float | None:
        """Seconds until the next thing is due; `None`: nothing is in sight."""
        return None if self.due is None else (self.due - self._clock.now()).total_seconds()

    def asks(self) -> None:
        """Work is asked for now; what is announced from here on is news."""
        self.announced = False
        self._ask_at = self._clock.monotonic() + self._ask_every_s
