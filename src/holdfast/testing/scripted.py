"""A model that follows a script, for tests: it goes through the whole model layer like a real one."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from weakref import WeakValueDictionary, finalize

from pydantic_ai import exceptions
from pydantic_ai import messages as lib
from pydantic_ai.models import CompletedStreamedResponse, Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage
from pydantic_core import to_jsonable_python

from holdfast.loop.reply import Said, said
from holdfast.testing.script import Fail, FinishReason, Metered, Raw, Slot, Step, slots
from holdfast.types import Price, Say, Usage

Script = Callable[[Sequence[lib.ModelMessage]], Step]

STAMP = "step-"
"""A response carries its step's number as its provider's response id, so that the next one is found after a
restart and after a compaction."""

FREE = Price(input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(0))


class ScriptEnded(LookupError):
    """The script has no step for this request."""


class ScriptedModel(Model[None]):
    """A model that answers with the steps of a script.

    A list is safe to crash and to share: the step is found from the responses that the conversation already
    holds, so a resumed execution goes on at its own step and one instance serves many executions at once. A
    `Fail` is an attempt that fails before the step after it: attempts are counted in memory, for each
    conversation of each activation, so after a restart the failures come again. A list that ends with a `Fail`
    keeps failing. Asked for a closing summary, where no tool may be called, it says its next step if that is a
    `Say`, else `closing`.

    Args:
        steps: `Call`, `Calls`, `Final`, `Say` or text, `Raw`, `Fail` or `Metered`, in order; or a function of the
            model library's messages that returns one of them.
        name: The model's name. Default: `"scripted"`.
        price: What its tokens cost. Default: nothing.
        latency_s: Seconds each answer takes. Default: 0.
        context_window: Tokens. Default: none is known.
        closing: What it says when a closing summary is wanted.
    """

    def __init__(  # noqa: PLR0913 - each one a thing to vary in a test
        self,
        steps: Sequence[Step] | Script,
        *,
        name: str = "scripted",
        price: Price | None = None,
        latency_s: float = 0,
        context_window: int | None = None,
        closing: str = "The script stops here.",
    ) -> None:
        super().__init__(profile=ModelProfile(context_window=context_window))
        self._script: Script | None = steps if callable(steps) else None
        self._slots: tuple[Slot, ...] = () if callable(steps) else slots(steps)
        self._name = name
        self._latency_s = latency_s
        self._closing = closing
        self._attempts: dict[tuple[int, int], int] = {}
        self._conversations: WeakValueDictionary[int, lib.ModelMessage] = WeakValueDictionary()
        self.price: Price = price or FREE
        self.requests = 0
        """How often it was asked, failures included."""
        self.last_settings: ModelSettings | None = None
        self.last_parameters: ModelRequestParameters | None = None

    @property
    def model_name(self) -> str:
        """As given."""
        return self._name

    @property
    def system(self) -> str:
        """Always `scripted`."""
        return "scripted"

    async def request(
        self,
        messages: list[lib.ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> lib.ModelResponse:
        """The next step as a response."""
        self.requests += 1
        self.last_settings, self.last_parameters = model_settings, model_request_parameters
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        number = step_number(messages)
        if _is_closing(model_settings, model_request_parameters):
            return self._response(self._last_words(number), messages, model_request_parameters, number=-1)
        step = self._step(messages, number)
        if isinstance(step, Fail):
            raise as_error(step, self._name)
        return self._response(step, messages, model_request_parameters, number=number)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[lib.ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: Any = None,  # noqa: ARG002 - the library's signature
    ) -> AsyncGenerator[StreamedResponse]:
        """The next step, its text word by word."""
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response,
            model_request_parameters=model_request_parameters,
            replay_events=list(_events(response)),
        )

    def _step(self, messages: list[lib.ModelMessage], number: int) -> Step:
        if self._script:
            return self._script(messages)
        if number >= len(self._slots):
            raise ScriptEnded(
                f"the script of {self._name!r} has {len(self._slots)} answers and was asked for number {number + 1}: "
                "add a step, or see why the agent goes on"
            )
        slot = self._slots[number]
        return slot.attempt(self._count(messages[0], number)) if slot.failures else cast("Step", slot.step)

    def _last_words(self, number: int) -> str:
        step = self._slots[number].step if number < len(self._slots) else None
        return step.text if isinstance(step, Say) else self._closing

    def _count(self, first: lib.ModelMessage, number: int) -> int:
        """How often this step was tried before in this conversation, which its first message stands for."""
        conversation = id(first)
        if self._conversations.get(conversation) is not first:
            self._conversations[conversation] = first
            finalize(first, self._forget, conversation)
        tried = self._attempts.get((conversation, number), 0)
        self._attempts[conversation, number] = tried + 1
        return tried

    def _forget(self, conversation: int) -> None:
        self._attempts = {key: tried for key, tried in self._attempts.items() if key[0] != conversation}

    def _response(
        self, step: Step, messages: Sequence[lib.ModelMessage], offered: ModelRequestParameters, *, number: int
    ) -> lib.ModelResponse:
        usage = Usage(input_tokens=50 + 10 * len(messages), output_tokens=10)
        if isinstance(step, Metered):
            step, usage = step.step, step.usage
        parts, finish_reason = _parts(step, offered, number)
        return lib.ModelResponse(
            parts=parts,
            usage=RequestUsage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cache_read_tokens,
                cache_write_tokens=usage.cache_write_tokens,
            ),
            model_name=self._name,
            provider_name="scripted",
            provider_response_id=f"{STAMP}{number}",
            finish_reason=finish_reason,
            timestamp=datetime.now(UTC),
        )


def step_number(messages: Sequence[lib.ModelMessage]) -> int:
    """Which step comes next, from 0: one after the newest stamped response, one more for each response since.

    Responses without a model's name are words recalled from an earlier execution of the thread: no steps.
    """
    since = 0
    for message in reversed(messages):
        if isinstance(message, lib.ModelResponse) and message.model_name:
            stamp = message.provider_response_id or ""
            if stamp.startswith(STAMP) and message.provider_name == "scripted":
                return int(stamp.removeprefix(STAMP)) + 1 + since
            since += 1
    return since


def as_error(fail: Fail, model: str) -> Exception:
    """The exception by which the model library would report a failure of this class."""
    if isinstance(fail.error, Exception):
        return fail.error
    words = f"scripted failure: {fail.error}"
    match fail.error:
        case "refusal":
            return exceptions.ContentFilterError(words)
        case "malformed":
            return exceptions.UnexpectedModelBehavior(words)
        case "unknown" | "rule_error":
            return RuntimeError(words)
        case known:
            return _ERRORS[known](model, words, retry_after=fail.retry_after_s)


_ERRORS: dict[str, type[exceptions.ModelAPIError]] = {
    "rate_limit": exceptions.ModelRateLimitError,
    "overload": exceptions.ModelOverloadedError,
    "timeout": exceptions.ModelTimeoutError,
    "connection": exceptions.ModelConnectionError,
    "server": exceptions.ModelServerError,
    "authentication": exceptions.ModelAuthenticationError,
    "quota": exceptions.ModelQuotaExceededError,
    "context_overflow": exceptions.ModelContextWindowExceededError,
    "rejected": exceptions.ModelRequestRejectedError,
}


def _is_closing(settings: ModelSettings | None, offered: ModelRequestParameters) -> bool:
    forbidden = settings is not None and "tool_choice" in settings and settings["tool_choice"] == "none"
    return forbidden or (not offered.function_tools and not offered.output_tools)


def _parts(
    step: Step, offered: ModelRequestParameters, number: int
) -> tuple[list[lib.ModelResponsePart], FinishReason]:
    if isinstance(step, Raw):
        calls: list[lib.ModelResponsePart] = [
            lib.ToolCallPart(tool, arguments, f"s{number}-{index}")
            for index, (tool, arguments) in enumerate(step.calls)
        ]
        text: list[lib.ModelResponsePart] = [lib.TextPart(step.text)] if step.text else []
        return text + calls, step.finish_reason
    output = offered.output_tools[0] if offered.output_tools else None
    what = said(step, structured=output is not None, wrapped_in=output.outer_typed_dict_key if output else None)
    return _said_parts(what, number), "tool_call" if what.calls else "stop"


def _said_parts(what: Said, number: int) -> list[lib.ModelResponsePart]:
    parts: list[lib.ModelResponsePart] = [lib.TextPart(what.text)] if what.text else []
    for index, call in enumerate(what.calls):
        parts.append(lib.ToolCallPart(call.tool, to_jsonable_python(call.args), f"s{number}-{index}"))
    return parts


def _events(response: lib.ModelResponse) -> Sequence[lib.ModelResponseStreamEvent]:
    events: list[lib.ModelResponseStreamEvent] = []
    for index, part in enumerate(response.parts):
        if not isinstance(part, lib.TextPart):
            events.append(lib.PartStartEvent(index=index, part=part))
            continue
        first, *rest = [f"{word} " for word in part.content.split(" ")]
        words = [first, *rest]
        words[-1] = words[-1][:-1]
        events.append(lib.PartStartEvent(index=index, part=lib.TextPart(words[0])))
        events.extend(lib.PartDeltaEvent(index=index, delta=lib.TextPartDelta(word)) for word in words[1:])
    return events
