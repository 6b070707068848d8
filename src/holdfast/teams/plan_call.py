"""A task that is one tool call: an agent without a model makes it, so that everything holds that holds for calls."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final, cast

from holdfast.agent import Agent
from holdfast.ports import Tool
from holdfast.types import Call, Conversation, Json, Limits, Reply, Say
from holdfast.types import Final as Result

_HELD_USD: Final = Decimal("0.001")


def caller(planner: str, tool: Tool, limits: Limits) -> Agent[object]:
    """The agent that makes one call of a tool and gives back its result.

    Effect, gates, review rules, approvals, idempotency key, probe, fallback and breaker are those of any call.
    """
    return Agent[object](
        name=f"{planner}-{tool.name}",
        models=[_calls(tool.name)],
        description=f"Makes one call of {tool.name} for a plan of {planner}.",
        tools=[tool],
        output=object,
        # It costs nothing itself: what is held for it, while people are asked for days, must not keep others waiting.
        limits=replace(limits, steps=4, tokens=1_000, cost_usd=_some(limits), children=0, descendants=0, depth=0),
        corrections=0,
        learn_from_feedback=False,
    )


def _some(limits: Limits) -> Decimal | None:
    return None if limits.cost_usd is None else min(Decimal(str(limits.cost_usd)), _HELD_USD)


def _calls(tool: str) -> Callable[[Conversation], Reply]:
    def call_once(conversation: Conversation) -> Reply:
        if conversation.closing:
            return Say("The call was not made to its end.")
        if not conversation.calls:
            asked = cast("Mapping[str, Mapping[str, Json]]", conversation.input)
            return Call(tool, asked["arguments"])
        last = conversation.calls[-1]
        if last.status == "completed":
            return Result(last.result)
        return Call("cannot_complete", {"reason": f"{tool} was {last.status}: {last.result}"})

    return call_once
