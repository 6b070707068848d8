"""What a planning agent is told: how to write a plan, what it may use, and what became of the last one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic_core import to_json

from holdfast.teams.plan import Plan, Task, written
from holdfast.teams.plan_doers import Doers
from holdfast.types import Json

_LONGEST: Final = 4_000
"""Characters of one result that a planning agent is shown."""
_RULES: Final = """\
You write a plan; others carry it out. Give it as tasks with short ids of their own.
- Each task is done by one of the agents and tools below, named in `use`. There is nothing else.
- An agent sees its `input` and nothing more: put everything into it that it needs.
- Where the result of another task belongs, write {{"$from": "its-id", "path": "where.in.it"}} instead of a value; \
leave out the path for all of it. The task then waits for that one. Use `after` to wait without using a result.
- Tasks that do not wait for each other are done at the same time, {parallel} at most.
- At most {tasks} tasks. Plan no task that is not needed.
- `success` says in words what makes a task a success; `checks` are conditions on its result that code checks.
- `result` says what the whole comes to, with references to results.\
{output}"""
_AGAIN: Final = """
If the input has `tasks`, some of the work is done. Finished tasks stay and are not done again: do not list them, \
refer to their results. Tasks that failed or were not begun are dropped: plan what is to be done instead, under new ids.
If it has `problems`, your last plan (`refused_plan`) could not be carried out as it was: write a whole plan that has \
none of them.
If it has `note`, a person did not agree to your last plan, and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What became of one task."""

    task: Task
    state: str
    """`finished`, `failed` or `not begun`."""
    result: Json = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the planning agent is asked."""

    goal: Json
    came: Sequence[Came] = ()
    problems: Sequence[str] = ()
    refused: Plan | None = None
    note: str | None = None
    because: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Why there is to be another plan, for the record."""

    def as_input(self) -> dict[str, Json]:
        """It as the agent gets it."""
        found: dict[str, Json] = {"goal": self.goal}
        if self.came:
            found["tasks"] = [_told(one) for one in self.came]
        if self.problems:
            found["problems"] = list(self.problems)
        if self.refused is not None:
            found["refused_plan"] = written(self.refused)
        if self.note is not None:
            found["note"] = self.note
        return found


def instructions(own: str, doers: Doers, *, parallel: int, tasks: int, output: Mapping[str, Json]) -> str:
    """What a planning agent is told before everything else."""
    fits = f"\n- It must fit this schema: {to_json(output).decode()}" if output else ""
    rules = _RULES.format(parallel=parallel, tasks=tasks, output=fits) + _AGAIN
    menu = "\n\n".join(doer.told() for doer in doers.values())
    return "\n\n".join(
        part for part in [own.strip(), f"# How to plan\n{rules}", f"# Who and what there is\n{menu}"] if part
    )


def for_doer(task: Task, given: Json) -> Json:
    """What an agent is asked: its input, with what makes it a success."""
    if not task.success:
        return given
    if isinstance(given, Mapping):
        return given if "success" in given else {**given, "success": task.success}
    if isinstance(given, str):
        return f"{given}\n\nIt is a success when: {task.success}"
    return {"task": given, "success": task.success}


def _told(came: Came) -> dict[str, Json]:
    told: dict[str, Json] = {"id": came.task.id, "use": came.task.use, "state": came.state}
    if came.state == "finished":
        text = to_json(came.result).decode()
        told["result"] = came.result if len(text) <= _LONGEST else f"{text[:_LONGEST]}... (cut)"
    else:
        told["input"] = came.task.input
    if came.error:
        told["error"] = came.error
    return told
