"""The chain against real HTTP and the providers' own SDKs."""

import asyncio
import socket
from decimal import Decimal

import pytest

from holdfast.loop.model import Models
from holdfast.loop.transcript import Responded, Returned, Told
from holdfast.types import Usage
from tests.loop.asking import Lookup, ask, chain, failure, request
from tests.providers.server import Answer, Body, Drop, Hang, Provider, Refuse

MODELS = ("openai-chat:gpt-5.2", "openai:gpt-5.2", "anthropic:claude-sonnet-5")
STREAMING = ("openai-chat:gpt-5.2", "anthropic:claude-sonnet-5")

both_ways = pytest.mark.parametrize("listener", [None, lambda _: None], ids=["whole", "streamed"])
every_model = pytest.mark.parametrize("model", MODELS)
every_streaming_model = pytest.mark.parametrize("model", STREAMING)


def attempted(models: Models, **options: object) -> str:
    """The failure of an attempt."""
    return failure(models, **options).failure


@every_model
def test_an_answer_arrives(provider: Provider, model: str):
    """Text, calls, finish reason and usage of a real HTTP answer are read, and it is priced."""
    provider.script = [Answer(text="One moment.", calls=(("find", {"id": 7}),))]
    response = ask(chain(model))
    assert response.text == "One moment."
    assert response.finish_reason in {"tool_call", "stop"}  # the Responses API does not tell them apart
    assert [call.tool for call in response.calls] == ["find"]
    assert response.usage.output_tokens == 7
    assert response.usage.cache_read_tokens == 4
    assert response.cost_usd > 0


@every_streaming_model
def test_a_streamed_answer_is_the_same_and_comes_in_pieces(provider: Provider, model: str):
    """A listener hears the words one by one; the answer is complete at the end."""
    provider.script = [Answer(text="One moment please", calls=(("find", {"id": 7}),))]
    heard: list[str] = []
    response = ask(chain(model), on_token=heard.append)
    assert [word for word in heard if word] == ["One ", "moment ", "please "]
    assert [(call.tool, call.arguments) for call in response.calls] == [("find", '{"id": 7}')]
    assert response.usage.output_tokens == 7


@every_model
def test_limits_are_really_sent(provider: Provider, model: str):
    """The token limit is on the wire, and the SDK does not stream behind our back."""
    ask(chain(model), request(max_tokens=321))
    body = provider.received[0].body
    sent = [body.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")]
    assert [limit for limit in sent if limit is not None] == [321]
    assert not body.get("stream")


@every_model
def test_no_attempt_is_hidden(provider: Provider, model: str):
    """What the SDK would retry by itself is one request for one recorded attempt."""
    provider.script = [Refuse(status=500)]
    assert attempted(chain(model)) == "server"
    assert len(provider.received) == 1


@every_model
@pytest.mark.parametrize(
    ("behaviour", "failed_as"),
    [
        (Refuse(status=429, kind="rate_limit_error", headers={"retry-after": "60"}), "rate_limit"),
        (Refuse(status=500, kind="api_error"), "server"),
        (Refuse(status=529, kind="overloaded_error"), "overload"),
        (Refuse(status=503), "overload"),
        (Refuse(status=403, kind="permission_error"), "authentication"),
        (Refuse(status=404, kind="not_found_error"), "rejected"),
        (Refuse(status=400, kind="invalid_request_error"), "rejected"),
        (Body(b"not json at all"), "malformed"),
        (Body(b'{"surprise": 1}'), "malformed"),
        (Body(b"[]"), "malformed"),
        (Body(b'{"output": 5, "content": 5, "choices": 5}'), "malformed"),
        (Body(b""), "malformed"),
        (Body(b"<html>gateway</html>", "text/html"), "malformed"),
        (Drop(), "connection"),
    ],
)
def test_every_misbehaviour_is_classified(provider: Provider, model: str, behaviour: object, failed_as: str):
    """Nothing that a provider does escapes; everything has a class that says what follows."""
    provider.script = [behaviour]
    assert attempted(chain(model)) == failed_as


@every_streaming_model
@pytest.mark.parametrize(
    ("behaviour", "failed_as"),
    [
        (Refuse(status=429, kind="rate_limit_error"), "rate_limit"),
        (Refuse(status=529, kind="overloaded_error"), "overload"),
        (Answer(text="cut in the middle of it", cut_after=3), "connection"),
        (Answer(text="cut before the first word", cut_after=0), "connection"),
        (Drop(), "connection"),
    ],
)
def test_a_stream_that_fails_is_classified(provider: Provider, model: str, behaviour: object, failed_as: str):
    """Half an answer is no answer."""
    provider.script = [behaviour]
    assert attempted(chain(model), on_token=lambda _: None) == failed_as


@every_model
def test_how_long_to_wait_is_read_from_the_answer(provider: Provider, model: str):
    """Retry-After is kept for whoever decides when to come back."""
    provider.script = [Refuse(status=429, kind="rate_limit_error", headers={"retry-after": "60"})]
    assert failure(chain(model)).retry_after_s == 60


@every_model
def test_a_wrong_key_is_named(provider: Provider, model: str, monkeypatch: pytest.MonkeyPatch):
    """A refused key costs one attempt."""
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong")
    assert attempted(chain(model)) == "authentication"
    assert len(provider.received) == 1


@every_model
def test_a_context_overflow_is_told_apart(provider: Provider, model: str):
    """Too long is no ordinary rejection: it can be compacted."""
    spelled = {
        "openai-chat:gpt-5.2": Refuse(status=400, kind="context_length_exceeded"),
        "openai:gpt-5.2": Refuse(status=400, kind="context_length_exceeded"),
        "anthropic:claude-sonnet-5": Refuse(
            status=400, kind="invalid_request_error", message="prompt is too long: 210000 tokens > 200000 maximum"
        ),
    }
    provider.script = [spelled[model]]
    assert attempted(chain(model)) == "context_overflow"


@every_model
@both_ways
def test_a_provider_that_hangs_is_timed_out(provider: Provider, model: str, listener: object):
    """A silent provider costs the timeout."""
    provider.script = [Hang()]
    assert attempted(chain(model), question=request(timeout_s=0.2), on_token=listener) == "timeout"
    assert len(provider.received) == 1


@every_model
def test_an_empty_message_is_an_answer(provider: Provider, model: str):
    """A model that says nothing has answered; what to do about it is the loop's business."""
    provider.script = [Answer()]
    response = ask(chain(model))
    assert (response.text, response.calls) == ("", ())


@every_streaming_model
@both_ways
def test_a_truncated_message_says_so(provider: Provider, model: str, listener: object):
    """The finish reason of an answer that hit its limit is `length`."""
    stop = {"openai-chat:gpt-5.2": "length", "anthropic:claude-sonnet-5": "max_tokens"}[model]
    provider.script = [Answer(text="half a", stop=stop)]
    assert ask(chain(model), on_token=listener).finish_reason == "length"


@every_model
def test_a_conversation_goes_back_as_it_came(provider: Provider, model: str):
    """A journaled response and its results are accepted in the next request, and paired."""
    provider.script = [Answer(calls=(("find", {"id": 7}), ("find", {"id": 8}))), Answer(text="done")]
    models = chain(model)
    first = ask(models)
    results = [
        Returned(provider_call_id=call.provider_call_id, tool="find", content="found it", status="completed")
        for call in first.calls
    ]
    second = ask(models, request(Told("hi"), Responded(first.json), *results, Told("and?")))
    assert second.text == "done"
    sent = str(provider.received[1].body)
    assert all(sent.count(call.provider_call_id) == 2 for call in first.calls)


@every_model
def test_instructions_are_sent_once(provider: Provider, model: str):
    """Instructions stand before the conversation, where providers cache them, and nowhere else."""
    ask(chain(model), request(instructions="Be brief and kind."))
    assert str(provider.received[0].body).count("Be brief and kind.") == 1


def test_a_model_serves_one_event_loop_after_another(provider: Provider):
    """`run_sync` may be called again and again on the same agent."""
    models = chain("openai-chat:gpt-5.2")
    assert [ask(models).text for _ in range(3)] == ["hello"] * 3
    asyncio.run(models.close())
    assert ask(models).text == "hello"


def test_a_provider_that_is_not_there_is_a_connection_failure(monkeypatch: pytest.MonkeyPatch):
    """A refused connection is named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        assert attempted(chain("openai-chat:gpt-5.2")) == "connection"


def test_a_server_of_ones_own_is_a_rung(provider: Provider):
    """A model instance with a base URL of the author's, such as vLLM or Ollama, is asked like any other."""
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    house = OpenAIChatModel("house", provider=OpenAIProvider(base_url=f"{provider.url}/v1", api_key="right-key"))
    response = ask(chain(house))
    assert (response.text, response.price_known, response.cost_usd) == ("hello", False, Decimal(0))


def test_ollama_is_reached_by_its_address(provider: Provider, monkeypatch: pytest.MonkeyPatch):
    """A local model server is named like a provider."""
    monkeypatch.setenv("OLLAMA_BASE_URL", f"{provider.url}/v1")
    monkeypatch.setenv("OLLAMA_API_KEY", "right-key")
    assert ask(chain("ollama:llama4")).usage == Usage(input_tokens=11, output_tokens=7, cache_read_tokens=4)


def test_the_output_tool_is_asked_for(provider: Provider):
    """An agent with an output type makes the model use a tool, the output tool among them."""
    ask(chain("openai-chat:gpt-5.2", output=list[int]))
    body = provider.received[0].body
    assert body["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["cannot_complete", "ask_person", "final_result"]


@every_model
def test_a_closing_request_forbids_the_tools_it_defines(provider: Provider, model: str):
    """The last words may follow calls: the tools stay defined, and none may be called."""
    models = chain(model, output=list[int])
    ask(models, request(tools=(Lookup(),)))
    ask(models, request(tools=(Lookup(),), closing=True))
    before, closing = (received.body for received in provider.received)
    assert closing["tools"] == before["tools"]
    assert closing["tool_choice"] in ("none", {"type": "none"})


@every_model
def test_a_bare_closing_request_has_no_tools(provider: Provider, model: str):
    """A closing made of a digest alone carries nothing else."""
    assert ask(chain(model), request(closing=True)).text == "hello"
    assert not provider.received[0].body.get("tools")
