"""Where the boxes and lines of a graph stand, and what their drawing says."""

import xml.etree.ElementTree as ET
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.doors.http.console.graph import HIGH, WIDE, laid_out
from holdfast.doors.http.console.graph_svg import graph_svg
from holdfast.doors.plans import Drawing
from holdfast.teams.paths import Edge, Node, Path, State

STATES: list[State] = ["pending", "running", "waiting", "completed", "failed", "replaced", "not taken"]


@st.composite
def paths(draw: st.DrawFn) -> Path:
    count = draw(st.integers(1, 9))
    nodes = tuple(Node(name=f"t{n}", kind="task", state=draw(st.sampled_from(STATES)), at=None) for n in range(count))
    pairs = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=14))
    edges = tuple(Edge(before=f"t{min(a, b)}", after=f"t{max(a, b)}") for a, b in sorted(pairs) if a != b)
    return Path(nodes=nodes, edges=edges)


@settings(max_examples=60, deadline=None)
@given(paths())
def test_no_box_stands_on_another_and_lines_go_to_the_right(path: Path) -> None:
    """Columns from left to right, everything inside, and no line through a box that is not its own."""
    layout = laid_out(path)
    corners = list(layout.boxes.values())
    for (x, y), (other_x, other_y) in combinations(corners, 2):
        assert abs(x - other_x) >= WIDE or abs(y - other_y) >= HIGH
    assert all(0 <= x <= layout.width - WIDE and 0 <= y <= layout.height - HIGH for x, y in corners)
    for way in layout.ways:
        assert all(one[0] < other[0] for one, other in zip(way.points, way.points[1:], strict=False))
        for (x, y), _ in zip(way.points[1:-1:2], way.points[2:-1:2], strict=True):
            assert not any(box_x == x and box_y < y < box_y + HIGH for box_x, box_y in corners)


def drawn(*nodes: Node, title: str = "Plan 1") -> str:
    drawing = Drawing(title=title, what="task", notes=(), path=Path(nodes=nodes, edges=()))
    return str(graph_svg(drawing, lambda child: f"/executions/{child}"))


def test_a_graph_says_in_words_what_it_shows() -> None:
    """Each box has a name with its state; the whole says how far it is; one with an execution is a link."""
    told = drawn(
        Node(name="facts", kind="task", state="completed", at=None, does="researcher", about="42", child="c1"),
        Node(name="text", kind="task", state="waiting", at=None, does="writer"),
        Node(name="odd", kind="task", state="replaced", at=None, does="writer"),
    )
    root = ET.fromstring(told)
    assert root.attrib["aria-label"] == "Plan 1: 1 of 2 tasks done"
    labels = [box.attrib["aria-label"] for box in root if "aria-label" in box.attrib]
    assert labels == [
        "task facts, researcher, completed: 42",
        "task text, writer, waiting for a person",
        "task odd, writer, replaced",
    ]
    assert [box.attrib["href"] for box in root if box.tag == "a"] == ["/executions/c1"]


def test_names_cannot_break_out_of_a_drawing() -> None:
    """Whatever a planning agent writes is text, and too much of it is cut."""
    told = drawn(Node(name="<b>\u202e" + "m" * 80, kind="task", state="pending", at=None, about="<script>"))
    assert "<b>" not in told
    assert "<script" not in told
    assert "\u202e" not in told
    texts = [one.text or "" for one in ET.fromstring(told).iter("text")]
    assert texts[0].endswith("…")
    assert len(texts[0]) < 30


def test_an_empty_graph_is_drawn() -> None:
    """A plan that has no tasks yet."""
    assert drawn().endswith("</svg>")
