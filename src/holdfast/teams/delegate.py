"""The calls by which a supervisor gives tasks to its specialists: one tool for each, that starts a child execution."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter

from holdfast.agent import Agent, Group
from holdfast.errors import DeclarationError
from holdfast.ports import Tool
from holdfast.teams.panel import Panel
from holdfast.teams.workflow import Workflow
from holdfast.tools.tool import tool
from holdfast.types import Json

PREFIX: Final = "delegate_to_"
_LONGEST: Final = 600
"""Characters of a schema that a supervisor is shown of a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """One specialist, or a panel of them, as its supervisor calls it."""

    tool: Tool
    """What the model sees; it is never run: its call is served by child executions."""
    members: Sequence[Agent[object]]
    """Who works on it, each as a child execution: one, or those of a panel."""
    panel: Panel[object] | None = None
    takes_over: bool = False
    """Whether it is given the whole conversation, and not a task."""

    @property
    def agent(self) -> Agent[object]:
        """The one who works on it, or the first."""
        return self.members[0]


def delegates(agent: Agent[object]) -> Mapping[str, Delegate]:
    """The specialists of an agent by the name of their tool."""
    return {PREFIX + member.name: _delegate(member) for member in agent.team}


def _delegate(member: Agent[object] | Group[object]) -> Delegate:
    if isinstance(member, Panel):
        tool = _task_tool(member.name, _words_of(member))
        return Delegate(tool=tool, members=tuple(member.members), panel=member)
    if isinstance(member, Group):
        name = member.name
        raise DeclarationError(f"team has {name!r}, a group that decides nothing: give Panel({name!r}, [...])")
    return Delegate(tool=_tool(member), members=(member,))


def task_of(member: Agent[object], arguments: Mapping[str, Json]) -> Json:
    """What a child execution is asked: the task alone, or with what was passed on; of a workflow its input."""
    if isinstance(member, Workflow):
        return member.accept(arguments.get("input"))
    context = arguments.get("context")
    return arguments["task"] if context is None else {"task": arguments["task"], "context": context}


def _tool(member: Agent[object]) -> Tool:
    if isinstance(member, Workflow):
        return _tool_for(member)
    return _task_tool(member.name, _words(member))


def _task_tool(name: str, words: str) -> Tool:
    async def delegate(task: str, context: JsonValue = None) -> None:
        """Never run.

        Args:
            task: What is to be done, complete in itself: the specialist sees nothing of this conversation.
            context: What the specialist has to know for it: facts, earlier results. Text or JSON.
        """

    # A child is found again by its call, so a delegation may be repeated as a read may.
    return tool(delegate, effect="read", name=PREFIX + name, description=words, on_change="continue")


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


def about(member: Agent[object] | Group[object]) -> str:
    """What a model is told that an agent does, as a sentence behind another one; empty where nothing is known."""
    instructions = member.instructions if isinstance(member, Agent) else ""
    said = (getattr(member, "description", "") or instructions).strip().split("\n\n")[0]
    return f" It does this: {said}" if said else ""


def _words_of(group: Group[object]) -> str:
    names = ", ".join(member.name for member in group.members)
    return (
        f"Give a task to the panel {group.name!r}: {names}, each on its own, side by side, seeing only the task and"
        f" context.{about(group)} What comes back: the result that counts ({_returns(group.members[0])}), how it was"
        " decided (outcome, reason), and what each of them said, with status, cost and confidence. Where the result is"
        " null, they contradict each other and you decide."
    )


def _returns(member: Agent[object]) -> str:
    return "text" if member.output is str else _shape(member)


def _words(member: Agent[object]) -> str:
    said, returns = about(member), _returns(member)
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
