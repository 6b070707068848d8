"""Incident 16: the model returns an empty or truncated message, or malformed JSON."""

import json

import pytest
from pydantic import BaseModel

from holdfast import App, Limits
from holdfast.types import Execution
from tests.incidents.desk import clerk
from tests.incidents.place import Place, events_of
from tests.providers.dialects import Dialect, dialect_of
from tests.providers.server import Answer, Body, Provider


class Resolution(BaseModel):
    answer: str


MODELS = {"openai-chat:gpt-5.2": "/v1/chat/completions", "anthropic:claude-sonnet-5": "/v1/messages"}
every_model = pytest.mark.parametrize("model", MODELS)
RIGHT = Answer(calls=(("final_result", {"answer": "fine"}),))


def dialect(model: str) -> Dialect:
    return dialect_of(MODELS[model])


def cut(model: str) -> Answer:
    """A message that stops at the token limit."""
    return Answer(text="I was about to say", stop="length" if "openai" in model else "max_tokens")


def broken_call(model: str) -> Body:
    """A tool call whose arguments are no JSON object, spelled as the provider would."""
    message = dialect(model).message(Answer(calls=(("look", {"order": "HERE"}),)), {"model": model})
    text = json.dumps(message)
    if "openai" in model:  # arguments are text there, and may be anything
        return Body(text.replace(r"{\"order\": \"HERE\"}", r"{\"order\": 7, \"trou").encode())
    return Body(text.replace('{"order": "HERE"}', '{"order": {"no": "text"}}').encode())


PROBLEMS = {
    "empty": (lambda model: Answer(), "empty"),
    "truncated": (cut, "cut off"),
    "plain text": (lambda model: Answer(text="It is fine."), "final_result"),
    "wrong result": (lambda model: Answer(calls=(("final_result", {"reply": "fine"}),)), "answer"),
    "malformed call": (broken_call, "arguments"),
}


def ran(place: Place, model: str, **options: object) -> tuple[Execution, list]:
    """One execution against the provider, and its journal."""

    async def story(app: App) -> tuple:
        ended = await app.run("clerk", "How is it?")
        return ended, await events_of(app, ended.id)

    agent = clerk(place.folder, models=[model], **{"output": Resolution, "limits": Limits()} | options)
    return place.play(story, place.app(agent))


@every_model
@pytest.mark.parametrize("problem", PROBLEMS)
def test_it_is_told_what_was_wrong(place: Place, provider: Provider, model: str, problem: str):
    """The model returns an empty or truncated message, or malformed JSON: it is asked again with the error."""
    spoil, words = PROBLEMS[problem]
    provider.script = [spoil(model), RIGHT]
    ended, _ = ran(place, model)
    assert (ended.status, ended.result, ended.step_count) == ("completed", {"answer": "fine"}, 2)
    assert len(provider.received) == 2
    first, second = (json.dumps(request.body["messages"]) for request in provider.received)
    assert words in second.replace(first[1:-1], "")
    assert place.did() == []


@every_model
@pytest.mark.parametrize("problem", ["empty", "truncated", "wrong result"])
def test_it_is_bounded_and_named(place: Place, provider: Provider, model: str, problem: str):
    """The model returns nonsense for ever: three corrections, then the execution ends with the reason."""
    provider.script = [PROBLEMS[problem][0](model)]
    ended, events = ran(place, model)
    assert (ended.status, ended.status_reason) == ("failed", "MALFORMED_OUTPUT")
    assert (len(provider.received), ended.step_count) == (4, 4)
    assert sum(event.kind == "model.corrected" for event in events) == 4


@every_model
def test_then_a_person_has_it(place: Place, provider: Provider, model: str):
    """The model returns nonsense for ever: where the agent says so it is handed over to a person, who ends it."""
    provider.script = [Answer()]

    async def story(app: App) -> None:
        parked = await app.run("clerk", "How is it?")
        assert (parked.status, parked.status_reason) == ("awaiting_review", "MALFORMED_OUTPUT")
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="Ada", edit={"answer": "Ada says fine"})
        ended = await app.resume(parked.id)
        assert (ended.status, ended.result) == ("completed", {"answer": "Ada says fine"})

    place.play(story, place.app(clerk(place.folder, models=[model], output=Resolution, on_failure="review")))


@every_model
@pytest.mark.parametrize("body", [b"{not json", b"[]", b"<html>busy</html>"])
def test_a_body_that_is_no_message_is_a_failed_attempt(place: Place, provider: Provider, model: str, body: bytes):
    """The provider returns malformed JSON: typed, tried once more, then the model counts as unavailable."""
    provider.script = [Body(body)]
    ended, events = ran(place, model)
    assert (ended.status, ended.status_reason) == ("failed", "MODEL_UNAVAILABLE")
    [failed] = [event.data for event in events if event.kind == "model.failed"]
    assert (
        [attempt["failure"] for attempt in failed["attempts"]]
        == ["malformed"] * 2
        == ["malformed"] * len(provider.received)
    )
