"""The calls by which a supervisor gives tasks to its specialists: one tool for each, that starts a child execution."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter

from holdfast.agent import Agent
from holdfast.ports import Tool
from holdfast.teams.workflow import Workflow
from holdfast.tools.tool import tool
from holdfast.types import Json

PREFIX: Final = "delegate_to_"
_LONGEST: Final = 600
"""Characters of a schema that a supervisor is shown of a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """One specialist as its supervisor calls it."""

    tool: Tool
    """What the model sees; it is never run: its call is served by a child execution."""
    agent: Agent[object]


def delegates(agent: Agent[object]) -> Mapping[str, Delegate]:
    """The specialists of an agent by the name of their tool."""
    return {PREFIX + member.name: Delegate(tool=_tool(member), agent=member) for member in agent.team}


def task_of(member: Agent[object], arguments: Mapping[str, Json]) -> Json:
    """What a child execution is asked: the task alone, or with what was passed on; of a workflow its input."""
    if isinstance(member, Workflow):
        return member.accept(arguments.get("input"))
    context = arguments.get("context")
    return arguments["task"] if context is None else {"task": arguments["task"], "context": context}


def _tool(member: Agent[object]) -> Tool:
    if isinstance(member, Workflow):
        return _tool_for(member)

    async def delegate(task: str, context: JsonValue = None) -> None:
        """Never run.

        Args:
            task: What is to be done, complete in itself: the specialist sees nothing of this conversation.
            context: What the specialist has to know for it: facts, earlier results. Text or JSON.
        """

    # A child is found again by its call, so a delegation may be repeated as a read may.
    return tool(delegate, effect="read", name=PREFIX + member.name, description=_words(member), on_change="continue")


def _tool_for(member: Workflow[object]) -> Tool:
    name, words = PREFIX + member.name, _words(member)
    return tool(_stand_in(member.takes), effect="read", name=name, description=words, on_change="continue")


def _stand_in(takes: object) -> Callable[..., object]:
    """A function with a workflow's input as its only parameter."""

    async def delegate(input: object) -> None:  # noqa: A002 - what the model gives
        """Never run."""

    async def begin() -> None:
        """Never run."""

    delegate.__annotations__["input"] = takes
    return delegate if takes is not None else begin


def _words(member: Agent[object]) -> str:
    about = (member.description or member.instructions).strip().split("\n\n")[0]
    returns = "text" if member.output is str else _shape(member)
    said = f" It does this: {about}" if about else ""
    sees = "what you give it" if isinstance(member, Workflow) else "the task and context"
    return (
        f"Give a task to the specialist {member.name!r}.{said} It works on its own and sees only {sees}."
        f" Ask several at once by calling them in one message. What comes back: status, result ({returns}), its cost,"
        " and the reason where it failed."
    )


def _shape(member: Agent[object]) -> str:
    schema: dict[str, Any] = TypeAdapter(member.output).json_schema()
    fields = ", ".join(schema.get("properties", {}))
    return f"an object with {fields}"[:_LONGEST] if fields else str(schema.get("type", "JSON"))
