"""What the journal says of plans: made, refused, approved, and of each result that was judged."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from pydantic_core import to_json

from holdfast.teams.plan import Plan, written
from holdfast.trail import events as kinds
from holdfast.types import Json

Said: TypeAlias = tuple[str, Mapping[str, Json]]
"""Kind and data of an event."""
ASKS: Final = "approve plan "
"""Before the number of a question about a plan: the name of its step."""
_TASKS: Final = "tasks"
_ATTEMPT: Final = re.compile(r"([A-Za-z0-9_-]+)(?: \(\d+\))?")


def made(revision: int, plan: Plan, *, kept: Sequence[str], because: Mapping[str, Json]) -> Said:
    """A plan that can be carried out; one after the first with why it was made."""
    data: dict[str, Json] = {"revision": revision, **_plan(plan)}
    if revision == 1:
        return kinds.PLAN_MADE, data
    return kinds.PLAN_REVISED, {**data, "kept": list(kept), "because": dict(because)}


def refused(revision: int, reasons: Sequence[str], *, by: str | None, edited: bool = False) -> Said:
    """A plan that is not carried out.

    Args:
        revision: Its number.
        reasons: Why.
        by: The person who said no, or whose change cannot be carried out; `None`: it cannot be, as it was written.
        edited: It is what that person made of it.
    """
    data: dict[str, Json] = {"revision": revision, "by": by, "reasons": list(reasons)}
    return kinds.PLAN_REFUSED, {**data, "edited": True} if edited else data


def approved(revision: int, plan: Plan, *, by: str | None, note: str | None, edited: bool) -> Said:
    """A plan that people agreed to, as they changed it."""
    data: dict[str, Json] = {"revision": revision, "by": by, "note": note, "edited": edited}
    return kinds.PLAN_APPROVED, {**data, **_plan(plan)} if edited else data


def judged(task: str, wrong: str | None) -> Said:
    """What was said of a task's result, or of what it was to be given."""
    return kinds.TASK_JUDGED, {"task": task, "objection": wrong}


def is_plan(said: Mapping[str, Json]) -> bool:
    """Whether it is a yes: the plan goes on."""
    return "reasons" not in said


def plan_of(said: Mapping[str, Any]) -> Plan:
    """The plan of an event."""
    tasks = [{key: value for key, value in task.items() if key != "needs"} for task in said["tasks"]]
    more = {key: said[key] for key in ("result", "reason") if key in said}
    return Plan.model_validate_json(to_json({**more, "tasks": tasks}))


def reasons_of(said: Mapping[str, Json]) -> list[str]:
    """Why it was refused."""
    return [str(reason) for reason in cast("Sequence[Json]", said["reasons"])]


def objection_of(said: Mapping[str, Json]) -> str | None:
    """What is wrong with a result."""
    wrong = said["objection"]
    return None if wrong is None else str(wrong)


def finished(steps: Mapping[str, Json], said: Sequence[Json]) -> dict[str, Json]:
    """Results of tasks by id, from the results of steps and what was said between them."""
    refused = {str(one["task"]) for one in said if isinstance(one, Mapping) and one.get("objection") is not None}
    found = {task: result for step, result in steps.items() if (task := task_of(step)) is not None}
    return {task: result for task, result in found.items() if task not in refused}


def task_of(step: str) -> str | None:
    """The task that a step is an attempt of; `None`: of none, it plans or asks."""
    found = _ATTEMPT.fullmatch(step)
    return found[1] if found else None


def _plan(plan: Plan) -> dict[str, Json]:
    found = written(plan)
    # What waits for what stands for itself: an input may be too large to be at hand where that is drawn.
    tasks: list[Json] = [
        {**written(task), **({"needs": list(task.needs)} if task.needs else {})} for task in plan.tasks
    ]
    return {**found, _TASKS: tasks}
