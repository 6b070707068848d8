"""An agent as people read its declaration: models, tools with their rules, limits. Pure."""

import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from holdfast.agent import Agent, Model
from holdfast.doors.http.console.figures import duration
from holdfast.doors.screen import shorten
from holdfast.policy.rules import AskAbove, AskAlways, AskByScore, AskIfAny, AskWhen, NeverAsk
from holdfast.ports import LanguageModel, ReviewRule, Rule, Tool
from holdfast.router import in_force
from holdfast.types import Cached, Controls, Default, Effect, Limits, Routing, Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A model of the fallback chain."""

    name: str
    is_rule: bool
    switch: Switch | None
    """What stops it, if something does."""
    tripped: bool
    """Whether its breaker is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolView:
    """A tool."""

    name: str
    description: str
    effect: Effect
    review: str
    """When a person is asked, in words."""
    notes: Sequence[str]
    """Timeout, retries, probe, fallback."""
    switch: Switch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """All of it."""

    version: str
    instructions: str
    chain: Sequence[Rung]
    tools: Sequence[ToolView]
    shown: str
    """Of many tools, how many a model is shown at first; empty: all."""
    limits: Sequence[tuple[str, str]]
    output: str
    review: str
    """Of results."""


def declared(agent: Agent[object], controls: Controls) -> Declared:
    """What the author wrote, with what operators have stopped of it."""
    stopped: dict[tuple[str, str], Switch] = {(one.kind, one.name): one for one in controls.switches}
    tripped: set[tuple[str, str]] = {(one.kind, one.name) for one in controls.breakers if one.status == "open"}
    chain = [_rung(model_name(one), stopped, tripped) for one in agent.models]
    router = in_force(agent.router, len(agent.tools), rules=all(rung.is_rule for rung in chain))
    return Declared(
        version=agent.version,
        instructions=agent.instructions,
        chain=chain,
        tools=[tool_view(one, stopped.get(("tool", one.name))) for one in agent.tools],
        shown=f"{router.most} of {len(agent.tools)} are shown at first" if router else "",
        limits=limits_in_words(agent.limits),
        output=getattr(agent.output, "__name__", str(agent.output)),
        review=rule_in_words(agent.review) if agent.review else "nobody is asked about results",
    )


def model_name(given: "str | LanguageModel | Model | Rule") -> tuple[str, bool]:
    """What a rung is called, and whether it is a rule."""
    match given:
        case str():
            return given, False
        case Model():
            return model_name(given.model)
        case _ if isinstance(name := getattr(given, "model_name", None), str):
            return f"{getattr(given, 'system', 'model')}:{name}", False
        case _:
            return f"rules:{getattr(given, '__name__', type(given).__name__)}", True


def tool_view(tool: Tool, switch: Switch | None) -> ToolView:
    """A tool with its rule and what happens when it fails, in words."""
    return ToolView(
        name=tool.name,
        description=shorten(tool.description, 160),
        effect=tool.effect,
        review=rule_in_words(tool.review) if tool.review else _undeclared(tool),
        notes=_notes(tool),
        switch=switch,
    )


def rule_in_words(rule: ReviewRule) -> str:  # noqa: PLR0911 - one for each rule there is
    """When a rule asks a person, as far as it says."""
    match cast("object", rule):
        case NeverAsk():
            return "nobody is asked"
        case AskAlways(reason=reason, routing=routing):
            return f"asks each time{_because(reason)}{_of(routing)}"
        case AskAbove(amount=amount, of=of, routing=routing):
            return f"asks when {of} is above {amount:f}{_of(routing)}"
        case AskByScore(about=about, threshold=threshold, routing=routing):
            side = "below" if about == "confidence" else "above"
            return f"asks when {about} is {side} {threshold:g}{_of(routing)}"
        case AskWhen(reason=reason, routing=routing):
            return f"asks when its condition holds{_because(reason)}{_of(routing)}"
        case AskIfAny(rules=rules):
            return "; or ".join(rule_in_words(one) for one in rules)
        case _:
            name = str(getattr(rule, "__name__", type(rule).__name__))
            said = (inspect.getdoc(rule) or "").partition("\n")[0]
            return "asks each time" if name == "ask_always" else _named(name, said)


def limits_in_words(limits: Limits) -> Sequence[tuple[str, str]]:
    """Labels and values, those that are set."""
    listed = [
        ("Steps", f"{limits.steps:,}"),
        ("Tokens", f"{limits.tokens:,}"),
        ("Cost", f"${Decimal(str(limits.cost_usd)):f}" if limits.cost_usd is not None else "no bound"),
        ("Tool calls", f"{limits.tool_calls:,}" if limits.tool_calls is not None else "no bound"),
        ("One step", duration(limits.step_timeout_s)),
        ("All of it", duration(limits.total_timeout_s)),
        ("The same call", f"{limits.repeats} times"),
        ("Tool failures", f"{limits.tool_failures}" if limits.tool_failures is not None else "no bound"),
    ]
    return [(name, value) for name, value in listed if value != "no bound" or name == "Cost"]


def _rung(
    named: tuple[str, bool], stopped: Mapping[tuple[str, str], Switch], tripped: Collection[tuple[str, str]]
) -> Rung:
    name, is_rule = named
    return Rung(name=name, is_rule=is_rule, switch=stopped.get(("model", name)), tripped=("model", name) in tripped)


def _undeclared(tool: Tool) -> str:
    return "asks each time, as no rule is declared" if tool.effect == "irreversible" else "nobody is asked"


def _named(name: str, said: str) -> str:
    return "nobody is asked" if name == "never_ask" else f"{name}: {said}" if said else f"asks as {name} says"


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _of(routing: Routing | None) -> str:
    if routing is None:
        return ""
    people = f", {routing.quorum} people" if routing.quorum > 1 else ""
    return f"{people} of {routing.reviewers}" if routing.reviewers else people


def _notes(tool: Tool) -> Sequence[str]:
    notes = [f"{duration(tool.timeout_s)} an attempt"] if tool.timeout_s is not None else []
    if tool.retries:
        notes.append(f"{tool.retries} more attempts")
    if tool.has_probe:
        notes.append("has a probe")
    match tool.fallback:
        case None:
            pass
        case Cached(max_age_s=age_s):
            notes.append(f"falls back to a result of the last {duration(age_s)}")
        case Default():
            notes.append("falls back to a fixed value")
        case other:
            notes.append(f"falls back to {other.name}")
    return notes
