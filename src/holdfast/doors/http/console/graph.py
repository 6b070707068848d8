"""Where the boxes and lines of a graph stand: columns from left to right, lines around the boxes between. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from holdfast.teams.paths import Edge, Path, direct, in_order

WIDE: Final = 204
HIGH: Final = 66
"""Of a box."""
_LANE: Final = 14
"""Height of a line that passes a column."""
_ACROSS: Final = 46
_DOWN: Final = 16
_EDGE: Final = 3
"""Around everything, so that no stroke is cut."""
_SWEEPS: Final = 6

Key: TypeAlias = str | tuple[str, str, int]
"""A box by its name, or the place where a line passes a column."""
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A line, from the right of one box to the left of another."""

    edge: Edge
    points: Sequence[Point]
    """In pairs: where it leaves a column, and where it comes to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything with its place, in pixels."""

    width: int
    height: int
    boxes: Mapping[str, Point]
    """Left upper corners."""
    ways: Sequence[Way]


def laid_out(path: Path) -> Layout:
    """Give every box and line its place."""
    depth = _depths(path)
    edges = [edge for edge in direct(path) if {edge.before, edge.after} <= depth.keys() and edge.before != edge.after]
    chains = {(edge.before, edge.after): _chain(edge, depth) for edge in edges}
    columns = _columns(depth, [key for chain in chains.values() for key in chain[1:-1]])
    links = [link for chain in chains.values() for link in pairwise(chain)]
    before, after = _neighbours(links)
    columns = _untangled(columns, before, after)
    middles = _settled(columns, before, after)
    boxes = {name: (_left(depth[name]), middles[name] - HIGH / 2) for name in depth}
    deepest = max((middles[key] + _height(key) / 2 for column in columns for key in column), default=0.0)
    return Layout(
        width=round(_left(max(depth.values(), default=0)) + WIDE + _EDGE),
        height=round(max(deepest, HIGH) + _EDGE),
        boxes=boxes,
        ways=[_way(edge, chains[edge.before, edge.after], depth, middles) for edge in edges],
    )


def _depths(path: Path) -> dict[str, int]:
    """The column of each node: behind all that come before it."""
    depth: dict[str, int] = {}
    for node in in_order(path):
        before = [depth[edge.before] for edge in path.edges if edge.after == node.name and edge.before in depth]
        depth[node.name] = max(before, default=-1) + 1
    return depth


def _chain(edge: Edge, depth: Mapping[str, int]) -> list[Key]:
    between = range(depth[edge.before] + 1, depth[edge.after])
    return [edge.before, *((edge.before, edge.after, column) for column in between), edge.after]


def _columns(depth: Mapping[str, int], lanes: Sequence[Key]) -> list[list[Key]]:
    found: list[list[Key]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, column in depth.items():
        found[column].append(name)
    for lane in lanes:
        found[int(lane[2])].append(lane)
    return found


Neighbours: TypeAlias = Mapping[Key, Sequence[Key]]


def _neighbours(links: Sequence[tuple[Key, Key]]) -> tuple[Neighbours, Neighbours]:
    before: dict[Key, list[Key]] = {}
    after: dict[Key, list[Key]] = {}
    for one, other in links:
        before.setdefault(other, []).append(one)
        after.setdefault(one, []).append(other)
    return before, after


def _untangled(columns: Sequence[Sequence[Key]], before: Neighbours, after: Neighbours) -> list[list[Key]]:
    """Each column in the order of what its members hang on, to and fro: few lines cross then."""
    found = [list(column) for column in columns]
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        sides = range(1, len(found)) if forth else range(len(found) - 2, -1, -1)
        for number in sides:
            places = {key: place for place, key in enumerate(found[number - 1 if forth else number + 1])}
            column, near = found[number], before if forth else after
            own = {key: place for place, key in enumerate(column)}
            column.sort(key=lambda key: _mean([places[one] for one in near.get(key, ())], own[key]))
    return found


def _settled(columns: Sequence[Sequence[Key]], before: Neighbours, after: Neighbours) -> dict[Key, float]:
    """The middle of each member of each column: level with what it hangs on, as far as there is room."""
    middles: dict[Key, float] = {}
    for column in columns:
        middles |= _apart(column, dict.fromkeys(column, 0.0))
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for column in columns if forth else reversed(columns):
            near = before if forth else after
            wanted = {key: _mean([middles[one] for one in near.get(key, ())], middles[key]) for key in column}
            middles |= _apart(column, wanted)
    for column in columns:
        _straighten(column, middles, before)
    highest = min((middle - _height(key) / 2 for key, middle in middles.items()), default=0.0)
    return {key: round(middle - highest + _EDGE, 1) for key, middle in middles.items()}


def _apart(column: Sequence[Key], wanted: Mapping[Key, float]) -> dict[Key, float]:
    """Members of a column where they want to be, and none on another."""
    found: dict[Key, float] = {}
    lowest: float | None = None
    for key in column:
        half = _height(key) / 2
        found[key] = wanted[key] if lowest is None else max(wanted[key], lowest + _DOWN + half)
        lowest = found[key] + half
    moved = _mean([wanted[key] - found[key] for key in column], 0.0)
    return {key: middle + moved for key, middle in found.items()}


def _straighten(column: Sequence[Key], middles: dict[Key, float], before: Neighbours) -> None:
    """Make a member level with the only one before it, where that is a little way and nothing stands there."""
    for place, key in enumerate(column):
        if len(near := before.get(key, ())) != 1 or abs(middles[near[0]] - middles[key]) > _DOWN:
            continue
        beside = [*column[max(place - 1, 0) : place], *column[place + 1 : place + 2]]
        room = [abs(middles[near[0]] - middles[one]) - (_height(one) + _height(key)) / 2 for one in beside]
        if all(left >= _DOWN / 2 for left in room):
            middles[key] = middles[near[0]]


def _way(edge: Edge, chain: Sequence[Key], depth: Mapping[str, int], middles: Mapping[Key, float]) -> Way:
    return Way(edge=edge, points=list(_points(chain, depth, middles)))


def _points(chain: Sequence[Key], depth: Mapping[str, int], middles: Mapping[Key, float]) -> Iterator[Point]:
    for place, key in enumerate(chain):
        left = _left(depth[key] if isinstance(key, str) else key[2])
        if place:
            yield left, middles[key]
        if place + 1 < len(chain):
            yield left + WIDE, middles[key]


def _left(column: int) -> float:
    return _EDGE + column * (WIDE + _ACROSS)


def _height(key: Key) -> float:
    return HIGH if isinstance(key, str) else _LANE


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
