"""A rung of the chain that is a model: the model library's request, with nothing retried behind our back."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import cast

import pydantic_ai
import structlog
from pydantic_ai import direct
from pydantic_ai import messages as lib
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, ModelRequestParameters, infer_model
from pydantic_ai.settings import ModelSettings

from holdfast.agent import Model as Asked
from holdfast.errors import DeclarationError, MissingExtra
from holdfast.loop.failure import Broken, CutOff, NoKey, Refusal, Unreadable, describe
from holdfast.loop.messages import Messages, Offer, dump
from holdfast.loop.prices import Tariff, cost, exact, find_listed, find_tariff
from holdfast.loop.prompt import Prompt
from holdfast.loop.request import OnToken, Reading, Request
from holdfast.types import Price, Usage

pydantic_ai.BANNER_ENABLED = False

log = structlog.get_logger("holdfast.model")

COUNT_S = 5.0
"""A provider that counts tokens has so long."""

CONTINUATIONS = 8
"""How often a provider may pause one answer and be asked to go on."""

NEEDS_EXTRA = {"google": ("google", "google.genai"), "google-cloud": ("google", "google.genai")}
"""Extra and package behind a provider that the base install does not bring."""


class LibraryRung:
    """Asks a model through the model library.

    Args:
        spec: `"provider:model"`, a model instance of the library, or either with settings of its own.
        offer: Instructions and tools in the library's terms.
        own: Prices from the author and the configuration.

    Raises:
        DeclarationError: The name cannot be one of a model.
        MissingExtra: The provider needs a package that is not installed.
    """

    tokens = True

    def __init__(self, spec: object, *, offer: Offer, own: Mapping[str, Price]) -> None:
        self._offer = offer
        self._given: Model | None = None
        self._made: Model | None = None
        settings = spec if isinstance(spec, Asked) else None
        self.request_timeout_s = settings.request_timeout_s if settings else None
        self.max_output_tokens = settings.max_output_tokens if settings else None
        self.counts_input = settings.count_input if settings else False
        self._first_token_s = settings.first_token_timeout_s if settings else None
        spec = settings.model if settings else spec
        if isinstance(spec, str):
            provider, _, model = check_name(spec).partition(":")
            self.name, self.provider, self.tariff = spec, provider, find_tariff(model, provider=provider, own=own)
            self.caches = False
            listed = find_listed(model, provider=provider)
            self.context_window: int | None = listed.context_window if listed else None
        elif isinstance(spec, Model):
            given = cast("Model", spec)  # of whatever SDK client: the parameter is the library's business
            self._given = given
            self.name, self.provider = f"{given.system}:{given.model_name}", given.system
            self.tariff = tariff_of(given, own)
            self.caches = bool(given.settings)
            self.context_window = window_of(given)
        else:
            raise DeclarationError(
                f"{spec!r} is no model: give 'provider:model', a model of pydantic-ai or a rule function"
            )

    async def ask(self, request: Request, prompt: Prompt, on_token: OnToken | None) -> Reading:
        """Ask the model once, following an answer that the provider pauses to its end.

        Raises:
            NoKey: The provider's key is not configured.
            Unreadable: What came back is not what the API promises.
            Refusal: Its content filter stopped the answer, at whatever word.
            Broken: It failed while it answered.
            CutOff: The answer ended before the model was done.
            Exception: Whatever library, SDK and transport raise.
        """
        model, messages = await self._model(), prompt.keep(Messages)
        async with asyncio.timeout(request.timeout_s):
            try:
                response = await self._respond(model, request, messages, on_token)
            except (TypeError, AttributeError, KeyError, IndexError) as error:
                # What SDK and library raise over a body that is JSON of another shape.
                raise Unreadable(f"{type(error).__name__}: {error}") from error
        if response.state != "complete":
            raise CutOff(f"the answer of {self.name} was cut off ({response.state})")
        reading = self._read(response)
        # Half an answer reads like a whole one: what came before the filter or the failure is not taken.
        if response.finish_reason in {"content_filter", "error"}:
            raise self._spoilt(response, reading)
        messages.remember(reading.json, response)
        return reading

    def _spoilt(self, response: lib.ModelResponse, reading: Reading) -> Refusal | Broken:
        told = reading.usage if response.usage.has_values() else None
        if response.finish_reason == "error":
            return Broken(f"{self.name} failed while it answered", usage=told, cost_usd=reading.cost_usd)
        said = f"the content filter of {self.name} stopped the answer"
        return Refusal(said, usage=told, cost_usd=reading.cost_usd)

    async def count(self, request: Request, prompt: Prompt) -> int | None:
        """What the provider counts, and a little more: some call their own count an estimate."""
        try:
            async with asyncio.timeout(min(request.timeout_s, COUNT_S)):
                model, messages = await self._model(), prompt.keep(Messages).of(request.entries)
                counted = await model.count_tokens(list(messages), self._settings(request), self._offered(request))
        except Exception as error:  # noqa: BLE001 - without a count the proved bound holds
            log.info("input_not_counted", model=self.name, error=describe(error))
            return None
        return counted.input_tokens + counted.input_tokens // 50 + 64

    async def close(self) -> None:
        """Close the connections of a model made here; one that was given belongs to its giver."""
        if self._made:
            async with self._made:
                pass  # the library closes its client when the last user leaves
            self._made = None

    async def _model(self) -> Model:
        if self._given:
            model = self._given
        else:
            # Importing a provider's SDK takes a second or more: not on the event loop.
            model = self._made = self._made or await asyncio.to_thread(make, self.name)
        # What the library's own agent does before a run: connections belong to the event loop that opened them.
        model._refresh_http_client()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return model

    async def _respond(
        self, model: Model, request: Request, messages: Messages, on_token: OnToken | None
    ) -> lib.ModelResponse:
        asked = messages.of(request.entries)
        offered, settings = self._offered(request), self._settings(request)
        first_s = self._first_token_s
        response = await once(model, asked, settings, offered, on_token, first_s)
        for _ in range(CONTINUATIONS):
            if response.state != "suspended":
                break
            more = await once(model, [*asked, response], settings, offered, on_token, first_s)
            response = joined(response, more)
        return response

    def _offered(self, request: Request) -> ModelRequestParameters:
        return self._offer.parameters(request.instructions, request.tools, closing=request.closing)

    def _settings(self, request: Request) -> ModelSettings:
        settings = ModelSettings(max_tokens=request.max_tokens, timeout=request.timeout_s, max_retries=0)
        if request.closing:
            settings["tool_choice"] = "none"
        return settings

    def _read(self, response: lib.ModelResponse) -> Reading:
        counted = response.usage
        usage = Usage(
            input_tokens=counted.input_tokens,
            output_tokens=counted.output_tokens,
            cache_read_tokens=counted.cache_read_tokens,
            cache_write_tokens=counted.cache_write_tokens,
        )
        paid = counted.cost  # what a gateway says that it charged
        if paid is None:
            paid = cost(usage, self.tariff, kept_an_hour=counted.cache_write_1h_tokens)
        return Reading(
            json=dump(response),
            usage=usage,
            cost_usd=paid,
            provider=response.provider_name or self.name.partition(":")[0],
            model=response.model_name or self.name.partition(":")[2],
        )


async def once(  # noqa: PLR0913, PLR0917 - what the library's own call takes, and the two that make it a stream
    model: Model,
    messages: Sequence[lib.ModelMessage],
    settings: ModelSettings,
    offered: ModelRequestParameters,
    on_token: OnToken | None,
    first_s: float | None,
) -> lib.ModelResponse:
    """One request to the provider, streamed when somebody listens or the first piece has a time of its own."""
    if first_s is not None or on_token is not None:
        return await streamed(model, messages, settings, offered, on_token, first_s)
    if not breaks_tokens(model):
        # `direct.model_request` looks through the whole history for parts that we never make: at 200 turns that
        # is half the cost of a turn.
        return await model.request(list(messages), settings, offered)
    return await direct.model_request(
        model, messages, model_settings=settings, model_request_parameters=offered, instrument=False
    )


async def streamed(  # noqa: PLR0913, PLR0917 - as `once`
    model: Model,
    messages: Sequence[lib.ModelMessage],
    settings: ModelSettings,
    offered: ModelRequestParameters,
    on_token: OnToken | None,
    first_s: float | None,
) -> lib.ModelResponse:
    """One request whose answer comes in pieces.

    Raises:
        TimeoutError: The first one did not come within `first_s` seconds.
    """
    async with (
        asyncio.timeout(first_s) as until_first,
        direct.model_request_stream(
            model, messages, model_settings=settings, model_request_parameters=offered, instrument=False
        ) as stream,
    ):
        async for event in stream:
            until_first.reschedule(None)
            if on_token and (text := text_of(event)):
                on_token(text)
        return stream.get()


def breaks_tokens(model: Model) -> bool:
    """Whether chat-template tokens in our words must be broken up for this model, which `direct` does."""
    try:
        return bool(model.profile.get("may_tokenize_special_tokens_in_content", False))
    except NotImplementedError:  # a model that routes to others
        return True


def text_of(event: object) -> str:
    """The text that a stream event adds."""
    match event:
        case lib.PartStartEvent(part=lib.TextPart(content=text)):
            return text
        case lib.PartDeltaEvent(delta=lib.TextPartDelta(content_delta=text)):
            return text
        case _:
            return ""


def joined(first: lib.ModelResponse, more: lib.ModelResponse) -> lib.ModelResponse:
    """A paused answer and what came when it was asked to go on, as one.

    The same response id means that the provider sent all of it again.
    """
    if first.provider_response_id and first.provider_response_id == more.provider_response_id:
        return more
    more.parts = [*first.parts, *more.parts]
    more.usage = first.usage + more.usage
    return more


def make(name: str) -> Model:
    """The library's model for a name.

    Raises:
        NoKey: The provider's key is not in the environment.
    """
    try:
        return infer_model(name)
    except UserError as error:
        if "environment variable" in str(error) or "API key" in str(error):
            raise NoKey(str(error)) from error
        raise


def check_name(name: str) -> str:
    """The name of a model, if it can be one.

    Raises:
        DeclarationError: There is no such provider.
        MissingExtra: The provider needs a package that is not installed.
    """
    provider, colon, model = name.partition(":")
    if not colon or not model:
        raise DeclarationError(f"model {name!r}: write 'provider:model', e.g. 'openai:gpt-5.2'")
    if not _known(provider.removeprefix("gateway/")):
        raise DeclarationError(
            f"model {name!r}: there is no provider {provider!r}; use one of pydantic-ai's, e.g. 'openai', "
            f"'anthropic', 'google', 'ollama', or 'openai-chat' with OPENAI_BASE_URL"
        )
    extra, package = NEEDS_EXTRA.get(provider, ("", ""))
    if package and not _installed(package):
        raise MissingExtra(extra, needed_for=f"model {name!r}")
    return name


def _known(provider: str) -> bool:
    # Several APIs of one provider share a file: openai-chat, openai-responses, azure-responses.
    return any(
        _installed(f"pydantic_ai.providers.{base.replace('-', '_')}")
        for base in (provider, provider.rpartition("-")[0])
        if base and base.replace("-", "_").isidentifier()
    )


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def tariff_of(model: Model, own: Mapping[str, Price]) -> Tariff | None:
    """How a given model is priced: the author's prices, one that it carries itself (`price`), the public list."""
    mine = own.get(f"{model.system}:{model.model_name}") or own.get(model.model_name)
    carried = getattr(model, "price", None)
    if mine or isinstance(carried, Price):
        return mine or exact(cast("Price", carried))
    return find_tariff(model.model_name, provider=model.system, url=_url(model))


def window_of(model: Model) -> int | None:
    """The context window of a given model, where the library knows it."""
    try:
        return model.context_window
    except NotImplementedError:  # a model that routes to others
        return None


def _url(model: Model) -> str | None:
    try:
        return model.base_url
    except (AttributeError, UserError):
        return None
