"""A call as it would run: what gates and people judge, for the tool that was asked and for its fallback alike."""

from collections.abc import Mapping
from typing import cast

from holdfast.errors import InvalidArguments
from holdfast.loop.activation import Activation
from holdfast.loop.output import parse_arguments
from holdfast.loop.reply import RawCall
from holdfast.policy import approval as asking
from holdfast.policy import gate
from holdfast.ports import Tool
from holdfast.trail.codec import storable, stored
from holdfast.types import Decision, Json, Proposal


def propose(  # noqa: PLR0913 - which call it is, and what is known of it
    activation: Activation,
    tool: Tool,
    arguments: Mapping[str, Json],
    *,
    call_id: str,
    step: int,
    text: str | None = None,
) -> Proposal:
    """One call as it would run.

    Args:
        activation: Whose.
        tool: Which.
        arguments: Recorded.
        call_id: The call's.
        step: The call's.
        text: The arguments as canonical text, where it is known.

    Raises:
        InvalidArguments: The arguments do not fit the tool.
    """
    found = tool.validate(arguments)
    # What the tool left alone needs no second look.
    left_alone = found == arguments
    valid = dict(arguments) if left_alone else recorded(activation, found)
    # Only a review rule reads them as values, and what is left of a secret may be none that the tool takes.
    args = tool.typed(valid) if tool.review is not None or valid != found else None
    return Proposal(
        call_id=call_id,
        execution_id=activation.id,
        step=step,
        tool=tool.name,
        effect=tool.effect,
        arguments=valid,
        args=args,
        digest=asking.digest(tool.name, valid, text if left_alone else None),
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
    """Arguments as the journal will have them: what is judged, shown and run is what is recorded."""
    return dict(cast("Mapping[str, Json]", storable(arguments, activation.desk.redactor)))


def as_written(activation: Activation, raw: RawCall) -> tuple[dict[str, Json], str]:
    r"""The arguments of a recorded message as the journal will have them, and their canonical text.

    An escape in JSON (`\u0073k-...`) can hide a secret from the look at the whole message.

    Raises:
        InvalidArguments: They are no JSON object.
    """
    redactor = activation.desk.redactor if isinstance(raw.arguments, str) else None
    arguments, text = stored(parse_arguments(raw.arguments), redactor)
    return dict(cast("Mapping[str, Json]", arguments)), text
