"""Charts as SVG, made here: bars by day, each with words for who cannot see it; colours come from the style sheet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from holdfast.doors.http.console.exactly import visible

SERIES: Final = 4
"""Colours that there are; what comes after the third of more than four is added up as one."""
_WIDTH: Final = 1000
_HEIGHT: Final = 230
_LEFT: Final = 52
_BOTTOM: Final = 22
_TOP: Final = 8
_GAP: Final = 0.28
"""Of a bar's room that stays empty."""
_LABELS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One colour of a chart."""

    name: str
    values: Sequence[float]
    """As many as there are columns."""

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacked:
    """Bars on a time axis, each of several parts."""

    title: str
    columns: Sequence[str]
    """What stands below each bar."""
    series: Sequence[Series]
    unit: str = "$"

    @property
    def highest(self) -> float:
        """Of the bars."""
        return max((sum(one.values[at] for one in self.series) for at in range(len(self.columns))), default=0.0)


def gathered(by_name: Mapping[str, Sequence[float]]) -> Sequence[Series]:
    """The largest series, and the rest as one where there are more than colours."""
    ordered = sorted(by_name.items(), key=lambda pair: (-sum(pair[1]), pair[0]))
    if len(ordered) <= SERIES:
        return [Series(name=name, values=values) for name, values in ordered]
    kept, rest = ordered[: SERIES - 1], ordered[SERIES - 1 :]
    added = [sum(values) for values in zip(*(values for _, values in rest), strict=True)]
    named = [Series(name=name, values=values) for name, values in kept]
    return [*named, Series(name=f"{len(rest)} others", values=added)]


def stacked(chart: Stacked, *, key: str) -> Markup:
    """The chart; `key` keeps its ids apart from those of others on the page."""
    top = _nice(chart.highest)
    parts = [_frame(chart, key), *_grid(top, chart.unit), *_bars(chart, top), *_names(chart.columns), Markup("</svg>")]
    return Markup("").join(parts)


def _frame(chart: Stacked, key: str) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>'
    ).format(_WIDTH, _HEIGHT, key, key, key, visible(chart.title), key, visible(_told(chart)))


def _told(chart: Stacked) -> str:
    """The chart in a sentence."""
    if not chart.columns or chart.highest <= 0:
        return "There is nothing yet."
    sums = [sum(one.values[at] for one in chart.series) for at in range(len(chart.columns))]
    most = max(range(len(sums)), key=lambda at: sums[at])
    parts = ", ".join(f"{one.name} {_amount(one.total, chart.unit)}" for one in chart.series)
    return (
        f"{chart.columns[0]} to {chart.columns[-1]}: {_amount(sum(sums), chart.unit)} in all, most on "
        f"{chart.columns[most]} with {_amount(sums[most], chart.unit)}. {parts}. The table below has every number."
    )


def _grid(top: float, unit: str) -> Sequence[Markup]:
    lines: list[Markup] = []
    for step in range(5):
        y = _y(top * step / 4, top)
        lines.append(
            Markup(
                '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>'
            ).format(
                "grid" if step else "axis",
                _LEFT,
                _WIDTH,
                _n(y),
                _n(y),
                _LEFT - 8,
                _n(y + 4),
                _amount(top * step / 4, unit),
            )
        )
    return lines


def _bars(chart: Stacked, top: float) -> Sequence[Markup]:
    found: list[Markup] = []
    room = (_WIDTH - _LEFT) / max(len(chart.columns), 1)
    for at, column in enumerate(chart.columns):
        below = 0.0
        for number, one in enumerate(chart.series):
            value = one.values[at]
            if value <= 0:
                continue
            y, height = _y(below + value, top), value / top * (_HEIGHT - _TOP - _BOTTOM)
            x, width = _LEFT + at * room + room * _GAP / 2, room * (1 - _GAP)
            found.append(
                Markup('<rect class="s{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                    number + 1,
                    _n(x),
                    _n(y),
                    _n(min(width, 40)),
                    _n(max(height, 0.6)),
                    visible(f"{column}: {one.name} {_amount(value, chart.unit)}"),
                )
            )
            below += value
    return found


def _names(columns: Sequence[str]) -> Sequence[Markup]:
    room = (_WIDTH - _LEFT) / max(len(columns), 1)
    every = max(math.ceil(len(columns) / _LABELS), 1)
    # Counted from the end, so that the newest has its name.
    return [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _n(_LEFT + at * room + min(room * (1 - _GAP), 40) / 2 + room * _GAP / 2), _HEIGHT - 5, column
        )
        for at, column in enumerate(columns)
        if (len(columns) - 1 - at) % every == 0
    ]


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)


def _nice(highest: float) -> float:
    """A round number that is no smaller, whose quarters are round too."""
    if highest <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(highest))
    return next(size * step for step in (1, 2, 4, 8, 10) if size * step >= highest * 0.999_999)


def _amount(value: float, unit: str) -> str:
    if unit != "$":
        return f"{value:,.0f}"
    places = 0 if value == 0 or value >= 100 else 2 if value >= 0.1 else 4
    return f"${Decimal(str(value)):,.{places}f}"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
