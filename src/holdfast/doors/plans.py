"""Plans and paths as doors show them: what is drawn of an execution, and its plans told event by event."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from pydantic import ValidationError
from pydantic_core import to_json
from rich.text import Text

from holdfast.agent import Agent
from holdfast.doors.screen import line, words
from holdfast.teams.paths import AHEAD, Edge, Node, Path, brief, recorded_path, with_children
from holdfast.teams.plan import Plan
from holdfast.teams.plan_record import ASKS
from holdfast.teams.plan_view import is_planner, recorded_plan
from holdfast.teams.planner import Planner
from holdfast.teams.workflow import Workflow
from holdfast.trail import events as kinds
from holdfast.types import Approval, Event, Json, Line, Status

Data = Mapping[str, Json]
Cut = Callable[[str], str]
"""Shortens what is told, or does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is drawn of an execution."""

    title: str
    what: str
    """One of its nodes, in a word: `task` or `step`."""
    notes: tuple[str, ...]
    """What was decided about it, in order."""
    path: Path

    @property
    def count(self) -> str:
        """How far it is, in words; what did not come to pass is not counted."""
        real = [node for node in self.path.nodes if node.state not in AHEAD]
        done = sum(node.state == "completed" for node in real)
        return f"{done} of {len(real)} {self.what}{'' if len(real) == 1 else 's'} done"


def drawing_of(events: Sequence[Event], children: Sequence[Line], agent: Agent[object] | None) -> Drawing | None:
    """A planner's plan or a workflow's path as it stands; `None`: it has neither.

    Args:
        events: Of one execution, from its beginning.
        children: What it started.
        agent: Its declaration, where it is at hand: it knows what could have happened.
    """
    if not events or not events[0].data.get("workflow"):
        return None
    statuses: dict[str, Status] = {child.id: child.status for child in children}
    if isinstance(agent, Planner) or is_planner(events):
        view = recorded_plan(events)
        title = f"Plan {view.revision}" if view.revision else "Plan"
        notes = (*view.told, f"The plan {view.standing}.") if view.standing else view.told
        return Drawing(title=title, what="task", notes=notes, path=with_children(view.path, statuses))
    path = recorded_path(events, agent if isinstance(agent, Workflow) else None)
    return Drawing(title="Path", what="step", notes=(), path=with_children(path, statuses))


def proposed(asked: Approval) -> Drawing | None:
    """The plan that a question is about; `None`: it is about something else."""
    given = asked.arguments
    if asked.gate != "workflow" or not (asked.tool_name or "").startswith(ASKS) or not isinstance(given, Mapping):
        return None
    try:
        plan = Plan.model_validate_json(to_json({key: given[key] for key in ("tasks", "result") if key in given}))
    except ValidationError:
        return None
    nodes = [
        Node(name=task.id, kind="task", state="pending", at=None, does=task.use, about=brief(cast("Json", task.input)))
        for task in plan.tasks
    ]
    edges = [Edge(before=need, after=task.id) for task in plan.tasks for need in task.needs]
    path = Path(nodes=tuple(nodes), edges=tuple(edges))
    return Drawing(title="Plan", what="task", notes=(), path=path)


# --- event by event


def _made(data: Data, cut: Cut) -> Sequence[Text]:
    because = data.get("because")
    why = f"because {words(because)}" if because else ""
    said = "  ".join(filter(None, [words(data.get("reason") or ""), why]))
    head = line((f"plan {data.get('revision')}", "bold"), "  " if said else "", cut(said))
    return [head, *(_task(task, cut) for task in _list(data.get("tasks")) if isinstance(task, Mapping))]


def _task(task: Data, cut: Cut) -> Text:
    needs = ", ".join(map(str, _list(task.get("needs"))))
    after = f"  after {needs}" if needs else ""
    head = (f"{task.get('id')}", "bold")
    return line(head, f"  {task.get('use')}", (after, "dim"), "  ", cut(words(task.get("input"))), indent=2)


def _refused(data: Data, cut: Cut) -> Sequence[Text]:
    by = data.get("by")
    who = f"what {by} made of it" if data.get("edited") else f"by {by}" if by else "it cannot be carried out"
    head = line((f"plan {data.get('revision')} refused", "red"), f", {who}:")
    return [head, *(line(cut(words(reason)), indent=2) for reason in _list(data.get("reasons")))]


def _approved(data: Data, cut: Cut) -> Sequence[Text]:
    note = f": {data['note']}" if data.get("note") else ""
    head = line((f"plan {data.get('revision')} agreed to ", "green"), cut(f"by {data.get('by')}{note}"))
    changed = [_task(task, cut) for task in _list(data.get("tasks")) if isinstance(task, Mapping)]
    return [head, line("as they changed it:", indent=2), *changed] if changed else [head]


def _judged(data: Data, cut: Cut) -> Sequence[Text]:
    said = data.get("objection")
    if said is None:
        return [line((f"task {data.get('task')} accepted", "dim"))]
    return [line((f"task {data.get('task')} refused: ", "red"), cut(words(said)))]


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


PLAN_TELLERS: Final[Mapping[str, Callable[[Data, Cut], Sequence[Text]]]] = {
    kinds.PLAN_MADE: _made,
    kinds.PLAN_REVISED: _made,
    kinds.PLAN_REFUSED: _refused,
    kinds.PLAN_APPROVED: _approved,
    kinds.TASK_JUDGED: _judged,
}
