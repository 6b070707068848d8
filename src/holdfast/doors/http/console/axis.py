"""A time axis that shows work to scale and folds the time in which nobody worked, and the bars on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from holdfast.doors.http.console.figures import duration
from holdfast.doors.http.console.span import Span
from holdfast.doors.http.console.states import look_of

WIDTH: Final = 1000
"""Units across; what draws it stretches them."""
_FOLD: Final = 28.0
"""Units for a time in which nobody worked, however long it was."""
_WORTH_FOLDING: Final = 0.06
"""Of the whole: shorter idle times are drawn to scale."""
_SHORT: Final = timedelta(seconds=2)
"""Not folded, however short the rest is."""
_LEAST: Final = 3.0
"""Units of the narrowest bar that can be seen."""
_TICKS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Time in which nobody worked."""

    x: float
    width: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One rectangle of a bar."""

    look: str
    """running, waiting, completed, failed or quiet; `queue`: asked for and not begun."""
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class _Segment:
    begin: datetime
    end: datetime
    x: float
    width: float
    folded: bool


class Axis:
    """Where times are.

    Args:
        begin: The left end.
        end: The right end.
        idle: Times in which nobody worked, in order.
    """

    def __init__(self, begin: datetime, end: datetime, idle: Iterable[tuple[datetime, datetime]]) -> None:
        self.begin, self.end = begin, max(end, begin + timedelta(milliseconds=1))
        self._segments = _segments(self.begin, self.end, list(idle))

    @property
    def folds(self) -> Sequence[Fold]:
        """What is not to scale."""
        return [
            Fold(x=round(one.x, 1), width=round(one.width, 1), said=duration(one.end - one.begin))
            for one in self._segments
            if one.folded
        ]

    @property
    def ticks(self) -> Sequence[str]:
        """How long after the beginning it is, at even distances from the left end to the right."""
        return [duration(self._time(WIDTH * i / _TICKS) - self.begin) if i else "0" for i in range(_TICKS + 1)]

    def x(self, at: datetime) -> float:
        """Units from the left."""
        for one in self._segments:
            if at <= one.end:
                inside = (max(at, one.begin) - one.begin) / (one.end - one.begin)
                return one.x + inside * one.width
        return float(WIDTH)

    def pieces(self, span: Span) -> Sequence[Piece]:
        """The bar of a span; one that is still going on reaches the right end."""
        until = span.ended_at or self.end
        if span.kind == "note":
            return [_piece(look_of(span.status or "pending"), self.x(span.queued_at), self.x(span.queued_at))]
        begun = span.started_at or until
        made = [_piece("queue", self.x(span.queued_at), self.x(begun))] if begun > span.queued_at else []
        if span.started_at is not None:
            made.append(_piece(look_of(span.status), self.x(begun), self.x(until)))
        made += [_piece("waiting", self.x(since), self.x(then or self.end)) for since, then in span.waits]
        return made

    def _time(self, x: float) -> datetime:
        for one in self._segments:
            if x <= one.x + one.width:
                return one.begin + (one.end - one.begin) * max(0.0, (x - one.x) / one.width)
        return self.end


def _piece(look: str, begin: float, end: float) -> Piece:
    width = max(end - begin, _LEAST)
    return Piece(look=look, x=round(min(begin, WIDTH - width), 1), width=round(width, 1))


def _segments(begin: datetime, end: datetime, idle: list[tuple[datetime, datetime]]) -> Sequence[_Segment]:
    inside = [(max(since, begin), min(until, end)) for since, until in idle]
    worth = max(_WORTH_FOLDING * (end - begin), _SHORT)
    folds = [(since, until) for since, until in inside if until - since > worth][: int(WIDTH * 0.3 / _FOLD)]
    bounds = [begin, *(at for fold in folds for at in fold), end]
    worked = sum((b - a for a, b in pairwise(bounds) if (a, b) not in folds), timedelta())
    room = WIDTH - _FOLD * len(folds)
    x, made = 0.0, list[_Segment]()
    for since, until in pairwise(bounds):
        folded = (since, until) in folds
        if until <= since:
            continue
        width = _FOLD if folded else room * ((until - since) / worked)
        made.append(_Segment(since, until, x, width, folded))
        x += width
    return made or [_Segment(begin, end, 0.0, float(WIDTH), folded=False)]
