"""Carries a plan out: made, checked and agreed to, its tasks done as soon as they can be, made anew where they fail.

All of it stands on the steps of a workflow: planning and each task are an agent's step, asking people is an approval,
and what was decided between them is recorded once and read again after each pause and crash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from pydantic import ValidationError
from pydantic_core import to_json

from holdfast.agent import Agent
from holdfast.errors import InvalidArguments, PlanFailed, StepFailed
from holdfast.teams import plan_record as record
from holdfast.teams.flow import Approved, AskedPeople
from holdfast.teams.plan import Plan, Task, filled, written
from holdfast.teams.plan_check import problems, without_finished
from holdfast.teams.plan_scheduler import do_tasks
from holdfast.teams.plan_words import Came, Request
from holdfast.teams.plan_work import Failure, PlanStage, Terms, Work, limit_of
from holdfast.types import Json


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
        failures = await do_tasks(work, agreed)
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
    return AskedPeople(name=f"{record.ASKS}{work.shown}", question=question, about=about, routing=work.terms.routing)


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
    step = f"{record.ASKS}{work.shown}"
    if said.by is None or not work.terms.replans_on_no or work.revision > work.terms.replans:
        raise PlanFailed("PLAN_REJECTED", f"The plan was not agreed to. {why}", steps=[step])
    because: dict[str, Json] = {"refused_by": said.by, "note": why}
    return Request(goal=work.goal, came=_so_far(work, [], {}), refused=plan, note=why, because=because)


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
