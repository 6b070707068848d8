"""One attempt at one rung: what is asked, what is told of it, and what it may cost at most."""

import asyncio
import subprocess
import sys
from decimal import Decimal
from importlib.util import find_spec

import pytest
from pydantic import BaseModel
from pydantic_ai.exceptions import ModelHTTPError

from holdfast import Agent, Call, Final, Limits, Price, Say
from holdfast.errors import DeclarationError, MissingExtra
from holdfast.loop.failure import classify
from holdfast.loop.model import Models, Prompt
from holdfast.loop.transcript import Responded, Told
from holdfast.testing import Fail, FakeClock, Metered, Raw, ScriptedModel
from holdfast.trail.codec import storable
from holdfast.trail.redact import Redactor
from holdfast.types import Conversation, Usage
from tests.loop.asking import ask, chain, converse, failure, request, scripted


def answer_by_rules(talk: Conversation) -> Say:
    return Say(f"rules heard {talk.input}")


def test_a_slow_model_is_cut_off():
    """`timeout_s` bounds one attempt, whatever the provider does."""
    assert failure(chain(scripted(Say("late"), latency_s=60)), request(timeout_s=0.01)).failure == "timeout"


def test_how_long_a_provider_wants_to_be_left_alone_is_recorded():
    """Retry-After is part of the record."""
    assert failure(chain(scripted(Fail("rate_limit", retry_after_s=60)))).retry_after_s == 60


def test_cancelling_is_not_a_failure_of_the_model():
    """A cancelled turn stops; it is no attempt that failed."""

    async def cancelled() -> None:
        task = asyncio.create_task(chain(scripted(Say("x"), latency_s=60)).attempt(0, request()))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_a_rule_is_the_last_rung():
    """Plain code answers when no model does, and costs nothing."""
    response = ask(chain(scripted(Fail("quota")), answer_by_rules), rung=1)
    assert (response.text, response.model, response.rung) == ("rules heard hi", "rules:answer_by_rules", 1)
    assert (response.usage, response.cost_usd, response.price_known) == (Usage(), Decimal(0), True)


def test_a_rule_may_be_asynchronous():
    """A rule that waits for something is awaited."""

    async def slow_rule(_talk: Conversation) -> Call:
        await asyncio.sleep(0)
        return Call("find", {"id": 7})

    call = ask(chain(slow_rule)).calls[0]
    assert (call.tool, call.arguments) == ("find", {"id": 7})


def test_a_rule_that_raises_is_a_failed_rung():
    """A bug in a rule is a failed attempt, and is named."""

    def broken(_talk: Conversation) -> Say:
        raise KeyError("order")

    failed = failure(chain(broken))
    assert failed.failure == "rule_error"
    assert "KeyError: 'order'" in failed.error


def test_a_rule_that_returns_nothing_is_told_what_to_return():
    """Forgetting to answer is a mistake that the record explains."""
    failed = failure(chain(lambda _talk: None))
    assert failed.failure == "rule_error"
    assert "return Say" in failed.error


def test_a_rule_hands_in_a_structured_result():
    """Final(value) of a rule is a call of the output tool, as from a model."""

    class Answer(BaseModel):
        text: str
        cents: Decimal = Decimal("1.50")

    response = ask(chain(lambda _talk: Final(Answer(text="done")), output=Answer))
    assert [(call.tool, call.arguments) for call in response.calls] == [
        ("final_result", {"text": "done", "cents": "1.50"})
    ]


def test_a_missing_key_is_a_failed_rung_that_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    """An agent without a key can be declared; each attempt says what is missing."""
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    models = chain("openai:gpt-5.2", "anthropic:claude-sonnet-5", answer_by_rules)
    for rung, variable in enumerate(["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]):
        failed = failure(models, rung=rung)
        assert failed.failure == "authentication"
        assert variable in failed.error


@pytest.mark.parametrize("name", ["gpt-5.2", "openai:", "opnai:gpt-5.2"])
def test_a_name_that_is_none_of_a_model_is_refused(name: str):
    """A misspelt model is found when the worker starts, not by falling through the chain for ever."""
    with pytest.raises(DeclarationError, match="openai"):
        chain(name, answer_by_rules)


# Other extras bring the namespace `google`, which is not asked below itself where it is missing.
@pytest.mark.skipif(
    find_spec("google") is not None and find_spec("google.genai") is not None, reason="the extra is installed"
)
def test_a_provider_that_is_not_installed_names_its_extra():
    """The message is the command that mends it."""
    with pytest.raises(MissingExtra, match=r"pip install 'holdfast\[google\]'"):
        chain("google:gemini-2.5-pro")


def test_something_else_than_a_model_is_refused():
    """A rung is a name, a model instance or a function."""
    with pytest.raises(DeclarationError, match="rule function"):
        chain(42)


def test_a_budget_needs_prices():
    """A money limit over a model without a known price is refused, and the message says what to give."""
    with pytest.raises(DeclarationError, match=r"prices=\{'ollama:house-llm': Price\("):
        chain("ollama:house-llm", limits=Limits(cost_usd=1))


def test_the_authors_price_counts():
    """A price given by the author is used for reservation and bill."""
    price = Price(input_usd_per_mtok=Decimal(10), output_usd_per_mtok=Decimal(100))
    step = Metered(Say("x"), Usage(input_tokens=1_000, output_tokens=100))
    models = chain(scripted(step, name="house"), prices={"house": price}, limits=Limits(cost_usd=1))
    assert ask(models).cost_usd == models.worst_cost(1_000, 100) == Decimal("0.02")


def test_an_unknown_price_is_said_to_be_unknown():
    """Nought because nobody knows is not nought because it is free."""
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel

    response = ask(chain(FunctionModel(lambda *_: ModelResponse(parts=[TextPart("x")]))))
    assert (response.cost_usd, response.price_known) == (Decimal(0), False)


def test_the_dearest_rung_is_reserved_for():
    """A reservation holds whichever rung answers."""
    cheap, dear = (
        scripted(Say("x"), price=Price(input_usd_per_mtok=Decimal(n), output_usd_per_mtok=Decimal(n))) for n in (1, 7)
    )
    assert chain(cheap, dear).worst_cost(500_000, 500_000) == 7


def test_the_smallest_context_window_of_the_chain_counts():
    """A context must fit every rung."""
    models = (scripted(Say("x"), context_window=size) for size in (8_000, 4_000))
    assert chain(*models, answer_by_rules).context_window == 4_000


def test_the_agents_own_context_window_wins():
    """The author knows a private model better than a list."""
    assert chain(scripted(Say("x"), context_window=8_000), context_window=1_000).context_window == 1_000


def test_a_known_models_window_is_known_without_its_sdk():
    """The window of a named model comes from the price list."""
    assert chain("anthropic:claude-sonnet-5").context_window == 1_000_000


@pytest.mark.parametrize("words", ["hi", "äöü€😀" * 200, '"\\\n' * 300, "word " * 2_000])
def test_the_bound_covers_what_the_model_counts(words: str):
    """A tokenizer that makes a token of every byte, the worst there is, stays under the reservation."""
    bound = chain(scripted(Say("x"))).input_bound(request(Told(words), instructions=words))
    assert bound >= 2 * len(words.encode())


def test_every_turn_stays_under_its_bound():
    """Turn after turn, what the provider counts is within what was reserved."""
    models = chain(scripted(*[Call("find", {"id": n}) for n in range(30)]))
    bounds: list[int] = []
    responses = converse(models, 30, lambda question, _: bounds.append(models.input_bound(question)))
    assert all(response.usage.input_tokens <= bound for response, bound in zip(responses, bounds, strict=True))


def test_what_the_provider_counted_tightens_the_bound():
    """A long conversation is reserved for by its counted tokens, not by its bytes."""
    models = chain(scripted(Say("x")))
    entries = [Told("word " * 5_000), Responded({"parts": [{"part_kind": "text", "content": "ok"}]}), Told("go on")]
    loose = models.input_bound(request(*entries))
    tight = models.input_bound(request(*entries), known=(5_100, 2))
    assert 5_100 < tight < 5_300 < loose


def test_another_rungs_count_is_not_believed():
    """Rules count no tokens: their zero bounds no model."""
    models = chain(scripted(Say("x")), answer_by_rules)
    question = request(Told("word " * 1_000))
    assert models.input_bound(question, known=(0, 1), rung=1) >= 5_000
    assert models.input_bound(question, known=(0, 1)) >= 5_000


def test_rules_alone_need_no_tokens():
    """An agent of rules never runs into a token limit."""
    assert chain(answer_by_rules).input_bound(request()) == 0


def test_a_closing_summary_is_asked_without_tools():
    """When limits ran out, nothing is offered that could go on."""
    model = scripted(Call("find"), closing="That is all.")
    response = ask(chain(model), request(closing=True))
    assert (response.text, response.calls) == ("That is all.", ())


def test_closing_costs_little_beyond_its_words():
    """The bound of a closing request fits what is kept back for it."""
    assert chain(scripted(Say("x"))).input_bound(request(Told("x" * 1_000), closing=True)) < 1_200


def test_tokens_are_heard_as_they_come():
    """A listener hears the text in pieces, and the answer is the same."""
    heard: list[str] = []
    response = ask(chain(scripted(Say("one two three"))), on_token=heard.append)
    assert heard == ["one ", "two ", "three"]
    assert response.text == "one two three"


def test_a_streamed_call_is_the_same_call():
    """Listening changes nothing about tool calls."""
    plain, streamed = (
        ask(chain(scripted(Call("find", {"id": 1}))), on_token=listener) for listener in (None, lambda _: None)
    )
    assert plain.calls == streamed.calls


def test_a_broken_listener_does_not_lose_the_answer():
    """Whoever listens in cannot make a paid answer fail."""

    def broken(_text: str) -> None:
        raise BrokenPipeError

    response = ask(chain(scripted(Say("one two"))), on_token=broken)
    assert response.text == "one two"


def test_limits_reach_the_model():
    """Every request carries its token limit and its timeout, and forbids hidden retries."""
    model = scripted(Say("x"))
    ask(chain(model), request(max_tokens=123, timeout_s=4))
    assert model.last_settings == {"max_tokens": 123, "timeout": 4, "max_retries": 0}


def test_a_paused_answer_is_followed_to_its_end():
    """A provider that pauses is asked to go on, and both parts are one answer with one bill."""
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel
    from pydantic_ai.usage import RequestUsage

    usage = RequestUsage(input_tokens=10, output_tokens=1)

    def pausing(messages: list, _info: object) -> ModelResponse:
        paused = len(messages) == 1
        part = TextPart("first, " if paused else "then")
        return ModelResponse(parts=[part], usage=usage, state="suspended" if paused else "complete")

    response = ask(chain(FunctionModel(pausing)))
    assert (response.text, response.usage.input_tokens) == ("first, then", 20)


def test_an_answer_that_pauses_for_ever_is_given_up():
    """The number of continuations is bounded."""
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel

    model = FunctionModel(lambda *_: ModelResponse(parts=[TextPart("x")], state="suspended"))
    assert failure(chain(model)).failure == "connection"


def test_secrets_in_an_answer_are_redacted_everywhere():
    """What runs is what is recorded: text, calls and JSON lose the same secret."""
    key = "sk-" + "a1B2" * 8
    answered = ask(chain(scripted(Call("send", {"text": f"key {key}"}))))
    response = answered.recorded(storable(answered.json, Redactor()))
    assert key not in str(response.json)
    assert key not in str(response.calls)


def test_a_chain_of_rules_does_not_load_the_model_library():
    """An agent of rules starts without the seconds that model SDKs take to import."""
    code = (
        "import sys, holdfast.loop.model as m; from holdfast import Agent; from holdfast.testing import FakeClock;"
        "m.Models(Agent(name='a', models=[lambda c: 'x']), clock=FakeClock()); assert 'pydantic_ai' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_naming_a_model_does_not_load_its_sdk():
    """A rung's SDK is imported when the rung is first asked."""
    code = (
        "import sys, holdfast.loop.model as m; from holdfast import Agent; from holdfast.testing import FakeClock;"
        "m.Models(Agent(name='a', models=['openai:gpt-5.2', 'anthropic:claude-sonnet-5']), clock=FakeClock());"
        "assert not {'openai', 'anthropic'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_prompt_serves_a_changed_transcript():
    """After a compaction the model is sent the new conversation, not remains of the old one."""
    seen: list[int] = []

    def count(messages: list) -> Say:
        seen.append(len(messages))
        return Say("x")

    models = Models(Agent(name="a", models=[ScriptedModel(count)]), clock=FakeClock())
    prompt, said = Prompt(), Responded({"kind": "response", "parts": [{"part_kind": "text", "content": "ok"}]})
    for entries in ([Told("a"), said, Told("b")], [Told("digest")], [Told("digest"), said, Told("c")]):
        asyncio.run(models.attempt(0, request(*entries), prompt=prompt))
    assert seen == [3, 1, 3]


def test_a_filtered_answer_is_a_failure_with_a_known_bill():
    """A refusal by the provider's filter is no empty answer, and what the provider charged for it is known."""
    failed = failure(chain(scripted(Metered(Raw("", finish_reason="content_filter"), Usage(input_tokens=60)))))
    assert (failed.failure, failed.usage, failed.bill_unknown) == ("refusal", Usage(input_tokens=60), False)


@pytest.mark.parametrize(("word", "failure_class"), [("content_filter", "refusal"), ("error", "server")])
def test_half_an_answer_is_no_answer(word: str, failure_class: str):
    """Text in front of the point where a filter or a failure stopped the model reads like an answer, and is none."""
    half = Raw("You may have your money back, unless", finish_reason=word)
    failed = failure(chain(scripted(Metered(half, Usage(input_tokens=60, output_tokens=9)))))
    assert (failed.failure, failed.usage) == (failure_class, Usage(input_tokens=60, output_tokens=9))


def test_attempts_with_an_unknown_bill_are_told_apart():
    """A timeout may be charged for; a rate limit is not."""
    failed = [failure(chain(scripted(Fail(kind)))) for kind in ("timeout", "rate_limit")]
    assert [attempt.bill_unknown for attempt in failed] == [True, False]


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ({"code": "content_filter", "message": "no"}, "refusal"),
        ({"error": {"code": "content_policy_violation"}}, "refusal"),
        ({"code": "invalid_request"}, "rejected"),
        ({"error": "broken"}, "rejected"),
        (None, "rejected"),
    ],
)
def test_a_filter_that_refuses_the_request_itself_is_a_refusal(body: object, failure: str):
    """Some providers answer 400 with the filter's code, which is no mistake in the request."""
    assert classify(ModelHTTPError(400, "gpt", body)) == failure
