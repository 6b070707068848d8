"""Plans and paths in the terminal: rails, states, what was decided, and the command that draws them."""

import asyncio
import json
import shutil
from pathlib import Path as File

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import Agent, App, Final
from holdfast.doors.plan_drawing import GLYPHS, draw_plan, rails
from holdfast.doors.plans import Drawing
from holdfast.doors.show_plan import show_plan
from holdfast.errors import UsageError
from holdfast.teams.paths import Edge, Node, Path, State, direct, in_order
from holdfast.types import Execution
from tests.doors.conftest import Cli
from tests.teams.plan_kit import plan, task, trip


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


def done(database: str) -> dict[str, Execution]:
    """Executions that have ended, by their agent."""

    async def whole() -> dict[str, Execution]:
        plain = Agent(name="plain", models=[lambda _: Final("hello")])
        planner = trip(plan(task("text"), reason="As short as it can be."))
        async with App([planner, plain], database) as app:
            return {name: await app.run(name, "go", timeout_s=30) for name in ("trip", "plain")}

    return asyncio.run(whole())


def test_show_draws_a_plan(cli: Cli, migrated_file: File) -> None:
    """From the journal alone, with the states that it has now."""
    database = shutil.copy(migrated_file, cli.folder / "plans.db")
    ran = cli("show", done(str(database))["trip"].id, "--plan", "--database", "plans.db")
    assert ran.out.splitlines() == [
        "Plan 1  1 of 1 task done",
        "  Plan 1 has 1 task: As short as it can be.",
        "  ●  text  writer  completed: text of it",
    ]


def test_a_plan_is_data_for_programs_and_not_there_for_other_agents(
    sqlite_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON, nodes and edges; an agent that has neither plan nor path is told so."""
    executions = done(sqlite_database)

    async def whole() -> None:
        async with App(database=sqlite_database) as app:
            await show_plan(app, executions["trip"], json=True)
            with pytest.raises(UsageError, match="plain is no planner and no workflow"):
                await show_plan(app, executions["plain"], json=True)

    asyncio.run(whole())
    drawing = json.loads(capsys.readouterr().out)
    assert (drawing["title"], drawing["path"]["nodes"][0]["state"]) == ("Plan 1", "completed")
