"""The conversation as the model library's messages, built step by step, and how large it can be at most."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from pydantic import ConfigDict, TypeAdapter
from pydantic_ai import messages as lib
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from holdfast.loop.output import OutputContract
from holdfast.loop.prompt import Newer
from holdfast.loop.reply import OUTPUT_TOOL
from holdfast.loop.transcript import Answered, Entry, Responded, Returned, Told
from holdfast.ports import Tool
from holdfast.types import CallStatus, Json

Outcome = Literal["success", "failed", "denied"]

OUTCOMES: Mapping[CallStatus, Outcome] = {"completed": "success", "denied": "denied"}
"""How the library names what came of a call; everything else is `failed`."""

_UNSENDABLE = re.compile("[^a-zA-Z0-9_-]")

# As the library's adapter for messages of all kinds: looking for the kind is a third of the cost.
_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_RESPONSES = TypeAdapter(list[lib.ModelResponse], config=_BYTES)
_PARTS: TypeAdapter[list[lib.ModelResponsePart]] = TypeAdapter(list[lib.ModelResponsePart], config=_BYTES)

NO_ANSWER = "(no answer)"
"""Stands for a message without text and calls: providers refuse an empty one in a history."""


class Messages:
    """The messages of one activation, kept so that a turn translates only what is new."""

    def __init__(self) -> None:
        self._messages: list[lib.ModelMessage] = []
        self._newer = Newer()
        self._live: tuple[Mapping[str, Json], lib.ModelResponse] | None = None

    def of(self, entries: Sequence[Entry]) -> list[lib.ModelMessage]:
        """The messages for a transcript. The list is this object's own: do not change it."""
        anew, new = self._newer.of(entries)
        if anew:
            self._messages = []
        for entry in new:
            self._add(entry)
        return self._messages

    def remember(self, data: Mapping[str, Json], response: lib.ModelResponse) -> None:
        """The newest response, so that its JSON need not be read back when it stands in the transcript."""
        self._live = data, response

    def _add(self, entry: Entry) -> None:
        match entry:
            case Responded(response):
                same = self._live is not None and self._live[0] is response
                self._messages.append(sendable(self._live[1] if self._live and same else load(response)))
            case Answered(text):
                self._messages.append(lib.ModelResponse(parts=[lib.TextPart(text)]))
            case Told(text):
                self._say(lib.UserPromptPart(text))
            case Returned():
                self._say(
                    lib.ToolReturnPart(
                        tool_name=sendable_name(entry.tool),
                        content=entry.content,
                        tool_call_id=entry.provider_call_id,
                        outcome=OUTCOMES.get(entry.status, "failed"),
                    )
                )

    def _say(self, part: lib.UserPromptPart | lib.ToolReturnPart) -> None:
        # One request holds everything between two responses: providers want the results of a message together,
        # and some refuse two user messages in a row.
        if self._messages and isinstance(last := self._messages[-1], lib.ModelRequest):
            last.parts = [*last.parts, part]
        else:
            self._messages.append(lib.ModelRequest(parts=[part]))


def sendable(response: lib.ModelResponse) -> lib.ModelResponse:
    """The response as it may stand in a history."""
    says = False
    for part in response.parts:
        if type(part) is lib.ToolCallPart:
            part.tool_name = sendable_name(part.tool_name)
            says = True
        elif isinstance(part, lib.TextPart):
            says = says or part.has_content()
    if says or response.tool_calls:
        return response
    kept = [part for part in response.parts if not isinstance(part, lib.TextPart)]
    response.parts = [*kept, lib.TextPart(NO_ANSWER)]
    return response


def sendable_name(tool: str) -> str:
    """The name of a tool that a model made up, as providers take it back in a history."""
    return _UNSENDABLE.sub("_", tool)[:64] or "unnamed"


def dump(response: lib.ModelResponse) -> Mapping[str, Json]:
    """A response as JSON, without what is at its default."""
    # The content of a provider's own tool may be null and has no default.
    native = any(isinstance(part, lib.NativeToolReturnPart) for part in response.parts)
    usage = plain_usage(response)
    apart = {"parts"} if usage is None else {"parts", "usage"}
    data = _RESPONSES.serializer.to_python([response], mode="json", exclude={0: apart}, exclude_none=not native)[0]
    # On the way through the response their type, a sequence, would make the library copy them in Python.
    data["parts"] = _PARTS.serializer.to_python(list(response.parts), mode="json", exclude_none=not native)
    data["usage"] = {key: value for key, value in (data["usage"] if usage is None else usage).items() if value}
    return cast("Mapping[str, Json]", data)


def plain_usage(response: lib.ModelResponse) -> Mapping[str, Json] | None:
    """The usage of a response where it is whole numbers and nothing else, which are their own JSON.

    For the library to write a usage takes longer than to write all the rest of a response.
    """
    counted = vars(response.usage)
    details = (response.usage.details or {}).values()
    numbers = all(type(value) is int for name, value in counted.items() if value and name != "details")
    return counted if numbers and all(type(value) is int for value in details) else None


def load(data: Mapping[str, Json]) -> lib.ModelResponse:
    """A recorded response, as the library wants it back."""
    return _RESPONSES.validate_python([data])[0]


def _built_in(name: str, description: str, **parameters: str) -> ToolDefinition:
    properties: dict[str, object] = {key: {"type": "string", "description": text} for key, text in parameters.items()}
    required = [key for key in parameters if key not in {"done", "open"}]
    schema: dict[str, object] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return ToolDefinition(name=name, description=description, parameters_json_schema=schema, strict=False)


BUILT_INS = (
    _built_in(
        "cannot_complete",
        "Stop and say so when the task cannot be completed: something is missing, forbidden or impossible.",
        reason="Why it cannot be completed.",
        done="What was done so far.",
        open="What is still open.",
    ),
    _built_in(
        "ask_person",
        "Ask a person a question that only a person can answer. The work waits until they do.",
        question="The question, with everything needed to answer it.",
    ),
)
"""Tools that every agent has."""


class Offer:
    """What an agent's models are offered besides the messages: instructions and tools. Made once for each tool."""

    def __init__(self, contract: OutputContract) -> None:
        self._contract = contract
        self._known: dict[str, ToolDefinition] = {}
        self._newest: tuple[tuple[str, Sequence[Tool], bool], ModelRequestParameters] | None = None

    def parameters(self, instructions: str, tools: Sequence[Tool], *, closing: bool) -> ModelRequestParameters:
        """The library's request parameters. Instructions and tools come first, so that providers can cache them."""
        asked = (instructions, tools, closing)
        if self._newest is None or self._newest[0] != asked:  # one turn after the other asks for the same
            self._newest = asked, self._make(instructions, tools, closing=closing)
        return self._newest[1]

    def _make(self, instructions: str, tools: Sequence[Tool], *, closing: bool) -> ModelRequestParameters:
        said = [lib.InstructionPart(content=instructions)] if instructions else []
        if closing:
            # Providers want the tools defined that the conversation has calls of, even if none may be called; the
            # same ones as before, so that the cached beginning still fits.
            same = [*self._definitions(tools), *self._output()] if tools else []
            return ModelRequestParameters(function_tools=same, instruction_parts=said)
        output = self._output()
        return ModelRequestParameters(
            function_tools=self._definitions(tools),
            output_tools=output,
            output_mode="tool" if output else "text",
            allow_text_output=not output,
            instruction_parts=said,
        )

    def _definitions(self, tools: Sequence[Tool]) -> list[ToolDefinition]:
        return [*map(self._definition, tools), *BUILT_INS]

    def _definition(self, tool: Tool) -> ToolDefinition:
        # One by one: there are as many shortlists of many tools as there are conversations.
        key = tool.name + tool.schema_hash
        if key not in self._known:
            self._known[key] = definition(tool)
        return self._known[key]

    def _output(self) -> list[ToolDefinition]:
        if not self._contract.structured:
            return []
        return [
            ToolDefinition(
                name=OUTPUT_TOOL,
                description=self._contract.description,
                parameters_json_schema=dict(self._contract.schema),
                outer_typed_dict_key=self._contract.wrapped_in,
                kind="output",
            )
        ]


def definition(tool: Tool) -> ToolDefinition:
    """A declared tool in the library's terms."""
    return ToolDefinition(
        name=tool.name, description=tool.description or None, parameters_json_schema=dict(tool.parameters)
    )
