"""What a model call costs."""

from decimal import Decimal

import pytest

from holdfast.loop.prices import cost, find_tariff, worst_cost
from holdfast.types import Price, Usage

SONNET = find_tariff("claude-sonnet-5", provider="anthropic")
HOUSE = Price(input_usd_per_mtok=Decimal(2), output_usd_per_mtok=Decimal(8))


def test_a_listed_model_has_a_price():
    """The public list prices input and output."""
    assert cost(Usage(input_tokens=1_000, output_tokens=1_000), SONNET) > cost(Usage(input_tokens=1_000), SONNET) > 0


def test_cached_tokens_cost_less_and_written_ones_more():
    """The bill knows a cache hit from a cache write, and a write kept for an hour from one of five minutes."""
    read, plain, written = (
        cost(Usage(input_tokens=1_000, **counts), SONNET)
        for counts in ({"cache_read_tokens": 1_000}, {}, {"cache_write_tokens": 1_000})
    )
    kept = cost(Usage(input_tokens=1_000, cache_write_tokens=1_000), SONNET, kept_an_hour=1_000)
    assert read < plain < written < kept


@pytest.mark.parametrize("tokens", [(0, 0), (1, 1), (12_345, 678), (250_000, 4_096)])
@pytest.mark.parametrize("model", ["openai:gpt-5.2", "anthropic:claude-sonnet-5", "google:gemini-2.5-pro"])
def test_the_worst_case_is_the_price_itself(model: str, tokens: tuple[int, int]):
    """What is reserved without a cache is exactly what the call would cost, tiers of prices included."""
    provider, _, name = model.partition(":")
    tariff = find_tariff(name, provider=provider)
    assert worst_cost(*tokens, tariff) == cost(Usage(input_tokens=tokens[0], output_tokens=tokens[1]), tariff)


def test_the_worst_case_with_a_cache_covers_writing_it():
    """A request that may write a cache is reserved for at that price."""
    written = cost(Usage(input_tokens=1_000, cache_write_tokens=1_000), SONNET, kept_an_hour=1_000)
    assert worst_cost(1_000, 0, SONNET, caches=True) == written


@pytest.mark.parametrize("key", ["house", "vllm:house"])
def test_the_authors_price_wins(key: str):
    """A private model is priced by its name, with or without the provider."""
    assert find_tariff("house", provider="vllm", own={key: HOUSE}) is HOUSE
    assert cost(Usage(input_tokens=500_000, output_tokens=250_000), HOUSE) == Decimal(3)


def test_nobody_knows_a_private_models_price():
    """An unknown price is no price, and a cost of nought."""
    assert find_tariff("house", provider="ollama") is None
    assert cost(Usage(input_tokens=1_000), None) == 0


def test_a_resellers_address_may_have_its_own_price():
    """An address that the list does not know falls back to the provider's name."""
    assert find_tariff("gpt-5.2", provider="openai", url="http://127.0.0.1:1/v1") == find_tariff(
        "gpt-5.2", provider="openai"
    )


def test_the_authors_price_knows_caches():
    """Tokens from and into the provider's cache have prices of their own, and the worst case is the dearest."""
    price = Price(
        input_usd_per_mtok=Decimal(4),
        output_usd_per_mtok=Decimal(8),
        cache_read_usd_per_mtok=Decimal("0.4"),
        cache_write_usd_per_mtok=Decimal(5),
    )
    usage = Usage(
        input_tokens=1_000_000, output_tokens=1_000_000, cache_read_tokens=500_000, cache_write_tokens=100_000
    )
    assert cost(usage, price) == Decimal("1.6") + Decimal("0.2") + Decimal("0.5") + Decimal(8)
    assert worst_cost(1_000_000, 0, price) == 5
