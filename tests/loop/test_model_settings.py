"""What a rung may have of its own: times, lengths, counts and prices."""

import asyncio
from decimal import Decimal

import pytest

from holdfast import Agent, Limits, Model, Price, Say
from holdfast.errors import DeclarationError
from holdfast.loop.model import Models, Prompt
from holdfast.loop.transcript import Told
from holdfast.testing import FakeClock, ScriptedModel
from tests.loop.asking import ask, chain, failure, request, scripted


def test_a_model_has_its_own_time_and_length():
    """What `Model` declares for one rung wins over what the agent declares for all."""
    model = scripted(Say("x"))
    ask(chain(Model(model, request_timeout_s=2, max_output_tokens=50)), request(max_tokens=200, timeout_s=5))
    assert model.last_settings == {"max_tokens": 50, "timeout": 2, "max_retries": 0}


def test_no_attempt_lasts_longer_than_the_execution():
    """The time left bounds an attempt, and the model is not blamed for it."""
    failed = failure(chain(scripted(Say("late"), latency_s=60)), left_s=0.01)
    assert (failed.failure, failed.hurried) == ("timeout", True)


def test_the_first_word_may_have_a_time_of_its_own():
    """A model that does not begin to answer is given up before its whole time is over."""
    slow = Model(scripted(Say("late"), latency_s=60), first_token_timeout_s=0.01)
    failed = failure(chain(slow), request(timeout_s=30))
    assert (failed.failure, failed.hurried, failed.latency_ms < 10_000) == ("timeout", False, True)


def test_an_answer_that_began_in_time_may_take_longer():
    """The first-token timeout ends with the first token."""
    model = Model(scripted(Say("one two three")), first_token_timeout_s=5)
    heard: list[str] = []
    assert ask(chain(model), on_token=heard.append).text == "one two three"
    assert heard == ["one ", "two ", "three"]


def test_a_longer_answer_of_one_model_is_reserved_for():
    """The reservation covers the model that may say most, at its own price."""
    price = Price(input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(1))
    long = Model(scripted(Say("x"), price=price), max_output_tokens=9_000)
    models = chain(scripted(Say("x")), long, max_output_tokens=1_000)
    assert models.wanted(1_000) == 9_000
    assert models.wanted(1_000, [0]) == 1_000
    assert models.worst_cost(0, 9_000) == Decimal("0.009")


def test_what_the_provider_counts_before_it_is_asked_tightens_the_bound():
    """With `count_input` room is reserved for the provider's count, and a little more."""

    class Counting(ScriptedModel):
        async def count_tokens(self, *_: object) -> object:
            from pydantic_ai.usage import RequestUsage

            return RequestUsage(input_tokens=1_000)

    models = chain(Model(Counting([Say("x")]), count_input=True))
    question = request(Told("word " * 5_000))
    counted = asyncio.run(models.count(question, [0], prompt=Prompt()))
    assert models.input_bound(question) > 25_000
    assert 1_000 < models.input_bound(question, counted=counted) < 1_100


def test_a_provider_that_does_not_count_leaves_the_proved_bound():
    """Where the provider has no such service, nothing changes."""
    models = chain(Model(scripted(Say("x")), count_input=True))
    assert asyncio.run(models.count(request(), [0], prompt=Prompt())) == {}


@pytest.mark.parametrize(
    "options",
    [{"request_timeout_s": 0}, {"first_token_timeout_s": -1}, {"max_output_tokens": 0}, {"max_output_tokens": True}],
)
def test_settings_that_cannot_work_are_refused(options: dict):
    """A timeout of nought is found where it is written."""
    with pytest.raises(DeclarationError, match=next(iter(options))):
        Model("openai:gpt-5.2", **options)


def test_a_price_from_the_configuration_counts():
    """What is configured for all agents prices a model that no list knows."""
    price = Price(input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(2))
    agent = Agent(name="a", models=["ollama:house-llm"], limits=Limits(cost_usd=1))
    models = Models(agent, clock=FakeClock(), prices={"ollama:house-llm": price})
    assert models.worst_cost(1_000_000, 1_000_000) == 3


def test_the_agents_price_wins_over_the_configured_one():
    """The author of an agent knows best."""
    own, general = (Price(input_usd_per_mtok=Decimal(n), output_usd_per_mtok=Decimal(n)) for n in (1, 9))
    agent = Agent(name="a", models=["ollama:house-llm"], prices={"house-llm": own})
    assert Models(agent, clock=FakeClock(), prices={"house-llm": general}).worst_cost(1_000_000, 0) == 1


def test_a_missing_price_can_be_asked_for():
    """A shared budget in dollars refuses to start over a model that nobody can price, and says why."""
    with pytest.raises(DeclarationError, match=r"budget 'daily' is in dollars, but nobody knows.*\[prices\."):
        chain("ollama:house-llm").require_prices("budget 'daily' is in dollars")


def test_a_price_in_floats_is_exact_all_the_same():
    """Ten cents are ten cents, however they are written."""
    models = chain(
        scripted(Say("x"), name="house"), prices={"house": Price(input_usd_per_mtok=0.1, output_usd_per_mtok=1)}
    )
    assert models.worst_cost(3_000_000, 0) == Decimal("0.3")


@pytest.mark.parametrize("price", [-1, float("nan"), None, "1"])
def test_a_price_that_is_none_is_refused(price: object):
    """A negative price would make a budget grow."""
    with pytest.raises(DeclarationError, match="input_usd_per_mtok"):
        Agent(name="a", models=["x:y"], prices={"y": Price(input_usd_per_mtok=price, output_usd_per_mtok=Decimal(1))})
