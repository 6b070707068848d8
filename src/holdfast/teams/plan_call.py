"""A task that is one tool call: an agent without a model makes it, so that everything holds that holds for calls."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from holdfast.agent import Agent
from holdfast.ports import Tool
from holdfast.types import Call, Conversation, Final, Json, Limits, Reply, Say


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
        limits=replace(limits, steps=4, tokens=1_000, cost_usd=None, children=0, descendants=0, depth=0),
        max_output_tokens=1,  # it says nothing; what a crash leaves reserved must not use up its limit
        corrections=0,
        learn_from_feedback=False,
    )


def _calls(tool: str) -> Callable[[Conversation], Reply]:
    def call_once(conversation: Conversation) -> Reply:
        if conversation.closing:
            return Say("The call was not made to its end.")
        if not conversation.calls:
            asked = cast("Mapping[str, Mapping[str, Json]]", conversation.input)
            return Call(tool, asked["arguments"])
        last = conversation.calls[-1]
        if last.status == "completed":
            return Final(last.result)
        return Call("cannot_complete", {"reason": f"{tool} was {last.status}: {last.result}"})

    return call_once
