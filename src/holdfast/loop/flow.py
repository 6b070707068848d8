"""Runs a workflow: its function from the beginning, finished steps from the journal, then on, to parking or its end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, cast

from holdfast.agent import Agent
from holdfast.errors import (
    CancelRequested,
    DeadlineExceeded,
    DeclarationError,
    InvalidArguments,
    Paused,
    PlanFailed,
    StepFailed,
    Unavailable,
)
from holdfast.loop.activation import Activation
from holdfast.loop.flow_change import ask_about_change, heed_change
from holdfast.loop.flow_fold import VERDICT
from holdfast.loop.flow_history import Undoing
from holdfast.loop.flow_record import Ended, record_end
from holdfast.loop.flow_stage import Changed, End, Failing, Quiet, Raised, Returned, Stage, Stopped
from holdfast.loop.flow_steps import do_step
from holdfast.loop.flow_undo import begin_undoing, to_undo, undo_all, undone_words
from holdfast.loop.flow_waits import do_agent, do_approve, do_sleep, do_wait
from holdfast.loop.prepare import MOST_FRUITLESS
from holdfast.teams.flow import Approved, AskedPeople, AskedStep, Flow
from holdfast.teams.workflow import Workflow
from holdfast.tools.result import describe_error
from holdfast.trail import events as kinds
from holdfast.trail.codec import storable
from holdfast.types import Execution, Json

LOOK_S: Final = 86_400.0
"""Seconds after which a workflow looks by itself; whatever comes wakes it before."""
STOPPED_S: Final = 60.0
"""Seconds after which it looks whether a tool that was stopped may run again."""


class Player:
    """What a workflow's `Flow` stands on: steps done on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    @property
    def execution(self) -> Execution:
        """As it was when this activation began."""
        return self._stage.activation.execution

    async def step(self, asked: AskedStep) -> object:
        """Run a function once."""
        return await do_step(self._stage, asked)

    async def agent(self, name: str, agent: Agent[object] | str, given: object) -> object:
        """Let an agent do something."""
        return await do_agent(self._stage, name, agent, given)

    async def approve(self, asked: AskedPeople) -> Approved:
        """Ask people."""
        return await do_approve(self._stage, asked)

    async def sleep(self, name: str, seconds: float) -> None:
        """Let time pass."""
        await do_sleep(self._stage, name, seconds)

    async def wait_for(self, name: str, signal: str, timeout_s: float | None) -> Json:
        """Wait for a signal."""
        return await do_wait(self._stage, name, signal, timeout_s)

    async def branches(self, parts: Sequence[Callable[[], Awaitable[object]]], at_once: int) -> list[object]:
        """Do things side by side."""
        return await self._stage.fork(parts, at_once)

    async def until(self, over: asyncio.Event) -> None:
        """Wait for another branch."""
        await self._stage.until(over)

    def record(self, make: Callable[[], tuple[str, Mapping[str, Json]]]) -> Mapping[str, Json]:
        """Say something once."""
        place = self._stage.note_place(VERDICT)
        if place in self._stage.flow.notes:
            return cast("Mapping[str, Json]", self._stage.flow.notes[place])
        kind, data = make()
        said = cast("Mapping[str, Json]", storable({"at": place, **data}, self._stage.activation.desk.redactor))
        self._stage.clerk.note(partial(self._stage.activation.fact, kind, said))
        return said

    def now(self) -> datetime:
        """The time, recorded."""
        place = self._stage.note_place("now")
        found = self._noted(place, "now", self._stage.activation.desk.clock.now().astimezone(UTC).isoformat())
        return datetime.fromisoformat(str(found))

    def random(self) -> float:
        """A number, recorded."""
        place = self._stage.note_place("random")
        return float(cast("float", self._noted(place, "random", self._stage.activation.desk.random())))

    def _noted(self, place: str, kind: str, value: Json) -> Json:
        if place in self._stage.flow.notes:
            return self._stage.flow.notes[place]
        data: dict[str, Json] = {"at": place, "kind": kind, "value": value}
        self._stage.clerk.note(partial(self._stage.activation.fact, kinds.STEP_NOTED, data))
        return value


async def run_flow(activation: Activation, workflow: Workflow[object]) -> None:
    """Work on a workflow's execution until it ends or parks."""
    lost = activation.history.fruitless - 1
    if lost >= MOST_FRUITLESS:
        await activation.fail("WORKERS_LOST", f"{lost} workers in a row died while they worked on it.")
        return
    stage = Stage(activation)
    await heed_change(stage)
    if activation.over:
        return
    stage = Stage(activation)  # as the answer leaves it
    activation.heeds_cancel = not stage.undoing
    try:
        end = await stage.play(_story(stage, workflow))
    except InvalidArguments as error:
        end = Stopped(Failing("INVALID_INPUT", f"its input does not fit any more: {error}"))
    if stage.undoing:
        await finish_undoing(stage)
        return
    try:
        await obey(stage, workflow, end)
    except CancelRequested:
        await cancel(stage, undoes=workflow.undo_on_cancel)
    except DeadlineExceeded:
        await fail(stage, overdue(activation))
    except (Paused, Unavailable) as refusal:
        await refused(activation, refusal)


async def _story(stage: Stage, workflow: Workflow[object]) -> object:
    return await workflow.begin(Flow(Player(stage)), stage.activation.history.input)


async def obey(stage: Stage, workflow: Workflow[object], end: End) -> None:
    """Do what follows from how a playing ended."""
    match end:
        case Returned(value):
            await complete(stage, value)
        case Quiet():
            await park(stage, undoes=workflow.undo_on_cancel)
        case Raised(error):
            await fail(stage, why(error))
        case Stopped(Changed() as changed):
            await ask_about_change(stage.activation, str(changed))
        case Stopped(Failing(reason="TOTAL_TIMEOUT")) if stage.activation.is_overdue:
            await fail(stage, overdue(stage.activation))
        case Stopped(Failing() as failing):
            await fail(stage, Undoing(reason=failing.reason, error=str(failing), step=None, cancelled=False))
        case Stopped(cause):
            raise cause


def overdue(activation: Activation) -> Undoing:
    """What ends a workflow whose deadline has come."""
    error = f"It was to have ended by {activation.execution.due_by}."
    return Undoing(reason="DEADLINE_EXCEEDED", error=error, step=None, cancelled=False)


def why(error: BaseException) -> Undoing:
    """What ends a workflow that raised."""
    match error:
        case StepFailed():
            return Undoing(reason="STEP_FAILED", error=str(error), step=error.step, cancelled=False)
        case PlanFailed(reason=reason, steps=steps):
            first = steps[0] if steps else None
            return Undoing(reason=reason, error=str(error), step=first, cancelled=False, others=steps[1:])
        case DeclarationError() | InvalidArguments():
            return Undoing(reason="WORKFLOW_ERROR", error=str(error), step=None, cancelled=False)
        case _:
            return Undoing(reason="WORKFLOW_ERROR", error=describe_error(error), step=None, cancelled=False)


async def complete(stage: Stage, value: object) -> None:
    """End with the function's result, if that is of its type and the journal holds nothing else."""
    activation = stage.activation
    if missing := stage.unvisited():
        await ask_about_change(activation, missing)
        return
    try:
        result = activation.cast.contract.validate(value)
    except InvalidArguments as error:
        await fail(stage, Undoing(reason="INVALID_OUTPUT", error=str(error), step=None, cancelled=False))
        return
    await activation.complete(result)


async def park(stage: Stage, *, undoes: bool) -> None:
    """Leave the worker until something comes: an answer, an end, a signal, a time."""
    activation, waits = stage.activation, stage.waits
    drained = [wait for wait in waits if wait.reason == "DRAINED"]
    if not drained and not stage.undoing and (missing := stage.unvisited()):
        await ask_about_change(activation, missing)
        return
    standing: dict[str, Json] = {"waits_for": [wait.what for wait in waits]}
    if to_undo(stage) and not stage.undoing:
        standing |= {"undo": True, "undo_on_cancel": True} if undoes else {"undo": True}
    activation.standing = standing
    if drained:
        await activation.park("DRAINED", status="pending")
    elif all(wait.people for wait in waits):
        await activation.park(waits[0].reason, status="awaiting_review")
    else:
        now = activation.desk.clock.now()
        wake_at = min([wait.until for wait in waits if wait.until], default=now + timedelta(seconds=LOOK_S))
        others = all(wait.people or wait.reason == "AGENTS" for wait in waits)
        await activation.park("AGENTS" if others else "WAITING", status="pending", wake_at=wake_at, for_news=True)


async def fail(stage: Stage, undoing: Undoing) -> None:
    """End failed, after what was done is undone."""
    begin_undoing(stage, undoing)
    stage.activation.heeds_cancel = False
    await finish_undoing(stage)


async def cancel(stage: Stage, *, undoes: bool) -> None:
    """End as cancelled, after what was done is undone where the workflow says so."""
    if undoes and to_undo(stage):
        begin_undoing(stage, Undoing(reason="CANCELLED", error="It was cancelled.", step=None, cancelled=True))
        stage.activation.heeds_cancel = False
        await finish_undoing(stage)
    else:
        await end_cancelled(stage)


async def finish_undoing(stage: Stage) -> None:
    """Undo what is left to be undone; then end, or park where people have to help."""
    activation, undoing = stage.activation, stage.flow.undoing
    if undoing is None:
        raise AssertionError  # it began before
    end = await stage.play(undo_all(stage)) if to_undo(stage) else Returned(None)
    match end:
        case Quiet():
            await park(stage, undoes=False)
        case Stopped(Paused() | Unavailable() as refusal):
            await refused(activation, refusal)
        case Stopped(error) | Raised(error):
            raise error
        case Returned() if undoing.cancelled:
            await end_cancelled(stage)
        case Returned():
            drop_open_steps(stage, "Not done: the workflow ended before.")
            error = " ".join(part for part in (undoing.error, undone_words(stage)) if part)
            await activation.fail(undoing.reason, error, result=done_so_far(stage))


def done_so_far(stage: Stage) -> Json:
    """What is left of one that did not come to its end, where its kind keeps something."""
    workflow, flow = stage.activation.cast.agent, stage.flow
    done = {name: state.result for name, state in flow.steps.items() if state.status == "completed"}
    return workflow.partial(done, list(flow.notes.values())) if isinstance(workflow, Workflow) else None


async def end_cancelled(stage: Stage) -> None:
    """End as cancelled, and say of each open step what became of it."""
    drop_open_steps(stage, "Not done: the execution was cancelled.")
    await stage.activation.end_cancelled()


def drop_open_steps(stage: Stage, said: str) -> None:
    """Say of each step that is not over what became of it."""
    for state in [state for state in stage.flow.steps.values() if not state.over]:
        begun = state.effect == "irreversible" and state.kind in {"step", "undo"}
        unknown = state.status == "in_doubt" or (begun and state.status == "running" and not state.fresh)
        end = Ended(status="in_doubt" if unknown else "failed", error=said, failure="unknown" if unknown else "refused")
        record_end(stage.activation, state.name, end)


async def refused(activation: Activation, cause: Paused | Unavailable) -> None:
    """Nothing may begin for now.

    Raises:
        Paused: All of it is stopped, not a tool alone.
    """
    if cause.kind not in {"agent", "all"}:
        now = activation.desk.clock.now()
        wake_at = (
            max(cause.until or now, now + timedelta(seconds=1)) if cause.until else now + timedelta(seconds=STOPPED_S)
        )
        await activation.park("PAUSED", status="pending", wake_at=wake_at)
        return
    raise cause
