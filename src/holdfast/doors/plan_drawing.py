"""Draws a plan or a path in the terminal: one node a line, and rails beside it that lead from what comes before."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.text import Text

from holdfast.doors.plans import Drawing
from holdfast.doors.screen import clean, line, shorten
from holdfast.teams.paths import Node, Path, State, direct, in_order

GLYPHS: Final[Mapping[State, str]] = {
    "pending": "○", "running": "◐", "waiting": "■", "in_doubt": "■", "completed": "●", "failed": "◆", "cancelled": "○",
    "undone": "◍", "replaced": "◌", "not reached": "◌", "not taken": "◌",
}  # fmt: skip
_STYLES: Final[Mapping[State, str]] = {
    "pending": "dim", "running": "cyan", "waiting": "yellow", "in_doubt": "yellow", "completed": "green",
    "failed": "red", "cancelled": "magenta", "undone": "magenta", "replaced": "dim", "not reached": "dim",
    "not taken": "dim",
}  # fmt: skip
_WORDS: Final[Mapping[State, str]] = {"waiting": "waiting for a person", "in_doubt": "in doubt"}
_LONGEST_NAME: Final = 28


def draw_plan(drawing: Drawing, *, width: int) -> Iterator[Text]:
    """The lines of it; `width` is how many characters a line may have."""
    yield line((drawing.title, "bold"), f"  {drawing.count}")
    for note in drawing.notes:
        yield line((clean(note), "dim"), indent=2)
    rows = list(rails(drawing.path))
    aside = max((len(rail) for rail, _ in rows), default=0)
    named = min(max((len(node.name) for _, node in rows), default=0), _LONGEST_NAME)
    doing = min(max((len(_does(node)) for _, node in rows), default=0), _LONGEST_NAME)
    for rail, node in rows:
        style = _STYLES[node.state]
        said = _WORDS.get(node.state, node.state)
        place = len(rail.rstrip()) and rail.index(GLYPHS[node.state])
        left = width - aside - named - doing - len(said) - 10
        about = f": {shorten(node.about, max(left, 20))}" if node.about else ""
        yield line(
            "  ", rail[:place], (rail[place], style), f"{rail[place + 1 :]:<{aside - place}} ",
            (f"{shorten(node.name, named):<{named}}", "bold"), f"  {shorten(_does(node), doing):<{doing}}  ",
            (said, style), about,
        )  # fmt: skip


def _does(node: Node) -> str:
    return node.does or node.kind


def rails(path: Path) -> Iterator[tuple[str, Node]]:
    """Each node behind all that come before it, with the rails that lead to it."""
    following: dict[str, set[str]] = {node.name: set() for node in path.nodes}
    for edge in direct(path):
        if edge.before in following and edge.after in following and edge.before != edge.after:
            following[edge.before].add(edge.after)
    lanes: list[set[str]] = []
    for node in in_order(path):
        feeding = [place for place, ahead in enumerate(lanes) if node.name in ahead]
        ending = [place for place in feeding if lanes[place] == {node.name}]
        free = next((place for place, ahead in enumerate(lanes) if not ahead), len(lanes))
        at = ending[0] if ending else free
        if at == len(lanes):
            lanes.append(set())
        yield _row(lanes, node, at=at, feeding=feeding, ending=ending), node
        for place in feeding:
            lanes[place].discard(node.name)
        lanes[at] = following[node.name]
        while lanes and not lanes[-1]:
            lanes.pop()


def _row(lanes: Sequence[set[str]], node: Node, *, at: int, feeding: Sequence[int], ending: Sequence[int]) -> str:
    first, last = min([at, *feeding]), max([at, *feeding])
    parts: list[str] = []
    for place, ahead in enumerate(lanes):
        if place == at:
            parts.append(GLYPHS[node.state])
        elif place in feeding:
            parts.append(_joint(place, first, last, ends=place in ending))
        elif ahead:
            parts.append("│")
        else:
            parts.append("─" if first < place < last else " ")
        parts.append("─" if first <= place < last else " ")
    return "".join(parts).rstrip()


def _joint(place: int, first: int, last: int, *, ends: bool) -> str:
    if place == first:
        return "╰" if ends else "├"
    if place == last:
        return "╯" if ends else "┤"
    return "┴" if ends else "┼"
