"""Hard limits of one execution: what is left, what may be reserved, when it is over. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from holdfast.types import Limits

SMALLEST_ANSWER = 256
"""Output tokens below which asking a model makes no sense."""

CLOSING_TOKENS = 2_000
"""Kept back from every turn so that the closing summary fits, or a tenth of the limit if that is less."""

CLOSING_ANSWER = 400
"""Output tokens of a closing summary at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What counts against the limits. Reservations with an unknown bill count as spent."""

    steps: int
    tokens: int
    cost_usd: Decimal
    tool_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The worst case of one model call, held before it."""

    max_tokens: int
    tokens: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A limit is used up; `reason` is the status reason."""

    reason: str


Price = Callable[[int, int], Decimal]
"""Worst cost in US dollars of so many input and output tokens."""


def closing_tokens(limits: Limits) -> int:
    """Tokens kept back for the closing summary."""
    return min(CLOSING_TOKENS, limits.tokens // 10)


def reserve(limits: Limits, spent: Spent, *, input_bound: int, wanted: int, price: Price) -> Reservation | Exhausted:
    """Room for one more turn, or which limit is used up.

    Args:
        limits: The execution's.
        spent: So far.
        input_bound: Tokens that the request has at most.
        wanted: Output tokens that the agent would like.
        price: Worst case over the whole fallback chain.
    """
    if spent.steps >= limits.steps:
        return Exhausted("MAX_STEPS_EXCEEDED")
    if limits.tool_calls is not None and spent.tool_calls >= limits.tool_calls:
        return Exhausted("MAX_TOOL_CALLS_EXCEEDED")
    left = limits.tokens - spent.tokens - closing_tokens(limits) - input_bound
    if left < min(SMALLEST_ANSWER, wanted):
        return Exhausted("MAX_TOKENS_EXCEEDED")
    kept_back = _dollars(limits) / 10 if limits.cost_usd is not None else Decimal(0)
    affordable = _affordable(limits, spent, kept_back, input_bound, min(wanted, left), price)
    if affordable < min(SMALLEST_ANSWER, wanted):
        return Exhausted("MAX_COST_EXCEEDED")
    return Reservation(max_tokens=affordable, tokens=input_bound + affordable, usd=price(input_bound, affordable))


def reserve_closing(limits: Limits, spent: Spent, *, input_bound: int, price: Price) -> Reservation | None:
    """Room for the closing summary, from what was kept back for it; `None` when not even that is left."""
    left = limits.tokens - spent.tokens - input_bound
    affordable = _affordable(limits, spent, Decimal(0), input_bound, min(CLOSING_ANSWER, left), price)
    if affordable < CLOSING_ANSWER // 8:
        return None
    return Reservation(max_tokens=affordable, tokens=input_bound + affordable, usd=price(input_bound, affordable))


def _dollars(limits: Limits) -> Decimal:
    return Decimal(str(limits.cost_usd))


def _affordable(  # noqa: PLR0913, PLR0917 - the terms of one inequality
    limits: Limits, spent: Spent, kept_back: Decimal, input_bound: int, wanted: int, price: Price
) -> int:
    """The most output tokens, up to `wanted`, whose worst case still fits the money."""
    if limits.cost_usd is None or wanted <= 0:
        return max(wanted, 0)
    left = _dollars(limits) - spent.cost_usd - kept_back
    low, high = 0, wanted
    if price(input_bound, 0) > left:
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        if price(input_bound, middle) <= left:
            low = middle
        else:
            high = middle - 1
    return low
