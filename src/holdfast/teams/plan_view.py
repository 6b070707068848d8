"""A plan as it stands: its tasks as a graph with their states, and what was decided about it, from the journal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, cast

from holdfast.teams.paths import Edge, Node, Path, brief
from holdfast.teams.plan_record import task_of
from holdfast.trail import events as kinds
from holdfast.types import Event

Data: TypeAlias = Mapping[str, Any]
_OF_CHILD: Final = re.compile(r"^\S+ (?:failed|cancelled): ")
"""How the error of a step begins that an agent failed: its box says both already."""
_ENDS: Final = frozenset({kinds.COMPLETED, kinds.FAILED, kinds.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan, through all its revisions."""

    revision: int
    """Of the plan that counts; 0: there is none yet."""
    path: Path
    told: tuple[str, ...]
    """What was decided about it, in order."""
    standing: str
    """What is going on with the plan itself, in words; empty: its tasks are done, or it has ended."""


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    revision: int = 0
    tasks: dict[str, Data] = field(default_factory=dict[str, Data])
    """Of all revisions, by id."""
    now: set[str] = field(default_factory=set[str])
    """Tasks of the plan that counts."""
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    by_call: dict[str, str] = field(default_factory=dict[str, str])
    told: list[str] = field(default_factory=list[str])
    asks: bool = False
    ended: bool = False
    plans: bool = True
    """Whether a plan is being written."""


def recorded_plan(events: Sequence[Event]) -> PlanView:
    """What a planner's journal tells of its plans.

    Args:
        events: Of one execution, from its beginning.
    """
    reading = _Reading()
    for event in events:
        _read(reading, event.kind, event.data)
    nodes = [_placed(reading, node) for node in reading.nodes.values()]
    known = {node.name: node for node in nodes}
    edges = [
        Edge(before=before, after=name, taken="replaced" not in {known[name].state, known[before].state})
        for name, task in reading.tasks.items()
        for before in task.get("needs", ())
        if before in known
    ]
    path = Path(nodes=tuple(nodes), edges=tuple(edges))
    return PlanView(revision=reading.revision, path=path, told=tuple(reading.told), standing=_standing(reading))


def is_planner(events: Sequence[Event]) -> bool:
    """Whether a journal is one of plans."""
    return any(event.kind == kinds.STEP_STARTED and event.data.get("name") == "plan 1" for event in events)


def _standing(reading: _Reading) -> str:
    if reading.ended:
        return ""
    if reading.asks:
        return "waits for people to agree to it"
    return ("is being written" if not reading.revision else "is being written anew") if reading.plans else ""


def _placed(reading: _Reading, node: Node) -> Node:
    """A task as it stands in the plan that counts."""
    if node.state != "pending":
        return node
    if reading.ended and (node.name in reading.now or not reading.now):
        return replace(node, state="not taken")
    return node if node.name in reading.now else replace(node, state="replaced")


def _read(reading: _Reading, kind: str, data: Data) -> None:
    if kind in _ENDS:
        reading.ended = True
        return
    reading.ended = reading.ended and kind != kinds.RETRIED
    reader = _READERS.get(kind)
    if reader is not None:
        reader(reading, data)


def _made(reading: _Reading, data: Data) -> None:
    tasks = cast("Sequence[Data] | Data", data["tasks"])
    tasks = () if isinstance(tasks, Mapping) else tasks  # too large to be at hand
    reading.revision, reading.plans = data["revision"], False
    reading.now = {task["id"] for task in tasks}
    for task in tasks:
        reading.tasks[task["id"]] = task
        reading.nodes[task["id"]] = Node(name=task["id"], kind="task", state="pending", at=None, does=task["use"])
    count = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'}"
    why = f": {data['reason']}" if data.get("reason") else ""
    reading.told.append(f"Plan {data['revision']} has {count}{_because(data)}{why}")


def _because(data: Data) -> str:
    because = cast("Data", data.get("because") or {})
    if "failed" in because:
        return f", because {', '.join(because['failed'])} failed"
    if "refused_by" in because:
        return f", because {because['refused_by']} refused the one before"
    return ", because the result did not fit" if because else ""


def _refused(reading: _Reading, data: Data) -> None:
    by, reasons = data["by"], "; ".join(data["reasons"])
    if data.get("edited"):
        reading.told.append(f"What {by} made of plan {data['revision']} cannot be carried out: {reasons}")
        return
    reading.plans = True
    who = "nobody agreed to it in time" if by == "nobody" else f"{by} refused it" if by else "it cannot be carried out"
    reading.told.append(f"Plan {data['revision']} was refused, {who}: {reasons}")
    if by:
        reading.now = set()


def _approved(reading: _Reading, data: Data) -> None:
    if data["edited"]:
        reading.nodes = {name: node for name, node in reading.nodes.items() if name not in reading.now}
        _made(reading, data)
        reading.told.pop()
    note = f": {data['note']}" if data.get("note") else ""
    changed = "changed plan" if data["edited"] else "plan"
    reading.told.append(f"{data['by']} agreed to the {changed} {data['revision']}{note}")
    reading.plans = False


def _step_started(reading: _Reading, data: Data) -> None:
    if data["kind"] == "approve":
        reading.asks = True
    elif (task := task_of(data["name"]) or "") in reading.nodes:
        reading.by_call[data["call_id"]] = task
        number = data["name"].partition(" ")[2].strip("()")
        about = f"attempt {number}" if number else ""
        reading.nodes[task] = replace(reading.nodes[task], state="pending", about=about, child=None)
    else:
        reading.plans = True


def _child_started(reading: _Reading, data: Data) -> None:
    if (task := reading.by_call.get(data["call_id"])) is not None:
        reading.nodes[task] = replace(reading.nodes[task], state="running", child=data["child_id"])


def _step_ended(reading: _Reading, data: Data) -> None:
    if data["kind"] == "approve":
        reading.asks = False
    elif (task := reading.by_call.get(data["call_id"])) is not None:
        done = data["status"] == "completed"
        about = brief(data["result"] if done else _OF_CHILD.sub("", data["error"] or ""))
        reading.nodes[task] = replace(reading.nodes[task], state="completed" if done else "failed", about=about)


def _judged(reading: _Reading, data: Data) -> None:
    if data["objection"] is not None and data["task"] in reading.nodes:
        node = reading.nodes[data["task"]]
        reading.nodes[data["task"]] = replace(node, state="failed", about=brief(data["objection"]))


_READERS: Final = {
    kinds.PLAN_MADE: _made,
    kinds.PLAN_REVISED: _made,
    kinds.PLAN_REFUSED: _refused,
    kinds.PLAN_APPROVED: _approved,
    kinds.STEP_STARTED: _step_started,
    kinds.CHILD_STARTED: _child_started,
    kinds.STEP_ENDED: _step_ended,
    kinds.TASK_JUDGED: _judged,
}
