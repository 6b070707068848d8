"""A call as it would run: what gates and people judge, for the tool that was asked and for its fallback alike."""

from collections.abc import Mapping
from typing import cast

from holdfast.errors import InvalidArguments
from holdfast.loop.activation import Activation
from holdfast.policy import approval as asking
from holdfast.policy import gate
from holdfast.ports import Tool
from holdfast.trail.codec import storable
from holdfast.types import Decision, Json, Proposal


def propose(activation: Activation, tool: Tool, arguments: Mapping[str, Json], *, call_id: str, step: int) -> Proposal:
    """One call as it would run, from recorded arguments.

    Raises:
        InvalidArguments: The arguments do not fit the tool.
    """
    valid = tool.validate(arguments)
    # What the tool left alone needs no second look.
    valid = dict(arguments) if valid == arguments else recorded(activation, valid)
    return Proposal(
        call_id=call_id,
        execution_id=activation.id,
        step=step,
        tool=tool.name,
        effect=tool.effect,
        arguments=valid,
        args=tool.typed(valid),
        digest=asking.digest(tool.name, valid),
        schema_hash=tool.schema_hash,
        agent=activation.cast.agent.name,
        user=activation.history.user,
    )


def rewritten(activation: Activation, tool: Tool, proposal: Proposal, decision: Decision) -> tuple[Proposal, Decision]:
    """The call with the arguments that its rule put in their place; where they do not fit, a person is asked."""
    if decision.verdict != "rewrite":
        return proposal, decision
    arguments = recorded(activation, decision.rewritten or {})
    try:
        return propose(activation, tool, arguments, call_id=proposal.call_id, step=proposal.step), decision
    except InvalidArguments as error:
        return proposal, gate.misfit(error)


def recorded(activation: Activation, arguments: Mapping[str, Json]) -> dict[str, Json]:
    r"""Arguments as the journal will have them: what is judged, shown and run is what is recorded.

    An escape in JSON (`\u0073k-...`) can hide a secret from the look at the whole message.
    """
    return dict(cast("Mapping[str, Json]", storable(arguments, activation.desk.redactor)))
