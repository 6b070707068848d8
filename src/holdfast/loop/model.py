"""The only caller of models: one attempt at one rung of the chain, and what a request may cost on any of them."""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import cast

import structlog

from holdfast.agent import Agent, Model
from holdfast.errors import DeclarationError
from holdfast.loop.failure import Spoilt, classify, describe
from holdfast.loop.output import OutputContract
from holdfast.loop.prices import exact, worst_cost
from holdfast.loop.prompt import TOOL_TOKENS, Prompt, ToolSizes, calls_size, fixed_size, schema_size, size
from holdfast.loop.reply import OUTPUT_TOOL, RawCall, response_view, with_distinct_ids
from holdfast.loop.request import OnToken, Reading, Request, Rung
from holdfast.loop.rule import RuleRung
from holdfast.policy.chain import CONSEQUENCES, FailureClass
from holdfast.ports import Clock, LanguageModel, Rule
from holdfast.types import Admission, Candidate, Json, Price, Usage
from holdfast.types.frozen import frozen

__all__ = [
    "Attempt",
    "Models",
    "Prompt",
    "RawCall",
    "Request",
    "Response",
    "response_view",
]

log = structlog.get_logger("holdfast.model")

BUILT_IN_TOKENS = 4 * TOOL_TOKENS + 1_024
"""More than the definitions of Holdfast's own tools, the output tool's schema aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt at one rung that failed."""

    rung: int
    model: str
    """As the author wrote it."""
    provider: str
    failure: FailureClass
    error: str
    latency_ms: float
    retry_after_s: float | None = None
    """How long the provider asked to be left alone, if it said."""
    usage: Usage | None = None
    """What it cost all the same, where the provider said so."""
    cost_usd: Decimal = Decimal(0)
    hurried: bool = False
    """It got less time than the author gives it, because the execution had no more: no fault of the model."""

    @property
    def bill_unknown(self) -> bool:
        """Whether the provider may charge for it although nobody knows what."""
        return self.usage is None and CONSEQUENCES[self.failure].maybe_billed


@frozen
class Response:
    """What a model said."""

    json: Mapping[str, Json]
    """The model library's JSON of it: what is journaled, and all that is needed to go on from it."""
    text: str
    calls: tuple[RawCall, ...]
    finish_reason: str | None
    usage: Usage
    cost_usd: Decimal
    price_known: bool
    """False when nobody knows what the model costs; `cost_usd` is 0 then."""
    provider: str
    model: str
    """The provider's name for what answered."""
    asked: str
    """The rung's name, as the author wrote it."""
    rung: int
    latency_ms: float

    def recorded(self, json: Mapping[str, Json]) -> "Response":
        """The same as the record has it: without secrets, in text, calls and JSON alike."""
        return self._with(json)

    def distinct(self, taken: AbstractSet[str]) -> "Response":
        """The same with call ids that no other call of the conversation has.

        Some models name their calls alike, or not at all; in a history providers refuse that.
        """
        return self._with(with_distinct_ids(self.json, taken))

    def _with(self, json: Mapping[str, Json]) -> "Response":
        if json is self.json:
            return self
        text, calls, finish_reason = response_view(json)
        return replace(self, json=json, text=text, calls=calls, finish_reason=finish_reason)


class Models:
    """An agent's fallback chain, built once per process and shared by its executions.

    Args:
        agent: Whose `models` are the rungs.
        clock: For latencies.
        prices: From the configuration, by `provider:model` or model; the agent's own win. Default: none.

    Raises:
        DeclarationError: A name is none of a model, or a price is missing that `limits.cost_usd` needs.
        MissingExtra: A provider needs an extra of the package.
    """

    def __init__(self, agent: Agent[object], *, clock: Clock, prices: Mapping[str, Price] | None = None) -> None:
        self._agent, self._clock = agent, clock
        self._contract = OutputContract(agent.output)
        own_prices = {name: exact(price) for name, price in {**(prices or {}), **agent.prices}.items()}
        self._rungs = make_rungs(agent, self._contract, clock, own_prices)
        self._caps: Sequence[int] | None = None
        """Output tokens of each rung at most, where they differ."""
        known = [rung.context_window for rung in self._rungs if rung.context_window is not None]
        self.context_window = min(known, default=None) if agent.context_window is None else agent.context_window
        """Tokens that a request may have on every rung; `None` when nobody knows. The agent's own word wins."""
        if any(rung.max_output_tokens for rung in self._rungs):
            self._caps = [rung.max_output_tokens or agent.max_output_tokens for rung in self._rungs]
        self._admission = Admission(
            candidates=tuple(
                Candidate(rung=index, model=rung.name, provider=rung.provider) for index, rung in enumerate(self._rungs)
            ),
            wait_at_gate=agent.on_rate_limit == "wait",
        )
        self._numbered = tuple(enumerate(self._rungs))
        self._all = tuple(range(len(self._rungs)))
        self._counts_input = any(rung.counts_input for rung in self._rungs)
        said, schema = OUTPUT_TOOL + self._contract.description, self._contract.schema
        self._tool_sizes = ToolSizes(own=schema_size(said, schema) + BUILT_IN_TOKENS)
        if agent.limits.cost_usd is not None:
            self.require_prices(f"agent {agent.name!r} has limits.cost_usd")

    @property
    def contract(self) -> OutputContract:
        """What the agent promises to answer."""
        return self._contract

    @property
    def admission(self) -> Admission:
        """Leave for whichever rung may be asked first."""
        return self._admission

    @property
    def rungs(self) -> Sequence[Rung]:
        """The chain, first choice first."""
        return self._rungs

    @property
    def windows(self) -> Sequence[int | None]:
        """The context window of each rung; the agent's own word wins."""
        own = self._agent.context_window
        return [own or rung.context_window if rung.tokens else None for rung in self._rungs]

    @property
    def all(self) -> Sequence[int]:
        """The number of every rung."""
        return self._all

    @property
    def counts_input(self) -> bool:
        """Whether any rung is declared to ask its provider how many tokens a request has."""
        return self._counts_input

    def require_prices(self, why: str) -> None:
        """Refuse to go on when nobody knows what a model costs.

        Args:
            why: What needs the price, as the first words of the error: "agent 'a' has limits.cost_usd".

        Raises:
            DeclarationError: A price is missing; the message names both places where it can be given.
        """
        for rung in self._rungs:
            if rung.tariff is None:
                raise DeclarationError(
                    f"{why}, but nobody knows what {rung.name!r} costs: give prices={{{rung.name!r}: "
                    f"Price(input_usd_per_mtok=Decimal(...), output_usd_per_mtok=Decimal(...))}}, or in holdfast.toml "
                    f'[prices."{rung.name}"] input_usd_per_mtok = ... and output_usd_per_mtok = ...'
                )

    async def attempt(
        self,
        index: int,
        request: Request,
        *,
        prompt: Prompt | None = None,
        on_token: OnToken | None = None,
        left_s: float | None = None,
    ) -> Response | Attempt:
        """Ask one rung once. Nothing that it does is raised.

        Args:
            index: Which rung.
            request: What is asked; `timeout_s` bounds the attempt where the rung has no bound of its own.
            prompt: The activation's working copy of the transcript. Default: a new one.
            on_token: Gets text as it is made; what it raises is logged and costs nothing else. Default: the answer
                is not streamed.
            left_s: Seconds that the execution has left. Default: no bound.
        """
        rung, began = self._rungs[index], self._clock.monotonic()
        asked, hurried = fitted(request, rung, left_s, self._caps[index] if self._caps else None)
        try:
            reading = await rung.ask(asked, prompt or Prompt(), _patient(on_token) if on_token else None)
        except Exception as error:  # noqa: BLE001 - whatever a rung raises is an attempt that failed
            return self._failed(index, error, began, hurried=hurried)
        return self._answered(index, reading, began)

    async def count(self, request: Request, rungs: Collection[int], *, prompt: Prompt) -> dict[int, int]:
        """How many tokens a request has, for those of the rungs that are declared to ask their provider."""
        found: dict[int, int] = {}
        for index in rungs:
            rung = self._rungs[index]
            if rung.counts_input and (counted := await rung.count(request, prompt)) is not None:
                found[index] = counted
        return found

    def input_bound(  # noqa: PLR0913 - what is known narrows the bound
        self,
        request: Request,
        *,
        known: tuple[int, int] | None = None,
        rung: int | None = None,
        prompt: Prompt | None = None,
        among: Collection[int] | None = None,
        counted: Mapping[int, int] | None = None,
    ) -> int:
        """Tokens that a request has at most, on whichever rung answers.

        Without knowledge it counts bytes (see `loop/prompt.py`). With it, the part that the provider has counted
        counts as that: its messages are delimited and so tokenized one by one, which makes the count of a longer
        conversation the sum of its parts. The last response's calls count once more, because providers write
        their arguments anew.

        Args:
            request: What will be asked.
            known: Tokens that the provider counted (input and output of the newest response) for how many of
                the first entries (that response included), with the same instructions and tools. Default: nothing.
            rung: Which rung counted them. Another rung counts differently, so in a chain with several rungs
                `known` is of no use without it.
            prompt: The activation's working copy of the transcript. Default: a new one.
            among: The rungs that may answer. Default: all.
            counted: Tokens of this very request by rung, where the provider was asked. Default: nothing.
        """
        whole: int | None = None
        bounds = [0]
        counted_by = 0 if rung is None and len(self._rungs) == 1 else rung
        for index, one in enumerate(self._rungs):
            if not one.tokens or (among is not None and index not in among):
                continue
            if known and index == counted_by and known[1] <= len(request.entries):
                bound = _grown(request, *known)
            else:
                bound = whole = whole or self._whole(request, prompt or Prompt())
            bounds.append(min(bound, counted[index]) if counted and index in counted else bound)
        return max(bounds)

    def wanted(self, max_tokens: int, among: Collection[int] | None = None) -> int:
        """Output tokens that a response may have on whichever rung answers."""
        if self._caps is None:
            return max_tokens
        asked = [self._caps[index] for index, rung in self._among(among) if rung.tokens]
        return max(asked, default=max_tokens)

    def worst_cost(self, input_tokens: int, output_tokens: int, among: Collection[int] | None = None) -> Decimal:
        """US dollars for so many tokens on the dearest rung."""
        costs = [
            worst_cost(
                input_tokens,
                min(output_tokens, self._caps[index]) if self._caps else output_tokens,
                rung.tariff,
                caches=rung.caches,
            )
            for index, rung in self._among(among)
        ]
        return max(costs, default=Decimal(0))

    async def close(self) -> None:
        """Let go of connections."""
        for rung in self._rungs:
            await rung.close()

    def _whole(self, request: Request, prompt: Prompt) -> int:
        tools = self._tool_sizes.of(request.tools)
        return fixed_size(request.instructions, tools, bare=request.closing and not request.tools) + prompt.size(
            request.entries
        )

    def _among(self, rungs: Collection[int] | None) -> Sequence[tuple[int, Rung]]:
        if rungs is None or len(rungs) == len(self._numbered):
            return self._numbered
        return [one for one in self._numbered if one[0] in rungs]

    def _failed(self, index: int, error: Exception, began: float, *, hurried: bool) -> Attempt:
        rung, failure, waits = self._rungs[index], classify(error), getattr(error, "retry_after", None)
        told = error if isinstance(error, Spoilt) else None
        return Attempt(
            rung=index,
            model=rung.name,
            provider=rung.provider,
            failure=failure,
            error=describe(error),
            latency_ms=self._since(began),
            retry_after_s=max(float(waits), 0.0) if isinstance(waits, int | float) else None,
            usage=told.usage if told else None,
            cost_usd=told.cost_usd if told else Decimal(0),
            hurried=hurried and failure == "timeout",
        )

    def _answered(self, index: int, reading: Reading, began: float) -> Response:
        text, calls, finish_reason = response_view(reading.json)
        rung = self._rungs[index]
        return Response(
            json=reading.json,
            text=text,
            calls=calls,
            finish_reason=finish_reason,
            usage=reading.usage,
            cost_usd=reading.cost_usd,
            price_known=rung.tariff is not None,
            provider=reading.provider,
            model=reading.model,
            asked=rung.name,
            rung=index,
            latency_ms=self._since(began),
        )

    def _since(self, began: float) -> float:
        return round((self._clock.monotonic() - began) * 1_000, 3)


def make_rungs(
    agent: Agent[object], contract: OutputContract, clock: Clock, prices: Mapping[str, Price]
) -> tuple[Rung, ...]:
    """The rungs of an agent's chain, in order."""
    if all(is_rule(spec) for spec in agent.models):
        return tuple(RuleRung(cast("Rule", spec), contract=contract, clock=clock) for spec in agent.models)
    # The model library takes 0.7 s to import; an agent of rules alone never needs it.
    from holdfast.loop.library import LibraryRung  # noqa: PLC0415
    from holdfast.loop.messages import Offer  # noqa: PLC0415

    offer = Offer(contract)
    return tuple(
        RuleRung(cast("Rule", spec), contract=contract, clock=clock)
        if is_rule(spec)
        else LibraryRung(spec, offer=offer, own=prices)
        for spec in agent.models
    )


def fitted(request: Request, rung: Rung, left_s: float | None, cap: int | None) -> tuple[Request, bool]:
    """The request within the rung's own bounds and the time left, and whether that time cut it short."""
    timeout_s = rung.request_timeout_s or request.timeout_s
    within_s = timeout_s if left_s is None else min(timeout_s, max(left_s, 0.001))
    max_tokens = min(request.max_tokens, cap or request.max_tokens)
    if within_s == request.timeout_s and max_tokens == request.max_tokens:
        return request, False
    return replace(request, timeout_s=within_s, max_tokens=max_tokens), within_s < timeout_s


def is_rule(spec: str | LanguageModel | Model | Rule) -> bool:
    """Whether a rung is plain code."""
    return callable(spec) and not hasattr(spec, "model_name")


def _patient(on_token: OnToken) -> OnToken:
    """A listener whose own mistakes do not lose an answer that is being paid for."""

    def hear(text: str) -> None:
        try:
            on_token(text)
        except Exception:
            log.exception("token_listener_failed")

    return hear


def _grown(request: Request, tokens: int, entries: int) -> int:
    since = sum(map(size, request.entries[entries:]))
    return tokens + since + (calls_size(request.entries[entries - 1]) if entries else 0)
