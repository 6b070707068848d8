"""The only caller of models: the fallback chain, and what every attempt at it came to."""

import random as randomness
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, TypeAlias, cast

import structlog

from holdfast.agent import Agent
from holdfast.errors import DeclarationError
from holdfast.loop.failure import CONSEQUENCES, FailureClass, classify, describe
from holdfast.loop.output import OutputContract
from holdfast.loop.prices import worst_cost
from holdfast.loop.prompt import TOOL_TOKENS, Prompt, calls_size, fixed_size, schema_size, size, tool_size
from holdfast.loop.reply import OUTPUT_TOOL, RawCall, response_view, with_distinct_ids
from holdfast.loop.request import OnToken, Reading, Request, Rung
from holdfast.loop.rule import RuleRung
from holdfast.ports import Clock, LanguageModel, Rule, Tool
from holdfast.trail.codec import storable
from holdfast.trail.redact import Redactor
from holdfast.types import Json, Usage

__all__ = [
    "Attempt",
    "FailureClass",
    "Models",
    "ModelsFailed",
    "Prompt",
    "RawCall",
    "Request",
    "Response",
    "response_view",
]

log = structlog.get_logger("holdfast.model")

TRIES = 2
"""Attempts at one rung when the failure is transient."""

BACKOFF_S = 1.0
"""Between two attempts at a rung, at most; the wait is uniform from 0."""

BUILT_IN_TOKENS = 4 * TOOL_TOKENS + 1_024
"""More than the definitions of Holdfast's own tools, the output tool's schema aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at one rung."""

    rung: int
    model: str
    failure: FailureClass | None
    """`None`: it answered."""
    error: str | None
    latency_ms: float
    retry_after_s: float | None = None
    """How long the provider asked to be left alone, if it said."""

    @property
    def maybe_billed(self) -> bool:
        """Whether the provider may charge for it although no answer came: its bill is unknown."""
        return self.failure is not None and CONSEQUENCES[self.failure].maybe_billed

    def as_event(self) -> dict[str, Json]:
        """As it stands in the journal."""
        return {
            "rung": self.rung,
            "model": self.model,
            "failure": self.failure,
            "error": self.error,
            "latency_ms": self.latency_ms,
            "retry_after_s": self.retry_after_s,
        }


MayGoOn: TypeAlias = Callable[[Attempt], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
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
    rung: int
    attempts: tuple[Attempt, ...]
    latency_ms: float

    def redacted(self, redactor: Redactor) -> "Response":
        """The same without secrets, in text, calls and JSON alike."""
        return self._with(cast("Mapping[str, Json]", storable(self.json, redactor)))

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


class ModelsFailed(Exception):
    """No rung of the chain answered.

    `reason` is `STEP_TIMEOUT` when the last attempt ran out of time, else `MODEL_UNAVAILABLE`.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        last = attempts[-1]
        super().__init__(f"No model answered; the last one, {last.model}, failed: {last.error}")
        self.attempts: tuple[Attempt, ...] = tuple(attempts)
        self.reason: Literal["MODEL_UNAVAILABLE", "STEP_TIMEOUT"] = (
            "STEP_TIMEOUT" if last.failure == "timeout" else "MODEL_UNAVAILABLE"
        )


class Models:
    """An agent's fallback chain, built once per process and shared by its executions.

    Args:
        agent: Whose `models` are the rungs.
        clock: For latencies and the wait between two attempts.
        random: Uniform in 0 to 1, for jitter.

    Raises:
        DeclarationError: A name is none of a model, or a price is missing that `limits.cost_usd` needs.
        MissingExtra: A provider needs an extra of the package.
    """

    def __init__(self, agent: Agent[object], *, clock: Clock, random: Callable[[], float] = randomness.random) -> None:
        self._agent, self._clock, self._random = agent, clock, random
        self._contract = OutputContract(agent.output)
        self._rungs = make_rungs(agent, self._contract, clock)
        self._tool_sizes: dict[tuple[str, ...], int] = {}
        if agent.limits.cost_usd is not None:
            _refuse_unknown_prices(agent.name, self._rungs)

    @property
    def contract(self) -> OutputContract:
        """What the agent promises to answer."""
        return self._contract

    @property
    def context_window(self) -> int | None:
        """Tokens that a request may have on every rung; `None` when nobody knows. The agent's own word wins."""
        if self._agent.context_window is not None:
            return self._agent.context_window
        known = [rung.context_window for rung in self._rungs if rung.context_window is not None]
        return min(known, default=None)

    async def respond(
        self,
        request: Request,
        *,
        prompt: Prompt | None = None,
        on_token: OnToken | None = None,
        may_go_on: MayGoOn | None = None,
    ) -> Response:
        """The first answer that the chain gives.

        Each rung is asked up to twice when its failure is transient, then the next one.

        Args:
            request: What is asked; `timeout_s` bounds each attempt.
            prompt: The activation's working copy of the transcript. Default: a new one.
            on_token: Gets text as it is made; what it raises is logged and costs nothing else. Default: the answer
                is not streamed.
            may_go_on: Asked before another attempt that costs tokens whether there is money for it. Default: there is.

        Raises:
            ModelsFailed: No rung answered.
        """
        prompt = prompt or Prompt()
        listener = _patient(on_token) if on_token else None
        attempts: list[Attempt] = []
        for index, rung in enumerate(self._rungs):
            for tried in range(TRIES):
                if attempts and may_go_on and rung.tokens and not await may_go_on(attempts[-1]):
                    break
                began = self._clock.monotonic()
                try:
                    reading = await rung.ask(request, prompt, listener)
                except Exception as error:  # noqa: BLE001 - whatever a rung raises is an attempt that failed
                    attempts.append(self._failed(index, error, began))
                else:
                    return self._answered(index, reading, began, attempts)
                if not self._again(attempts[-1], tried):
                    break
                await self._clock.sleep(self._random() * min(BACKOFF_S, request.timeout_s))
        raise ModelsFailed(attempts)

    def input_bound(
        self,
        request: Request,
        *,
        known: tuple[int, int] | None = None,
        rung: int | None = None,
        prompt: Prompt | None = None,
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
        """
        whole: int | None = None
        bounds = [0]
        counted_by = 0 if rung is None and len(self._rungs) == 1 else rung
        for index, one in enumerate(self._rungs):
            if not one.tokens:
                continue
            if known and index == counted_by and known[1] <= len(request.entries):
                bounds.append(_grown(request, *known))
            else:
                whole = whole or self._whole(request, prompt or Prompt())
                bounds.append(whole)
        return max(bounds)

    def worst_cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """US dollars for so many tokens on the dearest rung."""
        costs = (worst_cost(input_tokens, output_tokens, rung.tariff, caches=rung.caches) for rung in self._rungs)
        return max(costs, default=Decimal(0))

    async def close(self) -> None:
        """Let go of connections."""
        for rung in self._rungs:
            await rung.close()

    def _whole(self, request: Request, prompt: Prompt) -> int:
        tools = self._tools_size(request.tools)
        return fixed_size(request.instructions, tools, bare=request.closing and not request.tools) + prompt.size(
            request.entries
        )

    def _tools_size(self, tools: Sequence[Tool]) -> int:
        key = tuple(tool.name + tool.schema_hash for tool in tools)
        if key not in self._tool_sizes:
            own = schema_size(OUTPUT_TOOL + self._contract.description, self._contract.schema) + BUILT_IN_TOKENS
            self._tool_sizes[key] = own + sum(map(tool_size, tools))
        return self._tool_sizes[key]

    def _again(self, attempt: Attempt, tried: int) -> bool:
        return tried + 1 < TRIES and attempt.failure is not None and CONSEQUENCES[attempt.failure].transient

    def _failed(self, rung: int, error: Exception, began: float) -> Attempt:
        return Attempt(
            rung=rung,
            model=self._rungs[rung].name,
            failure=classify(error),
            error=describe(error),
            latency_ms=self._since(began),
            retry_after_s=getattr(error, "retry_after", None),
        )

    def _answered(self, rung: int, reading: Reading, began: float, failed: Sequence[Attempt]) -> Response:
        text, calls, finish_reason = response_view(reading.json)
        latency_ms = self._since(began)
        answer = Attempt(rung=rung, model=reading.model, failure=None, error=None, latency_ms=latency_ms)
        return Response(
            json=reading.json,
            text=text,
            calls=calls,
            finish_reason=finish_reason,
            usage=reading.usage,
            cost_usd=reading.cost_usd,
            price_known=self._rungs[rung].tariff is not None,
            provider=reading.provider,
            model=reading.model,
            rung=rung,
            attempts=(*failed, answer),
            latency_ms=latency_ms,
        )

    def _since(self, began: float) -> float:
        return round((self._clock.monotonic() - began) * 1_000, 3)


def make_rungs(agent: Agent[object], contract: OutputContract, clock: Clock) -> tuple[Rung, ...]:
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
        else LibraryRung(spec, offer=offer, own=agent.prices)
        for spec in agent.models
    )


def is_rule(spec: str | LanguageModel | Rule) -> bool:
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


def _refuse_unknown_prices(agent: str, rungs: Sequence[Rung]) -> None:
    for rung in rungs:
        if rung.tariff is None:
            raise DeclarationError(
                f"agent {agent!r} has limits.cost_usd, but nobody knows what {rung.name!r} costs: give "
                f"prices={{{rung.name!r}: Price(input_usd_per_mtok=Decimal(...), output_usd_per_mtok=Decimal(...))}}"
            )
