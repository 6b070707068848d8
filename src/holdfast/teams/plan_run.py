"""Carries a plan out: made, checked and agreed to, its tasks done as soon as they can be, made anew where they fail.

All of it stands on the steps of a workflow: planning and each task are an agent's step, asking people is an approval,
and what was decided between them is recorded once and read again after each pause and crash.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Protocol, TypeAlias, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from holdfast.agent import Agent
from holdfast.errors import InvalidArguments, PlanFailed, StepFailed
from holdfast.teams import plan_record as record
from holdfast.teams.flow import Approved, AskedPeople
from holdfast.teams.plan import Plan, Task, filled, objection, written
from holdfast.teams.plan_check import Standing, problems, without_finished
from holdfast.teams.plan_doers import Doer, Doers
from holdfast.teams.plan_words import Came, Request, for_doer
from holdfast.teams.work import as_json
from holdfast.tools.result import describe_error
from holdfast.types import Json, Routing

TaskCheck: TypeAlias = Callable[[Task, Json], object]
"""Judges a task's result: `True` or `None` accept it; `False`, words, or an error say what is wrong with it."""
_LIMITS: Final = {
    "limits.depth": "MAX_DEPTH_EXCEEDED",
    "limits.descendants": "MAX_DESCENDANTS_EXCEEDED",
    "tokens": "MAX_TOKENS_EXCEEDED",
    "dollars": "MAX_COST_EXCEEDED",
}
"""Words of a refusal to begin, and the limit that it is about."""


class PlanStage(Protocol):
    """What a plan is carried out on: the parts of a workflow's stage that it needs, and two of its own."""

    async def agent(self, name: str, agent: Agent[object] | str, given: object) -> object: ...
    async def approve(self, asked: AskedPeople) -> Approved: ...
    async def branches(self, parts: Sequence[Callable[[], Awaitable[object]]], at_once: int) -> list[object]: ...
    def record(self, make: Callable[[], record.Said]) -> Mapping[str, Json]:
        """Say something once: what was said the first time is what is said for ever."""
        ...

    async def until(self, over: asyncio.Event) -> None:
        """Wait for another branch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a planner's plans are made and carried out."""

    name: str
    planning: Agent[object]
    doers: Doers
    output: TypeAdapter[object] | None
    """Checks what a plan comes to; `None`: any JSON will do."""
    asks: bool
    routing: Routing | None
    replans_on_no: bool
    tasks: int
    replans: int
    corrections: int
    retries: int
    check: TaskCheck | None


@dataclass(slots=True, kw_only=True)
class Work:
    """How far an execution is, over all its plans."""

    stage: PlanStage
    terms: Terms
    goal: Json
    done: dict[str, Task] = field(default_factory=dict[str, Task])
    results: dict[str, Json] = field(default_factory=dict[str, Json])
    gone: set[str] = field(default_factory=set[str])
    """Ids of tasks that began and did not finish."""
    asked: int = 0
    """How often a plan was asked for."""
    shown: int = 0
    """How often people were asked."""
    revision: int = 0

    @property
    def standing(self) -> Standing:
        """What the next plan stands on."""
        return Standing(doers=self.terms.doers, most=self.terms.tasks, done=dict(self.done), gone=frozenset(self.gone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task did not finish."""

    error: str
    step: str | None
    """The step that failed; `None`: it did not begin."""
    refused: bool = False
    """There was no room for it within the limits."""


async def carry_out(terms: Terms, stage: PlanStage, goal: Json) -> object:
    """Plan, and do what was planned; the result.

    Raises:
        PlanFailed: It cannot come to its end; the reason is named.
        StepFailed: The planning agent failed.
    """
    work = Work(stage=stage, terms=terms, goal=goal)
    request = Request(goal=goal)
    while True:
        plan = await _plan(work, request)
        agreed = await _agreed(work, plan) if terms.asks else plan
        if isinstance(agreed, Request):
            request = agreed
            continue
        failures = await _do(work, agreed)
        if failures:
            request = _again(work, agreed, failures)
            continue
        result = filled(_result_of(agreed), work.results)
        if (misfit := _misfit(terms, result)) is None:
            return result
        request = _other_result(work, agreed, misfit)


# --- making a plan


async def _plan(work: Work, request: Request) -> Plan:
    """A plan that can be carried out."""
    work.revision += 1
    for left in reversed(range(work.terms.corrections + 1)):
        work.asked += 1
        step = f"plan {work.asked}"
        made = cast("Plan", await _begin(work, step, work.terms.planning, request.as_input()))
        said = work.stage.record(partial(_judged, work, made, request.because))
        if record.is_plan(said):
            return record.plan_of(said)
        found = record.reasons_of(said)
        if not left:
            count = work.terms.corrections + 1
            what = f"{count} plans in a row cannot be carried out. The last" if count > 1 else "The plan cannot be"
            raise PlanFailed("PLAN_INVALID", f"{what}: {'; '.join(found)}", steps=[step])
        request = replace(request, problems=found, refused=made)
    raise AssertionError  # the last round returns or raises


def _judged(work: Work, made: Plan, because: Mapping[str, Json]) -> record.Said:
    plan = without_finished(made, work.standing)
    if found := problems(plan, work.standing):
        return record.refused(work.revision, found, by=None)
    return record.made(work.revision, plan, kept=list(work.done), because=because)


async def _begin(work: Work, step: str, agent: Agent[object], given: Json) -> object:
    """Let the planning agent work.

    Raises:
        PlanFailed: There is no room for it within the limits.
    """
    try:
        return await work.stage.agent(step, agent, given)
    except StepFailed as failed:
        if failed.failure != "refused":
            raise
        raise PlanFailed(limit_of(failed.error), f"No room is left to plan: {failed.error}", steps=[step]) from failed


# --- having it agreed to


async def _agreed(work: Work, plan: Plan) -> Plan | Request:
    """The plan as people agreed to it, or what to ask of the planning agent because they did not."""
    objections: Sequence[str] = ()
    while True:
        work.shown += 1
        said = await work.stage.approve(_question(work, plan, objections))
        if not said:
            return _refused_by_people(work, plan, said)
        edited = said.edit is not None
        verdict = work.stage.record(partial(_judged_edit, work, plan, said))
        if record.is_plan(verdict):
            return record.plan_of(verdict) if edited else plan
        objections = record.reasons_of(verdict)


def _question(work: Work, plan: Plan, objections: Sequence[str]) -> AskedPeople:
    count = f"{len(plan.tasks)} task{'s' if len(plan.tasks) != 1 else ''}"
    question = f"May {work.terms.name} carry out this plan of {count}?"
    if objections:
        question = f"Your changes do not work: {'; '.join(objections)}. {question}"
    about = {"goal": work.goal, "tasks": [written(task) for task in plan.tasks]}
    if plan.result is not None:
        about["result"] = plan.result
    return AskedPeople(name=f"approve plan {work.shown}", question=question, about=about, routing=work.terms.routing)


def _judged_edit(work: Work, plan: Plan, said: Approved) -> record.Said:
    if said.edit is None:
        return record.approved(work.revision, plan, by=said.by, note=said.note, edited=False)
    try:
        changed = _edited(plan, said.edit)
    except (InvalidArguments, ValidationError) as error:
        return record.refused(work.revision, _words(error), by=said.by, edited=True)
    changed = without_finished(changed, work.standing)
    if found := problems(changed, work.standing):
        return record.refused(work.revision, found, by=said.by, edited=True)
    return record.approved(work.revision, changed, by=said.by, note=said.note, edited=True)


def _edited(plan: Plan, edit: Json) -> Plan:
    if not isinstance(edit, Mapping):
        raise InvalidArguments('an edited plan is an object: {"tasks": [...], "result": ...}')
    given = {key: value for key, value in edit.items() if key != "goal"}
    return Plan.model_validate_json(to_json({"reason": plan.reason, **given}))


def _words(error: Exception) -> list[str]:
    if not isinstance(error, ValidationError):
        return [str(error)]
    return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)[:10]]


def _refused_by_people(work: Work, plan: Plan, said: Approved) -> Request:
    """What follows from a no.

    Raises:
        PlanFailed: It ends with it.
    """
    why = said.note or ("They gave no reason." if said.by else "Nobody answered in time.")
    work.stage.record(lambda: record.refused(work.revision, [why], by=said.by or "nobody"))
    step = f"approve plan {work.shown}"
    if said.by is None or not work.terms.replans_on_no or work.revision > work.terms.replans:
        raise PlanFailed("PLAN_REJECTED", f"The plan was not agreed to. {why}", steps=[step])
    because: dict[str, Json] = {"refused_by": said.by, "note": why}
    return Request(goal=work.goal, came=_so_far(work, [], {}), refused=plan, note=why, because=because)


# --- doing it


async def _do(work: Work, plan: Plan) -> Mapping[str, Failure]:
    """Do all tasks that can be done; why the others did not finish."""
    line = _Line(work, plan.tasks)
    if plan.tasks:
        await work.stage.branches([partial(line.do, task) for task in plan.tasks], len(plan.tasks))
    return line.failures


class _Line:
    """The tasks of one plan, each of which begins when those it needs are done.

    How many work at the same time, the execution's `limits.children` says.
    """

    def __init__(self, work: Work, tasks: Sequence[Task]) -> None:
        self._work = work
        self._over = {task.id: asyncio.Event() for task in tasks}
        self.failures: dict[str, Failure] = {}

    async def do(self, task: Task) -> None:
        """Do one task, once what it needs is there."""
        for name in task.needs:
            if name in self._over:
                await self._work.stage.until(self._over[name])
        missing = [name for name in task.needs if name not in self._work.results]
        if missing:
            self.failures[task.id] = Failure(error=f"it needs {', '.join(missing)}", step=None)
        else:
            await self._attempt(task)
        self._over[task.id].set()

    async def _attempt(self, task: Task) -> None:
        work, doer = self._work, self._work.terms.doers[task.use]
        try:
            given = _given(doer, task, work.results)
        except (InvalidArguments, LookupError) as error:
            said = error.args[0] if isinstance(error, KeyError) else error
            refused = work.stage.record(partial(record.judged, task.id, str(said)))
            self.failures[task.id] = Failure(error=record.objection_of(refused) or "", step=None)
            return
        failure = await self._try(task, doer, given, task.id)
        for number in range(2, 2 + (work.terms.retries if doer.changes_nothing else 0)):
            if failure is None or failure.refused:
                break
            failure = await self._try(task, doer, given, f"{task.id} ({number})")
        if failure is not None:
            self.failures[task.id] = failure

    async def _try(self, task: Task, doer: Doer, given: Json, step: str) -> Failure | None:
        work = self._work
        try:
            result = as_json(await work.stage.agent(step, doer.agent, given))
        except StepFailed as failed:
            return Failure(error=failed.error, step=step, refused=failed.failure == "refused")
        if task.checks or work.terms.check:
            said = work.stage.record(partial(_checked, work.terms, task, result))
            if (wrong := record.objection_of(said)) is not None:
                return Failure(error=f"its result was refused: {wrong}", step=step)
        work.results[task.id], work.done[task.id] = result, task
        return None


def _given(doer: Doer, task: Task, results: Mapping[str, Json]) -> Json:
    given = doer.given(filled(task.input, results))
    return given if doer.tool is not None or doer.takes else for_doer(task, given)


def _checked(terms: Terms, task: Task, result: Json) -> record.Said:
    wrong = objection(task.checks, result)
    if wrong is None and terms.check is not None:
        wrong = _said_by(terms.check, task, result)
    return record.judged(task.id, wrong)


def _said_by(check: TaskCheck, task: Task, result: Json) -> str | None:
    try:
        said = check(task, result)
    except Exception as error:  # noqa: BLE001 - raising is a way to say no
        return describe_error(error)
    if said is None or said is True or said == "":
        return None
    return said if isinstance(said, str) else "its check says no"


# --- when it did not work


def _again(work: Work, plan: Plan, failures: Mapping[str, Failure]) -> Request:
    """What to ask of the planning agent after failures.

    Raises:
        PlanFailed: It may not be asked again.
    """
    began = {name: failure for name, failure in failures.items() if failure.step is not None}
    told = "; ".join(f"task {name!r}: {failure.error}" for name, failure in failures.items() if _is_cause(failure))
    steps = [failure.step for failure in began.values() if failure.step]
    if refused := next((failure for failure in failures.values() if failure.refused), None):
        raise PlanFailed(limit_of(refused.error), f"It stopped at a limit. {told}", steps=steps)
    if work.revision > work.terms.replans:
        raise PlanFailed("TASK_FAILED", f"{told}{_not_begun(failures)}", steps=steps)
    work.gone |= began.keys()
    because: dict[str, Json] = {"failed": {name: failure.error for name, failure in began.items()}}
    came = _so_far(work, plan.tasks, failures)
    return Request(goal=work.goal, came=came, because=because)


def _is_cause(failure: Failure) -> bool:
    return failure.step is not None or not failure.error.startswith("it needs ")


def _not_begun(failures: Mapping[str, Failure]) -> str:
    names = [name for name, failure in failures.items() if not _is_cause(failure)]
    return f". Not begun: {', '.join(names)}" if names else ""


def _so_far(work: Work, tasks: Sequence[Task], failures: Mapping[str, Failure]) -> Sequence[Came]:
    done = [Came(task=task, state="finished", result=work.results[name]) for name, task in work.done.items()]
    left = [(task, failures[task.id]) for task in tasks if task.id in failures]
    return [
        *done,
        *(Came(task=task, state="failed" if why.step else "not begun", error=why.error) for task, why in left),
    ]


def _other_result(work: Work, plan: Plan, misfit: str) -> Request:
    """What to ask when all was done and does not come to a result.

    Raises:
        PlanFailed: It may not be asked again.
    """
    if work.revision > work.terms.replans:
        raise PlanFailed("INVALID_OUTPUT", f"All tasks are done, and do not come to a result: {misfit}", steps=[])
    because: dict[str, Json] = {"result": misfit}
    wrong = [f"All tasks are done, but `result` does not come to what is wanted: {misfit}"]
    return Request(goal=work.goal, came=_so_far(work, [], {}), problems=wrong, refused=plan, because=because)


def _result_of(plan: Plan) -> Json:
    """What a plan comes to, with references."""
    if plan.result is not None:
        return plan.result
    last = plan.last
    if len(last) == 1:
        return {"$from": last[0]}
    return {name: {"$from": name} for name in last}


def _misfit(terms: Terms, result: Json) -> str | None:
    if terms.output is None:
        return None
    try:
        terms.output.validate_json(to_json(result))
    except ValidationError as error:
        return "; ".join(_words(error))
    return None


def limit_of(refusal: str) -> str:
    """The name of the limit that a refusal to begin is about."""
    return next((reason for words, reason in _LIMITS.items() if words in refusal), "LIMIT_REACHED")
