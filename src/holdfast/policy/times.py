"""When a request may begin and must have ended. Pure."""

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from holdfast.errors import DeadlineExceeded, UsageError
from holdfast.types import Json

_SPAN: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhdw]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LONGEST_S: Final = 10 * 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """A request's times, checked."""

    start_at: datetime | None
    due_by: datetime | None

    @classmethod
    def of(
        cls, *, start_at: datetime | None, delay_s: float | None, deadline: datetime | None, now: datetime
    ) -> "Times":
        """Check them.

        Raises:
            UsageError: A time has no zone, a delay is none, or two starts are given.
            DeadlineExceeded: It could not end in time.
        """
        if start_at is not None and delay_s is not None:
            raise UsageError("give start_at or delay_s, one of the two")
        if delay_s is not None:
            if not math.isfinite(delay_s) or not 0 <= delay_s <= _LONGEST_S:
                raise UsageError(f"delay_s={delay_s!r}: give seconds, 0 or more and up to ten years")
            start_at = now + timedelta(seconds=delay_s) if delay_s else None
        for name, at in (("start_at", start_at), ("deadline", deadline)):
            if at is not None and at.tzinfo is None:
                raise UsageError(f"{name}={at.isoformat()} has no zone: give one, e.g. with tzinfo=UTC")
        begins = max(now, start_at or now)
        if deadline is not None and deadline <= begins:
            late = "has passed" if deadline <= now else f"comes before its start at {begins.isoformat()}"
            raise DeadlineExceeded(f"the deadline {deadline.isoformat()} {late}")
        return cls(start_at=start_at if start_at and start_at > now else None, due_by=deadline)

    def as_data(self) -> dict[str, Json]:
        """As the journal has it."""
        named = (("start_at", self.start_at), ("deadline", self.due_by))
        return {name: at.isoformat() for name, at in named if at is not None}


ANY_TIME: Final = Times(start_at=None, due_by=None)
"""At once, and by no time."""


def seconds(span: str) -> float:
    """A span of time as people write it: `90s`, `15m`, `2h`, `1d`; a bare number is seconds.

    Raises:
        UsageError: It is none.
    """
    found = _SPAN.fullmatch(span.strip())
    if found is None:
        raise UsageError(f"{span!r} is no time: give e.g. 90s, 15m, 2h or 1d")
    return float(found[1]) * _UNITS[found[2]]
