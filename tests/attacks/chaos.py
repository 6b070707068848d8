"""A model that obeys nothing, and the check of what it is sent: each request must be valid for every provider."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic_ai import messages as lib
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from holdfast.testing import ScriptedModel
from holdfast.testing.script import Step
from holdfast.types import Price

PRICE = Price(input_usd_per_mtok=Decimal(3), output_usd_per_mtok=Decimal(15))

ID_STYLES = ("own", "same", "again", "empty")
"""How a provider may name calls: well; all alike; alike in every turn; not at all."""


@dataclass
class Meter:
    """What the last reservation allows, as the journal was told."""

    input_tokens: int = 0


class Chaos(ScriptedModel):
    """Follows its script, names calls as badly as it is told, reports as many tokens as were reserved."""

    def __init__(self, steps: Sequence[Step], *, ids: str = "own", edge: bool = False, meter: Meter | None = None,
                 **options: object) -> None:  # fmt: skip
        super().__init__(steps, **options)
        self.ids, self.edge, self.meter = ids, edge, meter or Meter()
        self.faults: list[str] = []

    async def request(
        self,
        messages: list[lib.ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> lib.ModelResponse:
        self.faults += faults(messages)
        response = await super().request(messages, model_settings, model_request_parameters)
        for index, call in enumerate(response.tool_calls):
            call.tool_call_id = {
                "own": call.tool_call_id, "same": "call", "again": f"call-{index}", "empty": "",
            }[self.ids]  # fmt: skip
        if self.edge and model_settings:
            response.usage = RequestUsage(
                input_tokens=self.meter.input_tokens, output_tokens=model_settings.get("max_tokens") or 0
            )
        return response


def faults(messages: Sequence[lib.ModelMessage]) -> list[str]:
    """What OpenAI or Anthropic would refuse in these messages."""
    found = list[str]()
    if not isinstance(messages[0], lib.ModelRequest):
        found.append("the first message is the model's")
    if not isinstance(messages[-1], lib.ModelRequest):
        found.append("the last message is the model's own")
    ids = Counter(call.tool_call_id for m in messages if isinstance(m, lib.ModelResponse) for call in m.tool_calls)
    found += [f"the call id {name!r} is given {count} times" for name, count in ids.items() if count > 1]
    found += ["a call has no id" for name in ids if not name]
    names = {part.tool_name for m in messages for part in m.parts
             if isinstance(part, lib.ToolCallPart | lib.ToolReturnPart)}  # fmt: skip
    found += [
        f"no provider takes a tool named {name!r}" for name in names if not re.fullmatch(r"[\w-]{1,64}", name, re.ASCII)
    ]
    asked: list[str] = []
    for before, message in zip([None, *messages], messages, strict=False):
        if before is not None and type(before) is type(message):
            found.append("two messages of one side in a row")
        if isinstance(message, lib.ModelResponse):
            asked = [call.tool_call_id for call in message.tool_calls]
            found += [] if message.parts else ["an empty message"]
            continue
        returned = [part.tool_call_id for part in message.parts if isinstance(part, lib.ToolReturnPart)]
        if sorted(returned) != sorted(asked):
            found.append(f"asked for {asked}, answered {returned}")
        first = [type(part) for part in message.parts[: len(returned)]]
        if any(kind is not lib.ToolReturnPart for kind in first):
            found.append("words stand between a call and its result")
    return found


@dataclass
class Deeds:
    """What tools did, and whether each was allowed to."""

    dispatched: dict[str, int] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    """Keys of irreversible calls that somebody said did not happen: they may be dispatched once more."""
    wrongs: list[str] = field(default_factory=list)

    def irreversible(self, key: str) -> None:
        """Note the dispatch of an irreversible call."""
        if key in self.dispatched and key not in self.cleared:
            self.wrongs.append(f"{key} dispatched again")
        self.cleared.discard(key)
        self.dispatched[key] = self.dispatched.get(key, 0) + 1


Fault = Callable[[], None]
