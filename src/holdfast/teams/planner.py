"""A planner: an agent that writes a plan of tasks for others, has it agreed to, and sees it carried out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Generic, Literal, cast, get_args

from pydantic import JsonValue, TypeAdapter

from holdfast.agent import Agent, OutputT_co
from holdfast.errors import DeclarationError
from holdfast.policy.routing import Routed, declared
from holdfast.teams.flow import Flow
from holdfast.teams.plan import Plan
from holdfast.teams.plan_call import caller
from holdfast.teams.plan_doers import Doer, Doers
from holdfast.teams.plan_record import finished
from holdfast.teams.plan_run import carry_out
from holdfast.teams.plan_words import instructions
from holdfast.teams.plan_work import PlanStage, TaskCheck, Terms
from holdfast.teams.workflow import Workflow
from holdfast.types import Json, Limits

LIMITS: Final = Limits(steps=200, tokens=500_000, total_timeout_s=3_600, children=4, descendants=200)
"""What a planner may have that declares nothing; `children` is its `parallel`."""
OnRefusal = Literal["replan", "end"]


@dataclass(frozen=True, kw_only=True)
class Planner(Workflow[OutputT_co], Generic[OutputT_co]):
    """An agent that plans what others do, and sees it done. Used wherever an agent is.

    Args:
        name: Unique in an `App`: letters, digits, `_` and `-`.
        models: The fallback chain of the planning agent, as of any agent.
        instructions: What the planning agent is told before how to plan and what it may use.
        agents: Who may do tasks: agents, workflows and other planners.
        tools: What may be a task by itself. Its call is as any call: effect, review rules and all.
        output: The type of the whole result. Default: any JSON.
        approve: Ask people before anything of a plan begins: `True`, or whom and how, `{"reviewers": "lead"}`, as
            review rules take it. Default: `False`.
        on_refusal: What follows a person's no: `"replan"` plans anew with the note, as often as `replans` allows;
            `"end"` ends the execution. Nobody's answer in time always ends it.
        parallel: Tasks at work at the same time. Default: 4.
        tasks: Tasks that there may be, over all revisions. Default: 20.
        replans: How often it may plan anew, after tasks that failed or a no. Default: 2.
        corrections: How often in a row a plan that cannot be carried out is sent back. Default: 3.
        retries: Further attempts of a task that failed, of tasks alone that can change nothing. Default: 1.
        check: Judges the result of a task before anything builds on it, `check(task, result)`: `True` or `None`
            accept it; `False`, words or an error refuse it. Plain and quick. Default: the plan's own conditions alone.
        limits: Hard bounds on each execution, those of its tasks included. `steps` are its plans, questions and tasks.

    Raises:
        DeclarationError: Something in it cannot work; the message names the fix.
    """

    output: type[OutputT_co] = object  # pyright: ignore[reportAssignmentType] - any JSON
    limits: Limits = LIMITS
    agents: Sequence[Agent[object]] = ()
    approve: bool | Routed = False
    on_refusal: OnRefusal = "replan"
    parallel: int = 4
    tasks: int = 20
    replans: int = 2
    retries: int = 1
    check: TaskCheck | None = None
    team: Sequence[Agent[object]] = field(default=(), init=False)
    """The planning agent, `agents`, and for each tool one that makes its call."""
    function: Callable[..., Awaitable[object]] = field(default=carry_out, init=False, repr=False)
    takes: object = field(default=JsonValue, init=False, repr=False)
    shape: TypeAdapter[Any] | None = field(default=None, init=False, compare=False, repr=False)
    undo_on_cancel: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        _refuse_bad_terms(self)
        object.__setattr__(self, "limits", replace(self.limits, children=self.parallel))
        object.__setattr__(self, "team", (self._planning_agent(), *(doer.agent for doer in self.doers.values())))
        super().__post_init__()

    @cached_property
    def doers(self) -> Doers:
        """What its plans may use, by name."""
        agents = [Doer(name=agent.name, agent=agent) for agent in self.agents]
        tools = [Doer(name=it.name, agent=caller(self.name, it, self.limits), tool=it) for it in self.tools]
        return {doer.name: doer for doer in [*agents, *tools]}

    @cached_property
    def terms(self) -> Terms:
        """How its plans are made and carried out."""
        routed = self.approve if isinstance(self.approve, Mapping) else Routed()
        return Terms(
            name=self.name,
            planning=self.team[0],
            doers=self.doers,
            output=None if self.output is object else TypeAdapter[object](cast("type[object]", self.output)),
            asks=bool(self.approve) or isinstance(self.approve, Mapping),
            routing=declared(routed),
            replans_on_no=self.on_refusal == "replan",
            tasks=self.tasks,
            replans=self.replans,
            corrections=self.corrections,
            retries=self.retries,
            check=self.check,
        )

    def begin(self, flow: Flow, given: Json) -> Awaitable[object]:
        """Begin to plan, or go on with what was planned."""
        return carry_out(self.terms, cast("PlanStage", flow.stage), given)

    def partial(self, done: Mapping[str, Json], said: Sequence[Json]) -> Json:
        """The results of finished tasks, by id."""
        return finished(done, said) or None

    def _planning_agent(self) -> Agent[object]:
        output: dict[str, Json] = {} if self.output is object else TypeAdapter(self.output).json_schema()
        told = instructions(self.instructions, self.doers, parallel=self.parallel, tasks=self.tasks, output=output)
        return Agent[object](
            name=f"{self.name}-planning",
            models=self.models,
            instructions=told,
            description=f"Writes the plans of {self.name}.",
            output=Plan,
            limits=replace(self.limits, steps=2 * (self.corrections + 1), descendants=0, depth=0),
            version=self.version,
            max_output_tokens=self.max_output_tokens,
            corrections=self.corrections,
            on_failure=self.on_failure,
            on_rate_limit=self.on_rate_limit,
            learn_from_feedback=self.learn_from_feedback,
            context_window=self.context_window,
            prices=self.prices,
        )


def _refuse_bad_terms(planner: Planner[object]) -> None:
    who = f"planner {planner.name!r}"
    if not isinstance(cast("object", planner.limits), Limits):
        raise DeclarationError(f"{who}: limits={planner.limits!r}: write limits=Limits(steps=200, ...)")
    for name, least in (("parallel", 1), ("tasks", 1), ("replans", 0), ("retries", 0), ("corrections", 0)):
        value: object = getattr(planner, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise DeclarationError(f"{who}: {name}={value!r}: give a whole number, {least} or more")
    if planner.review is not None:
        raise DeclarationError(f"{who}: review= is for an agent's results: say approve=True to have plans agreed to")
    if planner.check is not None and not callable(cast("object", planner.check)):
        raise DeclarationError(f"{who}: check={planner.check!r}: give a function of a task and its result")
    _refuse_bad_doers(who, planner)
    _refuse_bad_approval(who, planner)


def _refuse_bad_doers(who: str, planner: Planner[object]) -> None:
    for agent in cast("Sequence[object]", planner.agents):
        if not isinstance(agent, Agent):
            raise DeclarationError(f"{who}: agents has {agent!r}: give agents, agents=[Agent(...)]")
    for tool in planner.tools:
        if not hasattr(tool, "schema_hash"):
            raise DeclarationError(f"{who}: {tool!r} is no tool: decorate it with @tool(...)")
    names = [*(agent.name for agent in planner.agents), *(tool.name for tool in planner.tools)]
    if double := next((name for name in names if names.count(name) > 1 or name == planner.name), None):
        raise DeclarationError(f"{who}: its plans could not tell apart what is named {double!r}: rename one")
    if not names:
        raise DeclarationError(f"{who} has nobody to plan for: give agents=[...] or tools=[...]")


def _refuse_bad_approval(who: str, planner: Planner[object]) -> None:
    if not isinstance(cast("object", planner.approve), bool | Mapping):
        raise DeclarationError(f"{who}: approve={planner.approve!r}: give True, or whom: {{'reviewers': 'lead'}}")
    if planner.on_refusal not in get_args(OnRefusal):
        raise DeclarationError(f"{who}: on_refusal={planner.on_refusal!r}: use 'replan' or 'end'")
    declared(planner.approve if isinstance(planner.approve, Mapping) else Routed())
