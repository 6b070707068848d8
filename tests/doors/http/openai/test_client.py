"""The unmodified Python client of OpenAI drives agents."""

import asyncio
import json
from typing import Any

import openai
import pytest

from holdfast.trail.events import CANCEL_REQUESTED
from tests.doors.http.live import Live
from tests.doors.http.openai.conftest import Gate, Parcel, client_of


def approval(request: Any, approve: bool, reason: str | None = None) -> dict[str, Any]:
    return {
        "type": "mcp_approval_response",
        "approval_request_id": request.id,
        "approve": approve,
        "reason": reason,
    }


def test_an_agent_answers_as_a_model_does(client: openai.OpenAI) -> None:
    """The client gets text, the tool calls that led to it, and the usage."""
    response = client.responses.create(model="helper", input="Where is order 1042?")
    assert (response.status, response.model) == ("completed", "helper")
    call, message = response.output
    assert (call.type, call.name, call.output) == ("mcp_call", "look", "order 1042 is on its way")
    assert json.loads(call.arguments) == {"order": 1042}
    assert message.type == "message"
    assert response.output_text.startswith("It is on its way")
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_the_asynchronous_client_works_too(live: Live) -> None:
    """The same for programs that use asyncio."""

    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=f"{live.url}/v1/openai", api_key=live.keys["operator"]) as client:
            return (await client.responses.create(model="echo", input="hello")).output_text

    assert asyncio.run(ask()) == "hello"


def test_a_typed_result_is_parsed_by_the_client(client: openai.OpenAI) -> None:
    """An agent with an output type gives JSON that the client's structured outputs read."""
    response = client.responses.parse(model="sorter", input="Where to?", text_format=Parcel)
    assert response.output_parsed == Parcel(city="Oslo", days=2)


def test_a_stream_tells_calls_and_the_answer_in_order(client: openai.OpenAI) -> None:
    """The client's own accumulator accepts the stream; numbers have no gaps."""
    with client.responses.stream(model="helper", input="Where?") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:3] == ["response.created", "response.queued", "response.in_progress"]
    assert kinds.index("response.mcp_call.completed") < kinds.index("response.output_text.done")
    assert final.output_text.startswith("It is on its way")


def test_a_request_in_the_background_is_polled(client: openai.OpenAI, gate: Gate) -> None:
    """It is answered before anything is done, and read until it is over."""
    response = client.responses.create(model="waiter", input="wait", background=True)
    assert response.status in {"queued", "in_progress"}
    assert response.background
    gate.opened.set()
    for event in client.responses.retrieve(response.id, stream=True):
        last = event.type
    assert last == "response.completed"
    assert client.responses.retrieve(response.id).output_text == "waited"


def test_a_cut_stream_is_resumed_by_number_on_another_server(live: Live, client: openai.OpenAI, gate: Gate) -> None:
    """Numbers come from the journal: a server that has never seen the response goes on where the other stopped."""
    stream = client.responses.create(model="waiter", input="wait", background=True, stream=True)
    seen = []
    for event in stream:
        seen.append(event)
        if event.type == "response.mcp_call.in_progress":
            break
    stream.close()
    other = Live(live.agents, live.database, worker=False)
    gate.opened.set()
    try:
        with client_of(other, key=live.keys["operator"]) as elsewhere:
            response_id = seen[0].response.id
            after = seen[-1].sequence_number
            rest = list(elsewhere.responses.retrieve(response_id, stream=True, starting_after=after))
    finally:
        other.close()
    again = list(client.responses.retrieve(response_id, stream=True))
    assert [*seen, *rest] == again
    assert again[-1].response.output_text == "waited"


def test_what_runs_can_be_cancelled(live: Live, client: openai.OpenAI, gate: Gate) -> None:
    """The call that runs ends first; cancelling twice is cancelling once."""
    response = client.responses.create(model="waiter", input="wait", background=True)
    assert gate.entered.wait(10)

    async def let_go_once_asked() -> None:
        async for event in live.app.events(response.id.removeprefix("resp_")):
            if event.kind == CANCEL_REQUESTED:
                gate.opened.set()

    asyncio.run_coroutine_threadsafe(let_go_once_asked(), live.loop)
    cancelled = client.responses.cancel(response.id)
    assert cancelled.status == "cancelled"
    assert client.responses.cancel(response.id).status == "cancelled"


def test_what_is_over_cannot_be_cancelled(client: openai.OpenAI) -> None:
    """The error says how it stands."""
    response = client.responses.create(model="echo", input="hello")
    with pytest.raises(openai.BadRequestError, match="completed cannot be cancelled"):
        client.responses.cancel(response.id)


def test_an_approval_is_given_through_the_client(client: openai.OpenAI) -> None:
    """The call runs once it is approved, in a second response of the same execution."""
    first = client.responses.create(model="payer", input="pay")
    (request,) = first.output
    assert (request.type, request.name, request.server_label) == ("mcp_approval_request", "pay", "payer")
    assert json.loads(request.arguments) == {"amount": 120}
    second = client.responses.create(
        model="payer", previous_response_id=first.id, input=[approval(request, True, "agreed")]
    )
    assert second.output[0].approval_request_id == request.id
    assert second.output_text == "done: paid 120"
    assert second.previous_response_id == first.id
    (answer,) = client.responses.input_items.list(second.id).data
    assert (answer.type, answer.approve, answer.reason) == ("mcp_approval_response", True, "agreed")


def test_a_no_is_told_to_the_agent(live: Live, client: openai.OpenAI) -> None:
    """The call does not run, and the record says who refused it and why."""
    first = client.responses.create(model="payer", input="pay")
    (request,) = first.output
    second = client.responses.create(
        model="payer", previous_response_id=first.id, input=[approval(request, False, "too much")], stream=True
    )
    final = list(second)[-1].response
    assert final.output[0].status == "failed"
    assert "too much" in str(final.output[0].error)
    (asked,) = live.do(live.app.approvals(None, execution_id=first.id.removeprefix("resp_")))
    assert (asked.decided_by, asked.status) == ("operator", "rejected")


def test_a_repeated_approval_counts_once(client: openai.OpenAI) -> None:
    """A client that lost the answer sends it again and gets the same response."""
    first = client.responses.create(model="payer", input="pay")
    given = [approval(first.output[0], True)]
    once = client.responses.create(model="payer", previous_response_id=first.id, input=given)
    twice = client.responses.create(model="payer", previous_response_id=first.id, input=given)
    assert once.to_dict() == twice.to_dict()


def test_the_second_of_two_people_is_told_who_was_faster(live: Live, client: openai.OpenAI) -> None:
    """An approval is answered once."""
    first = client.responses.create(model="payer", input="pay")
    client.responses.create(model="payer", previous_response_id=first.id, input=[approval(first.output[0], False)])
    with client_of(live, "approver") as approver, pytest.raises(openai.BadRequestError, match="operator"):
        approver.responses.create(model="payer", previous_response_id=first.id, input=[approval(first.output[0], True)])


def test_a_key_that_may_not_decide_is_told_so(live: Live) -> None:
    """Starting and deciding are two powers."""
    with client_of(live, "runner") as runner:
        first = runner.responses.create(model="payer", input="pay")
        with pytest.raises(openai.PermissionDeniedError, match="runner may not answer"):
            runner.responses.create(
                model="payer", previous_response_id=first.id, input=[approval(first.output[0], True)]
            )


def test_with_two_questions_open_it_goes_on_when_both_are_answered(client: openai.OpenAI) -> None:
    """After the first answer the same response still waits."""
    first = client.responses.create(model="spender", input="pay")
    one, two = first.output
    still = client.responses.create(model="spender", previous_response_id=first.id, input=[approval(one, True)])
    assert still.id == first.id
    done = client.responses.create(model="spender", previous_response_id=first.id, input=[approval(two, True)])
    assert done.output_text == "both done"


def test_a_question_of_the_agent_is_answered_in_words(client: openai.OpenAI) -> None:
    """Plain text after a question is its answer."""
    first = client.responses.create(model="asker", input="send it")
    (request,) = first.output
    assert request.question == "Which city?"
    second = client.responses.create(model="asker", input="Oslo", previous_response_id=first.id)
    assert "Oslo" in second.output_text


def test_a_person_who_approves_elsewhere_lets_the_response_go_on(live: Live, client: openai.OpenAI) -> None:
    """The response that waited names the one that follows."""
    first = client.responses.create(model="payer", input="pay")
    live.do(live.app.decide(first.output[0].id.removeprefix("mcpr_"), "approve", by="Ada"))
    waited = client.responses.retrieve(first.id)
    following = waited.model_extra["holdfast"]["next_response_id"]
    assert list(client.responses.retrieve(following, stream=True))[-1].response.output_text == "done: paid 120"


def test_a_conversation_goes_on(client: openai.OpenAI) -> None:
    """The next execution is told what was said before."""
    first = client.responses.create(model="echo", input="I am Mia")
    second = client.responses.create(model="helper", input="Where?")
    assert "Mia" not in second.output_text
    with pytest.raises(openai.BadRequestError, match="is of echo"):
        client.responses.create(model="helper", input="Where?", previous_response_id=first.id)
    before = client.responses.create(model="helper", input="I am Mia")
    after = client.responses.create(model="helper", input="Where?", previous_response_id=before.id)
    assert after.output_text == "It is on its way, Mia."


def test_a_conversation_is_not_forked_silently(client: openai.OpenAI) -> None:
    """Its newest response goes on; an older one would be told what came later."""
    first = client.responses.create(model="echo", input="one")
    second = client.responses.create(model="echo", input="two", previous_response_id=first.id)
    with pytest.raises(openai.BadRequestError, match=f"continue {second.id}"):
        client.responses.create(model="echo", input="three", previous_response_id=first.id)


def test_messages_and_instructions_become_one_input(client: openai.OpenAI) -> None:
    """A client that keeps the conversation itself sends all of it; instructions are the caller's words, no more."""
    response = client.responses.create(
        model="echo",
        instructions="Be brief.",
        input=[
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "three"}]},
        ],
    )
    assert response.output_text == "[instructions]\nBe brief.\n\n[user]\none\n\n[assistant]\ntwo\n\n[user]\nthree"
    assert response.instructions == "Be brief."


def test_metadata_and_user_stay_with_the_response(live: Live, client: openai.OpenAI) -> None:
    """They are read back, and the execution is that user's."""
    made = client.responses.create(model="echo", input="hello", metadata={"order": "1042"}, user="mia")
    response = client.responses.retrieve(made.id)
    assert (response.metadata, response.user) == ({"order": "1042"}, "mia")
    assert live.do(live.app.get(made.id.removeprefix("resp_"))).user_id == "mia"


def test_the_same_idempotency_key_is_one_execution(client: openai.OpenAI) -> None:
    """A request that is posted twice is worked once."""
    headers = {"Idempotency-Key": "order-1042"}
    one = client.responses.create(model="echo", input="hello", extra_headers=headers)
    two = client.responses.create(model="echo", input="hello", extra_headers=headers)
    assert one.id == two.id


def test_agents_are_listed_as_models(live: Live, client: openai.OpenAI) -> None:
    """Each key sees those that it reaches."""
    assert "helper" in [model.id for model in client.models.list()]
    with client_of(live, key=live.key("runner", agents=["echo"])) as bound:
        assert [model.id for model in bound.models.list()] == ["echo"]
        with pytest.raises(openai.NotFoundError):
            bound.models.retrieve("helper")
