"""Plans at random, with failures at random: in which order, how many at a time, and how often tasks are done."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast import Agent, Call, Conversation, Final, Plan, Planner, Reply, Task
from holdfast.types import Event, Execution
from tests.teams.plan_kit import PLAN_LIMITS, carried_out, data

Graph = dict[str, list[str]]
"""What each task needs."""


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, frozenset[str], int]:
    """A graph, tasks of it that fail, and how many may work at a time."""
    names = [f"t{n}" for n in range(draw(st.integers(2, 6)))]
    graph = {
        name: draw(st.lists(st.sampled_from(names[:n]), unique=True, max_size=2)) if n else []
        for n, name in enumerate(names)
    }
    return graph, draw(st.frozensets(st.sampled_from(names), max_size=2)), draw(st.integers(1, 3))


def planner_of(graph: Graph, bad: frozenset[str], parallel: int) -> Planner[Any]:
    """Plans the graph; when some of it failed, what is left of it under new names, where nothing fails."""

    def do(conversation: Conversation) -> Reply:
        asked: Any = conversation.input
        return Call("cannot_complete", {"reason": "bad"}) if asked["bad"] else Final(str(asked["name"]))

    def write(conversation: Conversation) -> Final:
        asked: Any = conversation.input
        anew = "tasks" in asked
        done = {one["id"] for one in asked.get("tasks", ()) if one["state"] == "finished"}
        return Final(Plan(tasks=tuple(_tasks(graph, done, frozenset() if anew else bad, anew=anew))))

    doer = Agent(name="doer", models=[do])
    return Planner(name="any", models=[write], agents=[doer], parallel=parallel, retries=0, limits=PLAN_LIMITS)


def _tasks(graph: Graph, done: set[str], bad: frozenset[str], *, anew: bool) -> Iterator[Task]:
    def named(name: str) -> str:
        return f"{name}-new" if anew and name not in done else name

    for name, needs in graph.items():
        if name not in done:
            given = {"name": name, "bad": name in bad, "needs": [{"$from": named(one)} for one in needs]}
            yield Task(id=named(name), use="doer", input=given)


def spans(told: Sequence[Event]) -> dict[str, tuple[int, int]]:
    """From when to when each task worked, as numbers of events."""
    names = {one["call_id"]: one["name"] for one in data(told, "step.started")}
    found: dict[str, tuple[int, int]] = {}
    for event in told:
        name = names.get(str(event.data.get("call_id")), "")
        if event.kind == "child.started" and not name.startswith("plan "):
            assert name not in found, f"{name} began twice"
            found[name] = (event.seq, 0)
        elif event.kind == "child.ended" and name in found:
            found[name] = (found[name][0], event.seq)
    return found


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs())
def test_tasks_are_done_once_in_order_and_no_more_at_a_time_than_may(
    tmp_path: Path, migrated_file: Path, drawn: tuple[Graph, frozenset[str], int]
) -> None:
    """Each begins once, after what it needs, beside few enough others; what is finished is not done again."""
    graph, bad, parallel = drawn
    database = str(shutil.copy(migrated_file, tmp_path / "any.db"))
    ended, told = carried_out(database, planner_of(graph, bad, parallel))
    assert ended.status == "completed", ended.error
    worked = spans(told)
    _check_order(graph, worked, told)
    for begin, _ in worked.values():
        assert sum(one <= begin < end for one, end in worked.values()) <= parallel
    _check_ends(graph, bad, ended, worked)


def _check_order(graph: Graph, worked: dict[str, tuple[int, int]], told: Sequence[Event]) -> None:
    for made in data(told, "plan.made", "plan.revised"):
        for one in made["tasks"]:
            for need in one.get("needs", ()):
                if one["id"] in worked:
                    assert worked[need][1] < worked[one["id"]][0]


def _check_ends(graph: Graph, bad: frozenset[str], ended: Execution, worked: dict[str, tuple[int, int]]) -> None:
    behind = set(bad)
    for name, needs in graph.items():
        if behind & set(needs):
            behind.add(name)
    for name, needs in graph.items():
        ran, anew = name in worked, f"{name}-new" in worked
        blocked = name in behind and (name not in bad or bool(behind & set(needs)))
        assert (ran, anew) == (not blocked, name in behind), name


def test_tasks_that_do_not_wait_for_each_other_work_at_the_same_time(sqlite_database: str) -> None:
    """As many as may, at once: the last of them begins before the first ends."""
    graph: Graph = {"a": [], "b": [], "c": [], "d": ["a", "b", "c"]}
    _, told = carried_out(sqlite_database, planner_of(graph, frozenset(), 3))
    worked = spans(told)
    assert max(worked[name][0] for name in "abc") < min(worked[name][1] for name in "abc")
