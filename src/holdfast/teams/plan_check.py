"""Whether a plan can be carried out: all that is wrong with it at once, each with its fix. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from holdfast.teams.plan import FROM, Condition, Plan, Reference, Task, malformed, references
from holdfast.teams.plan_doers import Doers, lacks
from holdfast.types import Json

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
_NUMBERS: Final = frozenset({"at least", "at most"})
_SHOWN: Final = 20
"""Problems that are told at once; a plan with more is told so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a plan stands on: what may be used, and what earlier plans of the execution came to."""

    doers: Doers
    most: int
    """Tasks that there may be, finished ones included."""
    done: Mapping[str, Task] = field(default_factory=dict[str, Task])
    """Finished tasks; their results may be referred to."""
    gone: frozenset[str] = frozenset()
    """Ids of tasks that began and did not finish: they are not used again."""


def problems(plan: Plan, standing: Standing) -> list[str]:
    """Everything that is wrong with a plan, in words for whoever wrote it; nothing: it can be carried out."""
    found = list(dict.fromkeys(_problems(plan, standing)))
    more = len(found) - _SHOWN
    return [*found[:_SHOWN], f"and {more} more problems of this kind"] if more > 0 else found


def without_finished(plan: Plan, standing: Standing) -> Plan:
    """The plan without tasks that are finished and that it only repeats: finished tasks stay as they are."""
    left = tuple(task for task in plan.tasks if standing.done.get(task.id) != task)
    return plan.model_copy(update={"tasks": left})


def _problems(plan: Plan, standing: Standing) -> Iterator[str]:
    if not plan.tasks and not standing.done:
        yield "the plan has no tasks: give at least one"
    if (over := len(plan.tasks) + len(standing.done) - standing.most) > 0:
        done = f" with the {len(standing.done)} finished ones" if standing.done else ""
        yield f"the plan has {len(plan.tasks)} tasks{done}, at most {standing.most} may be: leave out or merge {over}"
    yield from _ids(plan.tasks, standing)
    known = {**standing.done, **{task.id: task for task in plan.tasks}}
    for task in plan.tasks:
        yield from _task(task, known, standing)
    yield from _references("the result", plan.result, known, standing.doers)
    yield from _circles(plan.tasks)


def _ids(tasks: Sequence[Task], standing: Standing) -> Iterator[str]:
    names = [task.id for task in tasks]
    for name in dict.fromkeys(names):
        if not _ID.fullmatch(name):
            yield f"task id {name!r}: use 1 to 60 letters, digits, '-' and '_'"
        if names.count(name) > 1:
            yield f"{names.count(name)} tasks have the id {name!r}: give each its own"
        if name in standing.done:
            yield f"task {name!r} is finished and stays as it is: leave it out, and refer to its result"
        elif name in standing.gone:
            yield f"task {name!r} was begun before and did not finish: give the new one another id"


def _task(task: Task, known: Mapping[str, Task], standing: Standing) -> Iterator[str]:
    where = f"task {task.id!r}"
    doer = standing.doers.get(task.use)
    if doer is None:
        yield f"{where} uses {task.use!r}, which there is not{_nearest(task.use, standing.doers)}"
    elif (misfit := doer.misfit(task.input)) is not None:
        yield f"{where}, input for {task.use!r}: {misfit}"
    for name in task.after:
        if name not in known:
            yield f"{where} comes after {name!r}, which there is not{_nearest(name, known)}"
    yield from _references(f"{where}, input", task.input, known, standing.doers)
    for condition in task.checks:
        yield from _condition(where, condition, doer.gives if doer else {})


def _references(where: str, value: Json, known: Mapping[str, Task], doers: Doers) -> Iterator[str]:
    for wrong in malformed(value):
        yield f'{where}: {wrong!r} is no reference: write {{"{FROM}": "task-id", "path": "a.b"}}, path as text'
    for _, reference in references(value):
        if reference.task not in known:
            yield f"{where} refers to task {reference.task!r}, which there is not{_nearest(reference.task, known)}"
        elif said := _no_part(reference, known, doers):
            yield f"{where} refers to {reference.path!r} of task {reference.task!r}: {said}"


def _no_part(reference: Reference, known: Mapping[str, Task], doers: Doers) -> str | None:
    doer = doers.get(known[reference.task].use)
    return lacks(doer.gives, reference.path) if doer else None


def _condition(where: str, condition: Condition, gives: Mapping[str, Any]) -> Iterator[str]:
    if said := lacks(gives, condition.path):
        yield f"{where}, a check of {condition.path!r}: {said}"
    number = not isinstance(condition.value, bool) and isinstance(condition.value, int | float)
    if condition.test in _NUMBERS and not number:
        yield f"{where}, a check {condition.test!r}: {condition.value!r} is no number"
    if condition.test == "is one of" and not isinstance(condition.value, list):
        yield f"{where}, a check 'is one of': give a list as its value"


def _circles(tasks: Sequence[Task]) -> Iterator[str]:
    """Tasks that wait for each other: what is left when all that can ever begin has begun."""
    waits = {task.id: set(task.needs) & {other.id for other in tasks} for task in tasks}
    ready = [name for name, needs in waits.items() if not needs]
    while ready:
        name = ready.pop()
        waits.pop(name, None)
        for other, needs in waits.items():
            if name in needs:
                needs.discard(name)
                if not needs:
                    ready.append(other)
    while waits:
        circle = _circle(waits)
        way = " -> ".join([*circle, circle[0]])
        yield f"tasks wait for each other in a circle, so none can begin: {way}; take one of these needs out"
        for name in circle:
            waits.pop(name, None)
        _drop_behind(waits)


def _circle(waits: Mapping[str, set[str]]) -> list[str]:
    walked = [next(iter(waits))]
    while (following := min(waits[walked[-1]] & waits.keys())) not in walked:
        walked.append(following)
    return walked[walked.index(following) :]


def _drop_behind(waits: dict[str, set[str]]) -> None:
    """Leave out what only waits for a circle that was told."""
    while gone := [name for name, needs in waits.items() if not needs & waits.keys()]:
        for name in gone:
            del waits[name]


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f": did you mean {near[0]!r}?"
    return f": use one of {', '.join(sorted(known)[:30])}" if known else ""
