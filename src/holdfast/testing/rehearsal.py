"""Checks a workflow: runs it, then runs its code again on its own journal, and says where the two differ."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn, cast

from pydantic_core import to_jsonable_python

from holdfast.agent import Agent
from holdfast.app import App
from holdfast.composition import refuse_in_event_loop
from holdfast.engine.clock import SystemClock
from holdfast.errors import StepFailed, StepTimedOut, UsageError
from holdfast.loop.desk import Cast
from holdfast.loop.flow_history import StepState
from holdfast.loop.flow_places import Branch, Places
from holdfast.loop.fold import replay
from holdfast.loop.history import History
from holdfast.policy.approval import digest
from holdfast.teams.flow import Approved, AskedPeople, AskedStep, Flow
from holdfast.teams.planner import Planner
from holdfast.teams.workflow import Workflow
from holdfast.testing.chance import calls_of_chance
from holdfast.trail import events as kinds
from holdfast.trail.codec import storable
from holdfast.trail.redact import Redactor
from holdfast.types import Answer, Event, Execution, Json

_BRANCH: ContextVar[Branch] = ContextVar("holdfast_rehearsed_branch")
_LOOK_S = 0.01


class NotDeterministic(AssertionError):
    """The workflow's code does not come to the same each time it runs."""


class _Differs(BaseException):
    """Past whatever the author's code catches."""


def check_workflow(  # noqa: PLR0913 - what a workflow may want
    workflow: Workflow[object],
    given: object = None,
    *,
    agents: Sequence[Agent[object]] = (),
    answers: Mapping[str, Answer] | None = None,
    signals: Mapping[str, object] | None = None,
    timeout_s: float = 30,
) -> Execution:
    """Run a workflow to its end, then its code again on its own journal.

    Its steps really run, once; it does not really sleep. Whether it completes or fails is for the test to judge.

    Args:
        workflow: Which.
        given: Its input. Default: nothing.
        agents: Agents that it gives work to beside those that its code names.
        answers: What people say, by the step that asks. Default: yes to everything.
        signals: What is sent to it at the start: payloads by name.
        timeout_s: Seconds that all of it may take. Default: 30.

    Returns:
        The execution, ended.

    Raises:
        NotDeterministic: The code came to other steps, other arguments or another result the second time, two steps
            have one name, or it asks clock or chance without the flow; the message says which, and the fix.
        UsageError: It is a planner.
    """
    refuse_in_event_loop("app.run")
    if isinstance(workflow, Planner):
        raise UsageError(f"{workflow.name!r} is a planner, and has no code to be run again: run it with app.run_sync")
    if found := calls_of_chance(workflow.function):
        raise NotDeterministic(f"workflow {workflow.name!r}: {found}")
    with TemporaryDirectory() as folder:
        trial = Trial(workflow, agents, dict(answers or {}), dict(signals or {}))
        execution, events = asyncio.run(asyncio.wait_for(trial.run(Path(folder), given), timeout_s))
    if execution.status_reason == "WORKFLOW_ERROR" and "two steps are named" in str(execution.error):
        raise NotDeterministic(f"workflow {workflow.name!r}: {execution.error}")
    asyncio.run(_rehearse(workflow, trial.casts(), execution, events))
    return execution


class LeapingClock(SystemClock):
    """The system's clock, with the waits left out."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The present, and what was left out."""
        return super().now() + self.ahead

    def leap(self, until: datetime) -> None:
        """Leave out what lies between now and then."""
        self.ahead += max(until - self.now(), timedelta()) + timedelta(milliseconds=1)


@dataclass(slots=True)
class Trial:
    """One run of a workflow on a database of its own."""

    workflow: Workflow[object]
    agents: Sequence[Agent[object]]
    answers: Mapping[str, Answer]
    signals: Mapping[str, object]
    clock: LeapingClock = field(default_factory=LeapingClock)

    async def run(self, folder: Path, given: object) -> tuple[Execution, Sequence[Event]]:
        """Run it to its end."""
        async with App([self.workflow, *self.agents], str(folder / "trial.db"), clock=self.clock) as app:
            started = await app.start(self.workflow, given)
            for name, payload in self.signals.items():
                await app.send(started.id, name, payload)
            while not (execution := await app.get(started.id)).ended:
                await self._go_on(app, execution)
            return execution, [event async for event in app.events(execution.id, follow=False)]

    def casts(self) -> Mapping[str, Cast]:
        """The agents that it may give work to, made ready."""
        app = App([self.workflow, *self.agents])
        return {name: Cast.of(agent, clock=self.clock) for name, agent in app.agents.items()}

    async def _go_on(self, app: App, execution: Execution) -> None:
        """Give what it waits for, and let it work until it waits again."""
        for asked in await app.approvals():
            said = self.answers.get(asked.tool_name or "", "approve" if asked.kind == "call" else "skip")
            await app.decide(asked.id, said, by="check_workflow")
        if execution.wake_at is not None and execution.wake_at > self.clock.now():
            await self._refuse_endless(app, execution)
            self.clock.leap(execution.wake_at)
        async with app.worker():
            async for _ in app.control.changes(most_every_s=_LOOK_S, least_every_s=5 * _LOOK_S):
                if not await self._moves(app):
                    break

    async def _moves(self, app: App) -> bool:
        """Whether anything runs, or is about to."""
        now = self.clock.now()
        live = [one for one in await app.list() if not one.ended and one.status != "awaiting_review"]
        return any(one.status == "running" or one.wake_at is None or one.wake_at <= now for one in live)

    async def _refuse_endless(self, app: App, execution: Execution) -> None:
        """Nobody sends what it waits for without end."""
        history = History()
        replay(history, [event async for event in app.events(execution.id, follow=False)])
        waits = [one for one in history.flow.steps.values() if not one.over]
        if waits and all(one.kind == "wait" and one.until is None for one in waits):
            name = waits[0].signal
            raise AssertionError(f"workflow {self.workflow.name!r} waits for {name!r}: give signals={{{name!r}: ...}}")


# --- the second run


async def _rehearse(
    workflow: Workflow[object], casts: Mapping[str, Cast], execution: Execution, events: Sequence[Event]
) -> None:
    history = History()
    replay(history, events)
    given = {event.data["name"]: event.data["arguments"] for event in events if event.kind == kinds.STEP_STARTED}
    stage = Rehearsal(workflow.name, execution, history, casts, cast("Mapping[str, Json]", given))
    _BRANCH.set(Branch())
    try:
        value = await workflow.begin(Flow(stage), history.input)
        ended = casts[workflow.name].contract.validate(value)
    except _Differs:
        raise NotDeterministic(stage.problem) from None
    except Exception as error:
        if execution.status == "completed":
            stage.problem = f"it completed, and the second time it raised {type(error).__name__}: {error}"
            raise NotDeterministic(stage.told()) from error
        return
    if execution.status == "completed" and ended != execution.result:
        stage.problem = f"its result was {execution.result!r}, and the second time {ended!r}"
        raise NotDeterministic(stage.told())
    if missing := stage.places.unvisited(stage.visited):
        stage.problem = missing
        raise NotDeterministic(stage.told())


class Rehearsal:
    """A stage on which nothing is done: each step comes to what the journal has."""

    def __init__(
        self,
        name: str,
        execution: Execution,
        history: History,
        casts: Mapping[str, Cast],
        given: Mapping[str, Json],
    ) -> None:
        self._name, self.execution, self._history, self._casts, self._given = name, execution, history, casts, given
        self.places = Places(history.flow.places, by_name_alone=False)
        self.visited = set[str]()
        self.problem = ""
        self._redactor = Redactor()

    async def step(self, asked: AskedStep) -> object:
        """What the step came to, if it is given the same."""
        state = self._found("step", asked.name, asked.work.arguments)
        self._raise_failure(state)
        return asked.work.typed(state.result)

    async def agent(self, name: str, agent: Agent[object] | str, given: object) -> object:
        """What the agent came to, if it is given the same."""
        member = self._casts[agent if isinstance(agent, str) else agent.name]
        asked: Json = to_jsonable_python(given)
        taken = member.agent.accept(asked) if isinstance(member.agent, Workflow) else asked
        state = self._found("agent", name, taken)
        self._raise_failure(state)
        return member.contract.typed(state.result)

    async def approve(self, asked: AskedPeople) -> Approved:
        """What people said."""
        said = cast("Mapping[str, Any]", self._found("approve", asked.name, None).result)
        return Approved(approved=said["approved"], by=said["by"], note=said["note"], edit=said["edit"])

    async def sleep(self, name: str, seconds: float) -> None:
        """It slept."""
        self._found("sleep", name, {"seconds": seconds})

    async def wait_for(self, name: str, signal: str, timeout_s: float | None) -> Json:  # noqa: ARG002 - `Stage`
        """What was sent."""
        state = self._found("wait", name, {"signal": signal})
        self._raise_failure(state)
        return state.result

    async def branches(self, parts: Sequence[Callable[[], Awaitable[object]]], at_once: int) -> list[object]:  # noqa: ARG002 - `Stage`
        """All parts, the last one first: what depends on who is faster shows."""
        place = self._place("parallel", "")
        found: dict[int, object] = {}
        errors: dict[int, Exception] = {}
        for index in reversed(range(len(parts))):
            try:
                found[index] = await asyncio.create_task(self._branch(f"{place}.{index}.", parts[index]))
            except Exception as error:  # noqa: BLE001 - raised when all of them have come to their ends
                errors[index] = error
        if errors:
            raise errors[min(errors)]
        return [found[index] for index in range(len(parts))]

    def now(self) -> datetime:
        """The time as it was."""
        return datetime.fromisoformat(str(self._history.flow.notes[self._place("now", "")]))

    def random(self) -> float:
        """The number as it was."""
        return float(cast("float", self._history.flow.notes[self._place("random", "")]))

    def told(self) -> str:
        """The problem, and what to do about it."""
        return (
            f"workflow {self._name!r} is not the same each time it runs: {self.problem}. Between steps it may use only"
            " its input, results of steps, flow.now() and flow.random(); put the rest into steps"
        )

    async def _branch(self, prefix: str, part: Callable[[], Awaitable[object]]) -> object:
        _BRANCH.set(Branch(prefix))
        return await part()

    def _found(self, kind: str, name: str, arguments: Json) -> StepState:
        self._place(kind, name)
        state = self._history.flow.steps.get(name)
        if state is None:
            self._refuse(f"the second time it comes to {kind} {name!r}, which it did not the first time")
        if arguments is not None and digest(name, storable(arguments, self._redactor)) != state.digest:
            was = self._given.get(name)
            self._refuse(f"{kind} {name!r} was given {was!r}, and the second time {arguments!r}")
        return state

    def _place(self, kind: str, name: str) -> str:
        place = _BRANCH.get().next()
        differs = self.places.difference(place, kind, name)
        if differs is None and kind != "parallel" and place not in self._history.flow.places:
            differs = f"the second time it comes to {kind} {name!r} at place {place}, the first time to nothing"
        if differs is not None:
            self._refuse(differs)
        self.visited.add(place)
        return place

    def _refuse(self, problem: str) -> NoReturn:
        self.problem = problem
        self.problem = self.told()
        raise _Differs

    def _raise_failure(self, state: StepState) -> None:
        if state.status == "completed" and state.check is None:
            return
        kind = StepTimedOut if state.failure == "timeout" else StepFailed
        raise kind(state.name, state.check or state.error or "", failure=state.failure or "error")
