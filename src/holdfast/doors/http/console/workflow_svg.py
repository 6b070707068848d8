"""The path through a workflow as SVG: a box for each step, from top to bottom; colours come from the style sheet."""

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from holdfast.doors.http.console.exactly import visible
from holdfast.teams.paths import Edge, Node, Path

_WIDE: Final = 190
_HIGH: Final = 46
_ACROSS: Final = 26
"""Between boxes side by side."""
_DOWN: Final = 34
"""Between rows."""
_SHOWN: Final = 24
"""Characters that fit a box."""
_AHEAD: Final = frozenset({"not taken", "not reached"})


def workflow_svg(path: Path) -> str:
    """The graph, with words for who cannot see it; steps that were not taken have the class `not-taken`."""
    rows = _rows(path)
    width = max((len(row) for row in rows), default=1) * (_WIDE + _ACROSS) - _ACROSS + 4
    height = max(len(rows), 1) * (_HIGH + _DOWN) - _DOWN + 4
    places = _places(rows, width)
    parts = [
        Markup('<svg class="workflow" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            width, height, visible(_told(path))
        ),
        *(_edge(edge, places) for edge in path.edges if {edge.before, edge.after} <= places.keys()),
        *(_box(node, *places[node.name]) for node in path.nodes),
        Markup("</svg>"),
    ]
    return str(Markup("").join(parts))


def _rows(path: Path) -> Sequence[Sequence[str]]:
    """Each step in the row below all that come before it."""
    depth = {node.name: 0 for node in path.nodes}
    for _ in path.nodes:  # as often as the longest way may be long
        moved = False
        for edge in path.edges:
            if edge.before in depth and edge.after in depth and depth[edge.after] <= depth[edge.before]:
                depth[edge.after] = depth[edge.before] + 1
                moved = True
        if not moved:
            break
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, row in depth.items():
        rows[row].append(name)
    return rows


def _places(rows: Sequence[Sequence[str]], width: int) -> Mapping[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        wide = len(row) * (_WIDE + _ACROSS) - _ACROSS
        for place, name in enumerate(row):
            found[name] = ((width - wide) / 2 + place * (_WIDE + _ACROSS), 2 + number * (_HIGH + _DOWN))
    return found


def _edge(edge: Edge, places: Mapping[str, tuple[float, float]]) -> Markup:
    (x1, y1), (x2, y2) = places[edge.before], places[edge.after]
    start, end = x1 + _WIDE / 2, x2 + _WIDE / 2
    bottom, middle = y1 + _HIGH, (y1 + _HIGH + y2) / 2
    return Markup('<path class="{}" fill="none" stroke="currentColor" d="M{} {}C{} {} {} {} {} {}"{}/>').format(
        "way" if edge.taken else "way not-taken",
        start, bottom, start, middle, end, middle, end, y2,
        Markup("") if edge.taken else Markup(' stroke-dasharray="4 4"'),
    )  # fmt: skip


def _box(node: Node, x: float, y: float) -> Markup:
    state = node.state.replace(" ", "-")
    return Markup(
        '<g class="step {} {}"><title>{}</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="8" fill="none" stroke="currentColor"{}/>'
        '<text x="{}" y="{}" fill="currentColor">{}</text>'
        '<text class="about" x="{}" y="{}" fill="currentColor">{}</text></g>'
    ).format(
        node.kind, state, visible(f"{node.kind} {node.name}: {node.state} {node.about}".strip()),
        x, y, _WIDE, _HIGH, Markup(' stroke-dasharray="4 4" opacity="0.5"') if node.state in _AHEAD else Markup(""),
        x + 12, y + 19, visible(_fit(node.name)),
        x + 12, y + 36, visible(_fit(node.about or node.state)),
    )  # fmt: skip


def _fit(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _told(path: Path) -> str:
    taken = [node for node in path.nodes if node.state not in _AHEAD]
    steps = ", ".join(f"{node.name} {node.state}" for node in taken)
    left = len(path.nodes) - len(taken)
    return f"{len(taken)} steps: {steps}." + (f" {left} more in the code." if left else "")
