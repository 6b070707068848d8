"""What a journal tells of plans: states of tasks through revisions, refusals, edits, the end and a retry."""

from datetime import UTC, datetime
from typing import Any

from holdfast.teams.paths import with_children
from holdfast.teams.plan_view import PlanView, recorded_plan
from holdfast.types import Event

AT = datetime(2026, 1, 1, tzinfo=UTC)
Told = tuple[str, dict[str, Any]]


def view(*told: Told) -> PlanView:
    return recorded_plan(
        [
            Event(execution_id="e", seq=n, kind=kind, version=1, data=data, at=AT, hash="")
            for n, (kind, data) in enumerate(told, 1)
        ]
    )


def states(given: PlanView) -> dict[str, str]:
    return {node.name: node.state for node in given.path.nodes}


def made(revision: int, *names: str, because: dict[str, Any] | None = None, **needs: list[str]) -> Told:
    tasks = [{"id": name, "use": "writer", "input": "it", "needs": needs.get(name, [])} for name in names]
    data: dict[str, Any] = {"revision": revision, "tasks": tasks}
    return ("plan.made", data) if revision == 1 else ("plan.revised", {**data, "kept": [], "because": because or {}})


def began(name: str, *, kind: str = "agent", child: str | None = "c") -> list[Told]:
    started = ("step.started", {"name": name, "kind": kind, "call_id": f"e:{name}"})
    return [started, ("child.started", {"call_id": f"e:{name}", "child_id": child})] if child else [started]


def ended(name: str, status: str = "completed", *, kind: str = "agent", **more: Any) -> Told:
    return "step.ended", {
        "name": name,
        "kind": kind,
        "call_id": f"e:{name}",
        "status": status,
        "result": "fine",
        "error": None,
        **more,
    }


def test_tasks_stand_as_their_steps_do() -> None:
    """Pending until it began, its turn included; then running, then as it ended."""
    found = view(
        *began("plan 1"),
        ended("plan 1"),
        made(1, "a", "b", "c", "d"),
        *began("a"),
        *began("b", child=None),
        *began("c"),
        ended("c"),
    )
    assert states(found) == {"a": "running", "b": "pending", "c": "completed", "d": "pending"}
    assert (found.revision, found.standing) == (1, "")


def test_a_running_task_stands_as_its_execution_does() -> None:
    """What waits for a person, and what was cancelled, shows in the child alone."""
    found = view(made(1, "a", "b"), *began("a", child="c1"), *began("b", child="c2"))
    path = with_children(found.path, {"c1": "awaiting_review", "c2": "cancelled"})
    assert [node.state for node in path.nodes] == ["waiting", "cancelled"]


def test_what_another_plan_took_the_place_of_is_replaced() -> None:
    """What failed stays as it is; what had not begun is replaced, unless the new plan has it again."""
    found = view(
        made(1, "bad", "gone", "kept", gone=["bad"], kept=["bad"]), *began("bad"),
        ended("bad", "failed", error="researcher failed: nobody knows"),
        made(2, "kept", "new", because={"failed": {"bad": "nobody knows"}}),
    )  # fmt: skip
    assert states(found) == {"bad": "failed", "gone": "replaced", "kept": "pending", "new": "pending"}
    assert found.path.nodes[0].about == "nobody knows"
    assert found.told[-1] == "Plan 2 has 2 tasks, because bad failed"
    assert [edge.taken for edge in found.path.edges] == [False]


def test_what_did_not_begin_before_the_end_is_not_taken() -> None:
    """And is pending again when somebody lets it go on."""
    end = ("execution.failed", {"reason": "TASK_FAILED"})
    assert states(view(made(1, "a"), end)) == {"a": "not taken"}
    assert states(view(made(1, "a"), end, ("execution.retried", {}))) == {"a": "pending"}


def test_a_refused_result_is_a_failure_and_another_attempt_runs() -> None:
    """With what was said against it, until it is tried again."""
    first = [made(1, "a"), *began("a"), ended("a"), ("task.judged", {"task": "a", "objection": "too short"})]
    found = view(*first)
    assert (states(found), found.path.nodes[0].about) == ({"a": "failed"}, "too short")
    again = view(*first, *began("a (2)"))
    assert (states(again), again.path.nodes[0].about) == ({"a": "running"}, "attempt 2")


def test_what_is_decided_about_a_plan_is_told() -> None:
    """By whom, and why; and what is going on with it now."""
    assert view(*began("plan 1")).standing == "is being written"
    wrong = ("plan.refused", {"revision": 1, "by": None, "reasons": ["no tasks"]})
    assert view(*began("plan 1"), ended("plan 1"), wrong).told == (
        "Plan 1 was refused, it cannot be carried out: no tasks",
    )
    asks = [made(1, "a"), *began("approve plan 1", kind="approve", child=None)]
    assert view(*asks).standing == "waits for people to agree to it"
    no = ("plan.refused", {"revision": 1, "by": "mia", "reasons": ["too long"]})
    refused = view(*asks, ended("approve plan 1", kind="approve"), no)
    assert (refused.standing, refused.told[-1]) == (
        "is being written anew",
        "Plan 1 was refused, mia refused it: too long",
    )
    assert states(refused) == {"a": "replaced"}
    edit = ("plan.refused", {"revision": 1, "by": "mia", "reasons": ["no tasks"], "edited": True})
    assert view(*asks, edit).told[-1] == "What mia made of plan 1 cannot be carried out: no tasks"


def test_a_plan_counts_as_people_changed_it() -> None:
    """What they took out is gone, what they put in is there."""
    data = {
        "revision": 1,
        "by": "mia",
        "note": None,
        "edited": True,
        "tasks": [{"id": "b", "use": "writer", "input": "x"}],
    }
    found = view(made(1, "a"), ("plan.approved", data))
    assert (states(found), found.told[-1]) == ({"b": "pending"}, "mia agreed to the changed plan 1")
