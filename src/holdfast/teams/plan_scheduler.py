"""Does the tasks of a plan: each when those it needs are done, tried again where that can do no harm, and judged."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from holdfast.errors import InvalidArguments, StepFailed
from holdfast.teams import plan_record as record
from holdfast.teams.plan import Plan, Task, filled, objection
from holdfast.teams.plan_doers import Doer
from holdfast.teams.plan_words import for_doer
from holdfast.teams.plan_work import Failure, TaskCheck, Terms, Work
from holdfast.teams.work import as_json
from holdfast.tools.result import describe_error
from holdfast.types import Json


async def do_tasks(work: Work, plan: Plan) -> Mapping[str, Failure]:
    """Do all tasks that can be done; why the others did not finish."""
    scheduler = Scheduler(work, plan.tasks)
    if plan.tasks:
        await work.stage.branches([partial(scheduler.do, task) for task in plan.tasks], len(plan.tasks))
    return scheduler.failures


class Scheduler:
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
