"""A person's edit of a call's arguments: checked before it is recorded, bound to what it says."""

from collections.abc import Mapping
from typing import cast

from holdfast.agent import Agent
from holdfast.errors import InvalidArguments, JournalBroken
from holdfast.loop.output import OutputContract
from holdfast.policy.approval import RESULT, digest
from holdfast.trail.codec import storable
from holdfast.trail.redact import Redactor
from holdfast.types import Approval, Json


def checked_edit(
    agents: Mapping[str, Agent[object]], approval: Approval, edit: Json, *, redactor: Redactor
) -> tuple[Json, str | None]:
    """The edit as it will be recorded, validated where this process knows the tool, and the digest it is bound by.

    An edit that nobody could check here is checked when it is used; if it does not fit, people are asked again.

    Raises:
        InvalidArguments: It is no JSON object, or does not fit the tool or the output type.
        JournalBroken: What people are shown is not what they are asked about: somebody changed a row.
    """
    if approval.kind == "result":
        return _checked_result(agents.get(approval.agent_type), approval, edit, redactor=redactor)
    if approval.kind != "call" or approval.tool_name is None:
        return edit, None
    _refuse_altered(approval, approval.tool_name)
    if edit is None:
        return None, None
    if not isinstance(edit, Mapping):
        raise InvalidArguments('edited arguments are a JSON object, e.g. {"amount": "40.00"}')
    agent = agents.get(approval.agent_type)
    tool = next((tool for tool in agent.tools if tool.name == approval.tool_name), None) if agent else None
    try:
        clean = cast("Mapping[str, Json]", storable(edit, redactor))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArguments(f"edited arguments are JSON: {error}") from error
    arguments = cast("dict[str, Json]", storable(dict(tool.validate(clean)) if tool else dict(clean), redactor))
    return arguments, digest(approval.tool_name, arguments)


def _checked_result(
    agent: Agent[object] | None, approval: Approval, edit: Json, *, redactor: Redactor
) -> tuple[Json, str | None]:
    if digest(RESULT, approval.arguments) != approval.digest:
        raise JournalBroken(
            f"approval {approval.id}: its result is not the one that was asked about, so somebody changed the row;"
            " reject it, and run `holdfast verify-audit`"
        )
    if edit is None:
        return None, None
    try:
        result = storable(edit, redactor)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArguments(f"a corrected result is JSON: {error}") from error
    if agent:
        result = storable(OutputContract(agent.output).validate(result), redactor)
    return result, digest(RESULT, result)


def _refuse_altered(approval: Approval, tool: str) -> None:
    shown = approval.arguments
    if not isinstance(shown, Mapping) or digest(tool, shown) != approval.digest:
        raise JournalBroken(
            f"approval {approval.id}: its arguments are not the ones that were asked about, so somebody changed the"
            " row; reject it, and run `holdfast verify-audit`"
        )
