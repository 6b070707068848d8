"""A plan or a path as SVG: a box for each task or step with its state, and lines between; colours are the sheet's."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from markupsafe import Markup

from holdfast.doors.http.console.exactly import visible
from holdfast.doors.http.console.graph import HIGH, WIDE, Way, laid_out
from holdfast.doors.http.console.states import glyph, look_of
from holdfast.doors.plans import Drawing
from holdfast.teams.paths import AHEAD, Node, State

Href = Callable[[str], str]
"""The address of an execution's page."""
_LEFT: Final = 30
"""Of the words in a box; the glyph stands before them."""
_ROOM: Final = WIDE - _LEFT - 12
_NARROW: Final = frozenset("iljtfrI.,:;|!'`()[]{}/\\ -")
_WORDS: Final[Mapping[State, str]] = {"waiting": "waiting for a person", "in_doubt": "in doubt"}


def graph_svg(drawing: Drawing, href: Href) -> Markup:
    """The graph; what can be gone to is a link, and each box says in words what it shows."""
    layout = laid_out(drawing.path)
    head = Markup('<svg class="graph" width="{}" height="{}" viewBox="0 0 {} {}" role="group" aria-label="{}">').format(
        layout.width, layout.height, layout.width, layout.height, visible(f"{drawing.title}: {drawing.count}")
    )
    ways = [_way(way) for way in sorted(layout.ways, key=lambda way: way.edge.taken)]
    boxes = [_box(node, drawing.what, href, *layout.boxes[node.name]) for node in drawing.path.nodes]
    return Markup("").join([head, *ways, *boxes, Markup("</svg>")])


def said(state: State) -> str:
    """A state in words."""
    return _WORDS.get(state, state)


def shape(state: State) -> str:
    """The state of the console that a node's looks like."""
    return "awaiting_review" if state == "waiting" else state


def _way(way: Way) -> Markup:
    (x, y), *rest = way.points
    drawn = [f"M{x:g} {y:g}"]
    for place, (to_x, to_y) in enumerate(rest):
        if place % 2:
            drawn.append(f"H{to_x:g}")  # past a column
        else:
            middle = (x + to_x) / 2
            drawn.append(f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return Markup('<path class="way{}" d="{}"/><path class="tip{}" d="M{} {}l-7 -4v8z"/>').format(
        *[("" if way.edge.taken else " ahead")], "".join(drawn), "" if way.edge.taken else " ahead", f"{x:g}", f"{y:g}"
    )


def _box(node: Node, what: str, href: Href, x: float, y: float) -> Markup:
    look = f"node is-{look_of(shape(node.state))}{' ahead' if node.state in AHEAD else ''}"
    about = f": {node.about}" if node.about else ""
    name = visible(f"{what} {node.name}, {node.does or node.kind}, {said(node.state)}{about}")
    inside = Markup(
        '<title>{}</title><rect width="{}" height="{}" rx="8"/><svg x="12" y="13" width="10" height="10">{}</svg>'
        '<text class="name" x="{}" y="22">{}</text><text class="does" x="{}" y="39">{}</text>'
        '<text class="stands" x="{}" y="55">{}</text>'
    ).format(
        name, WIDE, HIGH, glyph(shape(node.state)),
        _LEFT, _fit(node.name, 13), _LEFT, _fit(node.does or node.kind, 12), _LEFT, _fit(said(node.state) + about, 12),
    )  # fmt: skip
    place = f"translate({x:g} {y:g})"
    if node.child is None:
        return Markup('<g class="{}" data-id="{}" transform="{}" role="img" aria-label="{}">{}</g>').format(
            look, visible(node.name), place, name, inside
        )
    return Markup('<a class="{}" data-id="{}" href="{}" transform="{}" aria-label="{}">{}</a>').format(
        look, visible(node.name), href(node.child), place, name, inside
    )


def _fit(text: str, size: float) -> str:
    """As much of a text as has room, by how wide its letters are about."""
    text = visible(" ".join(text.split()))
    room = _ROOM / size
    used = 0.0
    for place, char in enumerate(text):
        used += _width(char)
        if used > room:
            return f"{text[: max(place - 2, 1)].rstrip()}…"
    return text


def _width(char: str) -> float:
    """Of a letter, in parts of the size of the text."""
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if char in _NARROW:
        return 0.3
    return 0.85 if char in "mwMW@%" else 0.67 if char.isupper() else 0.565
