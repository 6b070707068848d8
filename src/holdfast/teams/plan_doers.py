"""What a plan may use: agents and tools by name, what each is given, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaError, to_json

from holdfast.agent import Agent
from holdfast.errors import InvalidArguments, UsageError
from holdfast.ports import Tool
from holdfast.teams.plan import references, steps_of
from holdfast.teams.work import hints_of
from holdfast.teams.workflow import Workflow
from holdfast.tools.fallback import tools_behind
from holdfast.types import Json

_LONGEST: Final = 1_500
"""Characters of a schema that a planning agent is shown."""
_UNKNOWN: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, kw_only=True)
class Doer:
    """One agent or tool that a task may be given to."""

    name: str
    agent: Agent[object]
    """Who does it; of a tool an agent that makes the call and nothing else."""
    tool: Tool | None = None

    @cached_property
    def gives(self) -> Mapping[str, Any]:
        """JSON schema of its result; nothing where it is not known."""
        if self.tool is None:
            return _schema(self.agent.output)
        function: object = getattr(self.tool, "function", None)
        return _schema(hints_of(function).get("return")) if callable(function) else _UNKNOWN

    @property
    def takes(self) -> Mapping[str, Any]:
        """JSON schema of its input; nothing where any will do."""
        if self.tool is not None:
            return self.tool.parameters
        shape = self.agent.shape if isinstance(self.agent, Workflow) else None
        return _UNKNOWN if shape is None else _json_schema(shape)

    @property
    def changes_nothing(self) -> bool:
        """Whether doing it again cannot do harm: nothing that it can call changes anything."""
        if self.tool is not None:
            return all(tool.effect == "read" for tool in (self.tool, *tools_behind(self.tool)))
        return _reads_only(self.agent)

    def given(self, asked: Json) -> Json:
        """Its input as its agent takes it, checked.

        Raises:
            InvalidArguments: It does not fit.
        """
        if self.tool is not None:
            if not isinstance(asked, Mapping):
                raise InvalidArguments(f"the arguments of a tool are an object, not {type(asked).__name__}")
            return {"arguments": self.tool.validate(asked)}
        if isinstance(self.agent, Workflow):
            try:
                return self.agent.accept(asked)
            except UsageError as error:
                raise InvalidArguments(str(error)) from error
        if asked in (None, "", {}):
            raise InvalidArguments("it is given nothing: say in input what it is to do")
        return asked

    def misfit(self, asked: Json) -> str | None:
        """What is wrong with an input whose references are not put in yet; `None`: nothing that can be seen now."""
        open_at = {place[0] if place else None for place, _ in references(asked)}
        if None in open_at or (open_at and self.tool is None):
            return None  # known when the results are
        try:
            self.given(asked)
        except InvalidArguments as error:
            return _without(error, open_at)
        return None

    def told(self) -> str:
        """It in words for a planning agent."""
        about = (self.tool.description if self.tool else self.agent.description or self.agent.instructions).strip()
        takes, gives = _short(self.takes), _short(self.gives)
        given = (
            f"input: an object, {takes}" if self.takes else "input: the task in words, or an object with all it needs"
        )
        kind = f"tool, {self.tool.effect}" if self.tool else "agent"
        lines = [f"## {self.name} ({kind})", about.split("\n\n")[0], given]
        return "\n".join(line for line in [*lines, f"result: {gives}" if self.gives else ""] if line)


Doers: TypeAlias = Mapping[str, Doer]
"""What a plan may use, by name."""


def lacks(schema: Mapping[str, Any], path: str) -> str | None:
    """What a schema says against a path into its values; `None`: nothing that is known."""
    defs = cast("Mapping[str, Any]", schema.get("$defs", {}))
    found: Sequence[Mapping[str, Any]] = _ways(schema, defs)
    walked = "it"
    for step in steps_of(path):
        below = [part for one in found for part in _part(one, step)]
        if not below:
            fields = sorted({name for one in found for name in one.get("properties", {})})
            return f"{walked} has {', '.join(fields)}" if fields else f"{walked} has no parts"
        found = [way for part in below for way in _ways(part, defs)]
        walked = step
    return None


def _part(schema: Mapping[str, Any], step: str) -> list[Mapping[str, Any]]:
    """What may stand behind one step; an empty schema stands for what is not known."""
    match schema.get("type"):
        case "object":
            further = schema.get("additionalProperties", "properties" not in schema)
            if step in schema.get("properties", {}):
                return [schema["properties"][step]]
            return [further if isinstance(further, Mapping) else _UNKNOWN] if further else []
        case "array":
            return [_item(schema, int(step))] if step.isdecimal() else []
        case "string" | "number" | "integer" | "boolean" | "null":
            return []
        case _:
            return [_UNKNOWN]


def _item(schema: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    first: Sequence[Mapping[str, Any]] = schema.get("prefixItems", ())
    return first[number] if number < len(first) else schema.get("items", _UNKNOWN)


def _ways(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A schema with its references followed, each alternative for itself."""
    if "$ref" in schema:
        return _ways(defs.get(str(schema["$ref"]).rpartition("/")[2], _UNKNOWN), defs)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return [way for one in schema[key] for way in _ways(one, defs)]
    return [schema]


def _reads_only(agent: Agent[object]) -> bool:
    if isinstance(agent, Workflow):
        return False  # what its code does is not declared
    tools = [behind for tool in agent.tools for behind in (tool, *tools_behind(tool))]
    return (
        all(tool.effect == "read" for tool in tools) and not agent.handover and all(map(_reads_only, agent.specialists))
    )


def _without(error: InvalidArguments, open_at: set[str | int | None]) -> str | None:
    """What is left of a misfit when arguments that are not known yet are left out."""
    cause = error.__cause__
    if not open_at or not isinstance(cause, ValidationError):
        return None if open_at else str(error)
    left = [one for one in cause.errors(include_url=False) if not one["loc"] or one["loc"][0] not in open_at]
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in left) or None


def _schema(annotation: object) -> Mapping[str, Any]:
    if annotation in {None, Any, object}:
        return _UNKNOWN
    try:
        return _json_schema(TypeAdapter[object](cast("type[object]", annotation)))
    except (PydanticUserError, SchemaError, TypeError, ValueError, NameError):
        return _UNKNOWN


def _json_schema(adapter: "TypeAdapter[Any]") -> Mapping[str, Any]:
    try:
        return adapter.json_schema(mode="serialization")
    except PydanticUserError:
        return _UNKNOWN


def _short(schema: Mapping[str, Any]) -> str:
    shown = schema.get("properties", schema) if "$defs" not in schema else schema
    text = to_json(shown).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
