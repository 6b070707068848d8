"""What a model call costs: the author's prices first, then the public price list, else unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from holdfast.types import Price, Usage

MILLION = 1_000_000

ALIASES = {"google-gla": "google", "google-vertex": "google", "google-cloud": "google"}
"""Names of the model library for providers that the price list knows by another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A model that the public price list knows."""

    model: str
    provider: str | None
    url: str | None
    context_window: int | None


Tariff: TypeAlias = Price | Listed
"""How a call is priced."""


def find_tariff(
    model: str, *, provider: str | None, url: str | None = None, own: Mapping[str, Price] | None = None
) -> Tariff | None:
    """How calls of a model are priced; `None` when nobody knows.

    Args:
        model: The provider's name for it.
        provider: The model library's name for the provider.
        url: The API's address, where it is known: some resellers have prices of their own.
        own: The author's prices, by `model` or `provider:model`.
    """
    prices = own or {}
    mine = prices.get(f"{provider}:{model}") or prices.get(model)
    return mine or find_listed(model, provider=provider, url=url)


def exact(price: Price) -> Price:
    """The price in decimals, also where it was given in floats: a bill is exact."""
    given = {one.name: getattr(price, one.name) for one in fields(Price)}
    return replace(price, **{name: Decimal(str(value)) for name, value in given.items() if value is not None})


def find_listed(model: str, *, provider: str | None, url: str | None = None) -> Listed | None:
    """The model in the public price list."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - 0.1 s that agents of rules do not need

    name = ALIASES.get(provider or "", provider)
    for by_name, by_url in ((None, url), (name, None)):
        if by_name is None and by_url is None:
            continue
        try:
            _, found = get_snapshot().find_provider_model(
                model, provider=None, provider_id=by_name, provider_api_url=by_url
            )
        except LookupError:
            continue
        return Listed(model=model, provider=by_name, url=by_url, context_window=found.context_window)
    return None


def cost(usage: Usage, tariff: Tariff | None, *, kept_an_hour: int = 0) -> Decimal:
    """US dollars for a call; 0 where the price is unknown.

    Args:
        usage: As the provider reported it; reasoning is part of the output.
        tariff: The model's.
        kept_an_hour: How many of the tokens written to the cache are kept for an hour, at a higher price.
    """
    match tariff:
        case None:
            return Decimal(0)
        case Price():
            return _own_cost(usage, tariff)
        case Listed():
            return _listed_cost(usage, tariff, kept_an_hour=kept_an_hour)


def _own_cost(usage: Usage, price: Price) -> Decimal:
    read, written = usage.cache_read_tokens, usage.cache_write_tokens
    plain = max(usage.input_tokens - read - written, 0)
    own_read, own_written = price.cache_read_usd_per_mtok, price.cache_write_usd_per_mtok
    total = plain * price.input_usd_per_mtok + usage.output_tokens * price.output_usd_per_mtok
    total += read * (price.input_usd_per_mtok if own_read is None else own_read)
    total += written * (price.input_usd_per_mtok if own_written is None else own_written)
    return total / MILLION


def dearest_input(price: Price) -> Decimal:
    """What a million tokens of input cost at most, wherever they come from."""
    own = (price.input_usd_per_mtok, price.cache_read_usd_per_mtok, price.cache_write_usd_per_mtok)
    return max(each for each in own if each is not None)


def worst_cost(input_tokens: int, output_tokens: int, tariff: Tariff | None, *, caches: bool = False) -> Decimal:
    """US dollars for so many tokens at most.

    Args:
        input_tokens: At most.
        output_tokens: At most.
        tariff: The model's.
        caches: Whether the request may write the provider's cache, which costs more than plain input.
    """
    if tariff is None:
        return Decimal(0)
    if isinstance(tariff, Price):
        return (input_tokens * dearest_input(tariff) + output_tokens * tariff.output_usd_per_mtok) / MILLION
    base, slope = _line(input_tokens, tariff, caches)
    return base + slope * output_tokens / MILLION


@lru_cache(maxsize=256)
def _line(input_tokens: int, tariff: Listed, caches: bool) -> tuple[Decimal, Decimal]:  # noqa: FBT001 - a cache key
    """Cost of the input, and of a million output tokens after it: tiers of prices depend on the input alone."""
    written = input_tokens if caches else 0
    base = max(
        _listed_cost(Usage(input_tokens=input_tokens), tariff),
        _listed_cost(Usage(input_tokens=input_tokens, cache_write_tokens=written), tariff, kept_an_hour=written),
    )
    plain = _listed_cost(Usage(input_tokens=input_tokens), tariff)
    return base, _listed_cost(Usage(input_tokens=input_tokens, output_tokens=MILLION), tariff) - plain


def _listed_cost(usage: Usage, tariff: Listed, *, kept_an_hour: int = 0) -> Decimal:
    import genai_prices  # noqa: PLC0415 - as above

    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=kept_an_hour,
    )
    if tariff.url:
        return genai_prices.calc_price(counted, tariff.model, provider_api_url=tariff.url).total_price
    return genai_prices.calc_price(counted, tariff.model, provider_id=tariff.provider).total_price
