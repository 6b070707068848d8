"""The conversation in the model library's terms."""

import json

import pytest
from pydantic import BaseModel
from pydantic_ai import messages as lib

from holdfast.loop.messages import NO_ANSWER, Messages, Offer, dump, load
from holdfast.loop.output import OutputContract
from holdfast.loop.reply import Said, response_view, rule_response
from holdfast.loop.transcript import Answered, Responded, Returned, Told
from holdfast.testing import FakeClock
from holdfast.types import Call
from tests.loop.asking import Lookup


def said(*parts: lib.ModelResponsePart) -> Responded:
    return Responded(dump(lib.ModelResponse(parts=list(parts), model_name="m")))


def returned(call_id: str, status: str = "completed") -> Returned:
    return Returned(provider_call_id=call_id, tool="find", content="found", status=status)


CALLED = said(lib.ToolCallPart("find", {"id": 1}, "c1"), lib.ToolCallPart("find", {"id": 2}, "c2"))


def kinds(message: lib.ModelMessage) -> list[str]:
    return [part.part_kind for part in message.parts]


def test_results_and_words_after_a_response_are_one_request():
    """A provider gets all results of a message together, and the words that follow with them."""
    messages = Messages().of([Told("hi"), CALLED, returned("c1"), returned("c2"), Told("and now?")])
    assert [kinds(message) for message in messages] == [
        ["user-prompt"],
        ["tool-call", "tool-call"],
        ["tool-return", "tool-return", "user-prompt"],
    ]


@pytest.mark.parametrize(("status", "outcome"), [("completed", "success"), ("denied", "denied"), ("failed", "failed")])
def test_what_came_of_a_call_is_told(status: str, outcome: str):
    """A provider's error channel says which calls failed."""
    message = Messages().of([Told("hi"), CALLED, returned("c1", status)])[-1]
    assert message.parts[0].outcome == outcome


def test_a_turn_translates_only_what_is_new():
    """A long conversation is not translated again each turn."""
    messages, entries = Messages(), [Told("hi"), CALLED]
    first = messages.of(entries)[1]
    assert messages.of([*entries, returned("c1")])[1] is first


def test_new_words_join_the_request_that_failed():
    """When no model answered and a person added something, both go out together."""
    messages, entries = Messages(), [Told("hi")]
    messages.of(entries)
    assert kinds(messages.of([*entries, Told("please")])[0]) == ["user-prompt", "user-prompt"]


def test_a_compacted_conversation_is_translated_anew():
    """What was compacted away is not sent."""
    messages = Messages()
    messages.of([Told("hi"), CALLED, returned("c1")])
    assert [kinds(message) for message in messages.of([Told("digest"), CALLED])] == [
        ["user-prompt"],
        ["tool-call", "tool-call"],
    ]


def test_words_recalled_before_the_input_are_sent_first():
    """A thread's earlier words come before the question that continues it."""
    messages, question = Messages(), Told("and now?")
    messages.of([question])
    sent = messages.of([Told("earlier"), Answered("so it was"), question])
    assert [message.parts[0].content for message in sent] == ["earlier", "so it was", "and now?"]


@pytest.mark.parametrize("parts", [[], [lib.TextPart("")], [lib.ThinkingPart("hm", signature="s")]])
def test_an_empty_message_has_a_stand_in(parts: list[lib.ModelResponsePart]):
    """A message that providers would refuse in a history does not make every later request fail."""
    message = Messages().of([Told("hi"), said(*parts), Told("say something")])[1]
    assert message.parts[-1] == lib.TextPart(NO_ANSWER)


def test_thinking_signatures_survive_the_journal():
    """A provider gets its signed reasoning back byte for byte."""
    response = lib.ModelResponse(
        parts=[
            lib.ThinkingPart("hm", id="t1", signature="c2ln+/=", provider_name="anthropic"),
            lib.ThinkingPart("", id="redacted_thinking", signature="b3BhcXVl", provider_name="anthropic"),
            lib.ToolCallPart("find", '{"id": 1}', "c1", provider_details={"thought_signature": "x=="}),
        ],
        model_name="m",
        provider_name="anthropic",
        provider_details={"nothing": None},
    )
    assert load(json.loads(json.dumps(dump(response)))) == response


def test_a_providers_own_empty_tool_result_survives_the_journal():
    """A null that means something is kept."""
    native = lib.NativeToolReturnPart("search", None, "n1", provider_name="p")
    response = lib.ModelResponse(parts=[native], model_name="m")
    assert load(json.loads(json.dumps(dump(response)))) == response


def test_a_response_is_stored_without_its_defaults():
    """The journal does not pay for what says nothing."""
    stored = dump(lib.ModelResponse(parts=[lib.TextPart("ok")], model_name="m"))
    assert set(stored) == {"parts", "usage", "model_name", "timestamp", "kind", "state"}
    assert stored["usage"] == {}


def test_a_rules_answer_is_a_response_of_the_library():
    """What is written for a rule without the library is what the library reads."""
    at = FakeClock().now()
    written = rule_response(Said("ok", (Call("find", {"id": 1}),)), name="rules:r", at=at, call_prefix="r1")
    assert load(written) == lib.ModelResponse(
        parts=[lib.TextPart("ok"), lib.ToolCallPart("find", {"id": 1}, "r1-0")],
        model_name="rules:r",
        provider_name="rules",
        timestamp=at,
        finish_reason="tool_call",
    )


def test_a_recorded_response_is_read_without_the_library():
    """Text with something between is set apart; calls keep what the model wrote."""
    recorded = said(
        lib.TextPart("one "),
        lib.TextPart("two"),
        lib.ToolCallPart("find", '{"id": 1', "c1"),
        lib.TextPart("three"),
    ).response
    text, calls, _ = response_view(recorded)
    assert text == load(recorded).text == "one two\n\nthree"
    assert [(call.tool, call.arguments) for call in calls] == [("find", '{"id": 1')]


def test_every_agent_can_give_up_and_ask():
    """A model is never left without a way out."""
    offered = Offer(OutputContract(str)).parameters("Help.", [Lookup()], closing=False)
    assert [tool.name for tool in offered.function_tools] == ["find", "cannot_complete", "ask_person"]
    assert (offered.output_tools, offered.allow_text_output) == ([], True)


def test_a_structured_agent_is_given_the_output_tool():
    """The result's schema is what the model fills in."""

    class Answer(BaseModel):
        """The answer to the customer."""

        text: str

    offered = Offer(OutputContract(Answer)).parameters("", [], closing=False)
    assert [(tool.name, tool.description) for tool in offered.output_tools] == [
        ("final_result", "The answer to the customer.")
    ]
    assert not offered.allow_text_output


def test_tools_are_translated_once():
    """A tool set costs its translation once per agent, not once per turn."""
    offer = Offer(OutputContract(str))
    first, second = (offer.parameters("Help.", [Lookup()], closing=False) for _ in range(2))
    assert first.function_tools[0] is second.function_tools[0]
