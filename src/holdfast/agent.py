"""An agent: a declaration of who works, with which models and tools, within which limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from math import isfinite
from types import UnionType
from typing import Generic, TypeGuard, Union, cast, get_args, get_origin

from typing_extensions import TypeVar

from holdfast.errors import DeclarationError
from holdfast.ports import LanguageModel, ReviewRule, Rule, Tool
from holdfast.router import ToolRouter, refuse_router
from holdfast.types import Limits, OnFailure, OnRateLimit, Price

OutputT_co = TypeVar("OutputT_co", default=str, covariant=True)

RESERVED_TOOLS = frozenset({"final_result", "cannot_complete", "ask_person"})
"""Names of the tools that Holdfast itself gives to every agent."""
_LONGEST_CHAIN = 3
"""Fallbacks behind a tool; a tool with more is refused where it is declared."""


@dataclass(frozen=True, slots=True)
class Model:
    """A rung of a fallback chain that is asked in its own way.

    Args:
        model: `"provider:model"`, or a model instance of pydantic-ai.
        request_timeout_s: Seconds for one attempt. Default: the agent's `limits.step_timeout_s`.
        first_token_timeout_s: Seconds until the first piece of the answer; the answer is streamed for it. Default:
            only the whole attempt is bounded.
        max_output_tokens: Asked of this model for one response. Default: the agent's.
        count_input: Ask the provider how many tokens a request has before room is reserved for it, where it has such
            a service: one more request a turn, and a tighter reservation. Default: the proved upper bound alone.

    Raises:
        DeclarationError: A value cannot work; the message names the fix.
    """

    model: str | LanguageModel
    request_timeout_s: float | None = field(default=None, kw_only=True)
    first_token_timeout_s: float | None = field(default=None, kw_only=True)
    max_output_tokens: int | None = field(default=None, kw_only=True)
    count_input: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        given = cast("object", self.model)
        if not isinstance(given, str) and not hasattr(given, "model_name"):
            raise DeclarationError(f"Model({given!r}): give 'provider:model' or a model of pydantic-ai")
        for name in ("request_timeout_s", "first_token_timeout_s"):
            value: object = getattr(self, name)
            if value is not None and (not _is_number(value) or value <= 0):
                raise DeclarationError(f"Model({given!r}): {name}={value!r}: give seconds, more than 0")
        asked = cast("object", self.max_output_tokens)
        if asked is not None and (isinstance(asked, bool) or not isinstance(asked, int) or asked < 1):
            raise DeclarationError(f"Model({given!r}): max_output_tokens={asked!r}: give a whole number, 1 or more")


def _is_number(value: object) -> TypeGuard[float]:
    return not isinstance(value, bool) and isinstance(value, int | float) and isfinite(value)


@dataclass(frozen=True, kw_only=True)
class Agent(Generic[OutputT_co]):
    """A named worker: models, instructions, tools, output type and limits.

    Declaring one runs nothing and may be done at import time.

    Args:
        name: Unique in an `App`: letters, digits, `_` and `-`.
        models: The fallback chain, first choice first: `"provider:model"` strings, model instances of
            pydantic-ai, either with settings of its own (`Model`), and rule functions (`Conversation -> Reply`).
        instructions: What the agent is told before everything else.
        tools: Functions decorated with `holdfast.tool`. Default: none.
        router: Which of its tools a model is shown, and how it asks for more. Default: with more than 30 tools,
            `ToolRouter()`; with fewer all are shown.
        team: Specialists that this agent may give tasks to: each delegation is an execution of its own, within what
            this one has left. A `Panel` is asked as one. Default: none.
        handover: Agents, or their names where two hand over to each other, that may be given the whole conversation;
            they end with a result of this agent's `output`. Default: none.
        description: What a supervisor is told that this agent does. Default: its instructions' first paragraph.
        output: A type that pydantic can validate, for a structured result. Default: `str`, plain text.
        limits: Hard bounds on each execution.
        version: Recorded with each execution. Default: `"1"`.
        pinned: Whether each execution stays with the version that it was started with: only workers that have exactly
            that one take it up, until somebody unpins it. Default: any version goes on with it.
        deps: Anything; tools find it as `ctx.deps`.
        max_output_tokens: Asked of the model for one response. Default: 4,096.
        corrections: How many malformed, empty or truncated answers in a row are sent back to the model
            before giving up. Default: 3.
        on_failure: `"review"` asks a person before an execution ends failed for a reason the agent
            cannot help (malformed output, a loop, no model, a step's timeout, `CANNOT_COMPLETE`).
            Default: `"fail"`.
        on_rate_limit: `"wait"` parks an execution until a provider that had too many requests takes some again;
            `"next"` asks the next model of the chain. Default: `"wait"`.
        review: A review rule for final results, such as `ask_below_confidence(0.7)`: whether a person looks at a
            result before the execution completes with it. Default: nobody does.
        learn_from_feedback: Tell the model at the start what people corrected in the most similar earlier
            executions of this agent. Default: `True`.
        context_window: Tokens a request may have, where the model library does not know the model.
        prices: By `provider:model` or model, where the price list does not know the model or is not to be believed.
            They win over those of the configuration.

    Raises:
        DeclarationError: Something in it cannot work; the message names the fix.
    """

    name: str
    models: Sequence[str | LanguageModel | Model | Rule]
    instructions: str = ""
    tools: Sequence[Tool] = ()
    router: ToolRouter | None = None
    team: "Sequence[Agent[object] | Group[object]]" = ()
    handover: "Sequence[Agent[object] | str]" = ()
    description: str = ""
    output: type[OutputT_co] = str  # pyright: ignore[reportAssignmentType] - the TypeVar's default
    limits: Limits = field(default_factory=Limits)
    version: str = "1"
    pinned: bool = False
    deps: object = None
    max_output_tokens: int = 4_096
    corrections: int = 3
    on_failure: OnFailure = "fail"
    on_rate_limit: OnRateLimit = "wait"
    review: ReviewRule | None = None
    learn_from_feedback: bool = True
    context_window: int | None = None
    prices: dict[str, Price] = field(default_factory=dict[str, Price])

    def __post_init__(self) -> None:
        named = isinstance(cast("object", self.name), str) and self.name.replace("_", "").replace("-", "").isalnum()
        if not named:
            raise DeclarationError(f"agent name {self.name!r}: use letters, digits, '_' and '-', e.g. name='support'")
        if not self.models:
            raise DeclarationError(f"agent {self.name!r} has no model: give models=['openai:...'] or a rule function")
        if isinstance(self.models, str):
            raise DeclarationError(f"agent {self.name!r}: models is a list: models=[{self.models!r}]")
        _refuse_bad_values(self)
        _refuse_bad_prices(self)
        for tool in self.tools:
            if not hasattr(tool, "schema_hash"):
                raise DeclarationError(f"agent {self.name!r}: {tool!r} is no tool: decorate it with @tool(...)")
        _refuse_bad_team(self)
        _refuse_bad_handover(self)
        _refuse_name_clashes(self.name, [*(tool.name for tool in self.tools), *_delegations(self)])
        _refuse_clashing_fallbacks(self.name, self.tools)
        refuse_router(self.name, self.router, [tool.name for tool in self.tools])

    @property
    def specialists(self) -> "Sequence[Agent[object]]":
        """The agents of its team, those of groups included."""
        return [one for member in self.team for one in (member.members if isinstance(member, Group) else (member,))]


@dataclass(frozen=True)
class Group(Generic[OutputT_co]):
    """Agents that a supervisor asks as one; `Panel` is one."""

    name: str
    members: Sequence[Agent[OutputT_co]]


def refuse_misfit(agent: Agent[object], to: Agent[object]) -> None:
    """Refuse that an agent hands over to another one, which ends with something else.

    Raises:
        DeclarationError: The message names both types.
    """
    if not _fits(to.output, agent.output):
        ours, theirs = (getattr(kind, "__name__", str(kind)) for kind in (agent.output, to.output))
        raise DeclarationError(
            f"agent {agent.name!r} ends with {ours}, and {to.name!r}, to which it hands over, with {theirs}:"
            f" declare output={ours} for both"
        )


def _fits(given: object, wanted: object) -> bool:
    """Whether a result of one type is one of the other."""
    if given == wanted or wanted is object:
        return True
    if get_origin(wanted) in {Union, UnionType}:
        each = get_args(given) if get_origin(given) in {Union, UnionType} else (given,)
        return all(any(_fits(part, one) for one in get_args(wanted)) for part in each)
    return isinstance(given, type) and isinstance(wanted, type) and issubclass(given, wanted)


def _delegations(agent: Agent[object]) -> Sequence[str]:
    taken_over = [one if isinstance(one, str) else one.name for one in agent.handover]
    return [*(f"delegate_to_{member.name}" for member in agent.team), *(f"transfer_to_{name}" for name in taken_over)]


def _refuse_bad_team(agent: Agent[object]) -> None:
    for member in cast("Sequence[object]", agent.team):
        if not isinstance(member, Agent | Group):
            raise DeclarationError(f"agent {agent.name!r}: team has {member!r}: give agents, team=[Agent(...)]")
    if any(member.name == agent.name for member in [*agent.team, *agent.specialists]):
        raise DeclarationError(f"agent {agent.name!r} has a specialist of its own name: rename one")
    for group in agent.team:
        least = min(agent.limits.children, agent.limits.descendants)
        if isinstance(group, Group) and len(group.members) > least:
            raise DeclarationError(
                f"agent {agent.name!r}: {group.name!r} has {len(group.members)} members, who start together: give"
                f" limits.children and limits.descendants as many or more"
            )


def _refuse_bad_handover(agent: Agent[object]) -> None:
    if isinstance(cast("object", agent.handover), str | Agent):
        raise DeclarationError(f"agent {agent.name!r}: handover={agent.handover!r}: give a list, handover=[...]")
    for to in agent.handover:
        if not isinstance(cast("object", to), Agent | str):
            raise DeclarationError(f"agent {agent.name!r}: handover has {to!r}: give agents, or names of agents")
        if isinstance(to, Agent):
            refuse_misfit(agent, to)
        if agent.name == (to if isinstance(to, str) else to.name):
            raise DeclarationError(f"agent {agent.name!r} hands over to its own name: leave it out, or rename one")


def _refuse_bad_values(agent: Agent[object]) -> None:
    # A wrong value would show only when an execution runs, and then each time.
    limits = cast("object", agent.limits)
    if not isinstance(limits, Limits):
        raise DeclarationError(f"agent {agent.name!r}: limits={limits!r}: write limits=Limits(steps=25, ...)")
    if not isinstance(cast("object", agent.instructions), str):
        raise DeclarationError(f"agent {agent.name!r}: instructions={agent.instructions!r}: give text")
    if not isinstance(cast("object", agent.version), str) or not agent.version:
        raise DeclarationError(f"agent {agent.name!r}: version={agent.version!r}: give text, e.g. version='2'")
    if not isinstance(cast("object", agent.pinned), bool):
        raise DeclarationError(f"agent {agent.name!r}: pinned={agent.pinned!r}: use True or False")
    if agent.on_failure not in get_args(OnFailure):
        raise DeclarationError(f"agent {agent.name!r}: on_failure={agent.on_failure!r}: use 'fail' or 'review'")
    if agent.on_rate_limit not in get_args(OnRateLimit):
        raise DeclarationError(f"agent {agent.name!r}: on_rate_limit={agent.on_rate_limit!r}: use 'wait' or 'next'")
    if agent.review is not None and not callable(cast("object", agent.review)):
        raise DeclarationError(f"agent {agent.name!r}: review={agent.review!r}: give a rule, e.g. ask_always")
    counts = {
        "steps": limits.steps,
        "tokens": limits.tokens,
        "tool_calls": limits.tool_calls,
        "repeats": limits.repeats,
        "children": limits.children,
        "descendants": limits.descendants,
        "depth": limits.depth,
    }
    amounts = {
        "cost_usd": limits.cost_usd,
        "step_timeout_s": limits.step_timeout_s,
        "total_timeout_s": limits.total_timeout_s,
    }
    for name, value in counts.items():
        _refuse_bad_number(agent.name, f"limits.{name}", value, whole=True, least=0)
    _refuse_bad_number(agent.name, "limits.tool_failures", limits.tool_failures, whole=True, least=1)
    for name, value in amounts.items():
        _refuse_bad_number(agent.name, f"limits.{name}", value, whole=False, least=0)
    _refuse_bad_number(agent.name, "max_output_tokens", agent.max_output_tokens, whole=True, least=1)
    _refuse_bad_number(agent.name, "corrections", agent.corrections, whole=True, least=0)
    _refuse_bad_number(agent.name, "context_window", agent.context_window, whole=True, least=1)


def _refuse_bad_number(agent: str, name: str, value: object, *, whole: bool, least: int) -> None:
    if value is None and name in {"limits.cost_usd", "limits.tool_calls", "limits.tool_failures", "context_window"}:
        return
    kinds = int if whole else int | float | Decimal
    if isinstance(value, bool) or not isinstance(value, kinds) or not isfinite(value) or value < least:
        kind = "a whole number" if whole else "a number"
        raise DeclarationError(f"agent {agent!r}: {name}={value!r}: give {kind}, {least} or more")


def _refuse_bad_prices(agent: Agent[object]) -> None:
    for model, price in agent.prices.items():
        if not isinstance(cast("object", price), Price):
            raise DeclarationError(f"agent {agent.name!r}: prices[{model!r}]={price!r}: give a Price(...)")
        for given in fields(price):
            value: object = getattr(price, given.name)
            if value is not None or given.default is not None:
                _refuse_bad_number(agent.name, f"prices[{model!r}].{given.name}", value, whole=False, least=0)


def _refuse_name_clashes(agent: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"agent {agent!r} has two tools named {name!r}: rename one with name=")
        if name in RESERVED_TOOLS:
            raise DeclarationError(
                f"agent {agent!r}: {name!r} is a tool that Holdfast gives to every agent; rename yours"
            )


def _refuse_clashing_fallbacks(agent: str, tools: Sequence[Tool]) -> None:
    known = {tool.name: tool for tool in tools}
    for tool in tools:
        behind: object = getattr(tool, "fallback", None)
        for _ in range(_LONGEST_CHAIN):
            if not hasattr(behind, "schema_hash"):
                break
            other = cast("Tool", behind)
            if known.setdefault(other.name, other).schema_hash != other.schema_hash:
                raise DeclarationError(
                    f"agent {agent!r} has two tools named {other.name!r}, one of them a fallback: rename one with name="
                )
            behind = getattr(other, "fallback", None)
