"""Plans and paths in the terminal: rails, states, what was decided, and the command that draws them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.doors.plan_drawing import GLYPHS, draw_plan, rails
from holdfast.doors.plans import Drawing
from holdfast.teams.paths import Edge, Node, Path, State, direct, in_order
from tests.doors.conftest import Cli


def node(name: str, state: State = "pending", **more: str) -> Node:
    return Node(name=name, kind="task", state=state, at=None, **more)


def path(*names: str, ways: str) -> Path:
    """Ways are spelled `ab bc`: from a to b, from b to c."""
    edges = tuple(Edge(before=way[0], after=way[1]) for way in ways.split())
    return Path(nodes=tuple(node(name) for name in names), edges=edges)


def drawn(given: Path) -> list[str]:
    return [f"{rail} {one.name}" for rail, one in rails(given)]


def test_rails_lead_from_what_comes_before() -> None:
    """A line goes down from each node to those that need it, joins where it ends, and passes by others."""
    assert drawn(path("a", "b", "c", ways="ab bc")) == ["○ a", "○ b", "○ c"]
    assert drawn(path("a", "b", "c", "d", ways="ab ac bd cd")) == ["○ a", "├─○ b", "○ │ c", "○─╯ d"]
    assert drawn(path("a", "b", "c", "d", ways="ac bd")) == ["○ a", "│ ○ b", "○ │ c", "  ○ d"]
    assert drawn(path("a", "b", "c", "d", ways="ad bd cd")) == ["○ a", "│ ○ b", "│ │ ○ c", "○─┴─╯ d"]


@st.composite
def paths(draw: st.DrawFn) -> Path:
    names = [f"t{n}" for n in range(draw(st.integers(1, 9)))]
    pairs = draw(st.sets(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=14))
    edges = tuple(Edge(before=min(a, b), after=max(a, b)) for a, b in sorted(pairs) if a != b)
    return Path(nodes=tuple(node(name) for name in draw(st.permutations(names))), edges=edges)


@settings(max_examples=60, deadline=None)
@given(paths())
def test_any_plan_can_be_drawn(made: Path) -> None:
    """Each node once, behind all that come before it, with one glyph; what other ways say is not drawn twice."""
    rows = list(rails(made))
    order = [one.name for _, one in rows]
    assert sorted(order) == sorted(one.name for one in made.nodes)
    assert all(order.index(edge.before) < order.index(edge.after) for edge in made.edges)
    assert all(rail.count(GLYPHS["pending"]) == 1 for rail, _ in rows)
    reach = {one.name: {one.name} for one in made.nodes}
    for one in reversed(in_order(made)):
        for edge in direct(made):
            if edge.before == one.name:
                reach[one.name] |= reach[edge.after]
    assert all(edge.after in reach[edge.before] for edge in made.edges)


def test_states_stand_there_as_shape_and_word() -> None:
    """With who does it, and what came of it, cut to the width; nothing in it can drive a terminal."""
    nodes = (
        node("facts", "completed", does="researcher", about="x" * 300),
        node("pay", "waiting", does="pay"),
        node("odd", "failed", does="writer", about="\x1b[2J"),
        node("gone", "replaced", does="writer"),
    )
    drawing = Drawing(title="Plan 2", what="task", notes=("Plan 1 has 4 tasks",), path=Path(nodes=nodes, edges=()))
    lines = [line.plain for line in draw_plan(drawing, width=80)]
    assert lines[:2] == ["Plan 2  1 of 3 tasks done", "  Plan 1 has 4 tasks"]
    assert lines[2].startswith("  ●  facts  researcher  completed: xxx")
    assert lines[3] == "  ■  pay    pay         waiting for a person"
    assert lines[4] == "  ◆  odd    writer      failed: \\x1b[2J"
    assert lines[5] == "  ◌  gone   writer      replaced"
    assert max(map(len, lines)) <= 80


# --- the command


TARGET = """
from holdfast import Agent, App, Final, Plan, Planner, Task

writer = Agent(name="writer", models=[lambda conversation: Final("text of it")])
made = Plan(tasks=(Task(id="text", use="writer", input="it"),), reason="As short as it can be.")
planner = Planner(name="trip", models=[lambda conversation: Final(made)], agents=[writer])

plain = Agent(name="plain", models=[lambda conversation: Final("hello")])
app = App([planner, plain])
"""


def test_show_draws_a_plan(cli: Cli) -> None:
    """For people, and as data for programs; of an agent that has neither it says so."""
    (cli.folder / "plans_target.py").write_text(TARGET, encoding="utf-8")
    ids = {name: cli("run", f"plans_target.py:{name}", "go", "--json").row["id"] for name in ("planner", "plain")}
    told = cli("show", ids["planner"], "--plan").out
    assert told.splitlines()[:2] == ["Plan 1  1 of 1 task done", "  Plan 1 has 1 task: As short as it can be."]
    assert "●  text  writer  completed: text of it" in told
    (drawing,) = cli("show", ids["planner"], "--plan", "--json").rows
    assert (drawing["title"], drawing["path"]["nodes"][0]["state"]) == ("Plan 1", "completed")
    refused = cli("show", ids["plain"], "--plan")
    assert refused.status == 2
    assert "plain is no planner and no workflow" in refused.err
