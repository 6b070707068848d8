"""What cannot be is refused in OpenAI's words, and nobody learns what is not theirs."""

from typing import Any

import httpx2
import openai
import pytest

from tests.doors.http.live import Live
from tests.doors.http.openai.conftest import client_of


def test_an_unknown_key_is_an_authentication_error(live: Live) -> None:
    """Clients raise the error that they know."""
    with client_of(live, key="hf_nobody") as nobody, pytest.raises(openai.AuthenticationError) as caught:
        nobody.responses.create(model="echo", input="hello")
    assert caught.value.code == "unauthenticated"


def test_an_unknown_agent_is_named_with_those_there_are(client: openai.OpenAI) -> None:
    """The message names the fix."""
    with pytest.raises(openai.NotFoundError, match=r"there are: .*echo") as caught:
        client.responses.create(model="gpt-5", input="hello")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("given", "param", "words"),
    [
        ({}, "input", "say what is asked"),
        ({"input": "x", "tools": [{"type": "function", "name": "f", "parameters": {}}]}, "tools", "own tools"),
        ({"input": "x", "conversation": "conv_1"}, "conversation", "previous_response_id"),
        ({"input": "x", "store": False}, "store", "journaled"),
        ({"input": "x", "previous_response_id": "resp_nothing"}, None, "no response"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]", "input_text"),
        ({"input": [{"type": "function_call_output"}]}, "input[0].type", "mcp_approval_response"),
        ({"input": [{"type": "mcp_approval_response"}]}, "input[0].approval_request_id", "mcpr_"),
        ({"input": "x", "metadata": {"k": "v" * 600}}, "metadata.k", "512"),
        ({"input": 3}, "input.str", "string"),
    ],
)
def test_a_request_that_cannot_work_says_what_would(
    live: Live, given: dict[str, Any], param: str | None, words: str
) -> None:
    """The parameter is named, as clients expect it."""
    key = {"authorization": f"Bearer {live.keys['operator']}"}
    told = httpx2.post(f"{live.url}/v1/openai/responses", json={"model": "echo", **given}, headers=key)
    assert told.status_code in {400, 404}
    error = told.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert error["param"] == param
    assert words in error["message"]


def test_what_is_not_json_is_refused(live: Live) -> None:
    """With OpenAI's form of an error."""
    key = {"authorization": f"Bearer {live.keys['operator']}", "content-type": "application/json"}
    told = httpx2.post(f"{live.url}/v1/openai/responses", content=b"{", headers=key)
    assert (told.status_code, told.json()["error"]["code"]) == (400, "invalid_json")


def test_a_runner_sees_its_own_only(live: Live, client: openai.OpenAI) -> None:
    """Another user's response does not exist for it, whatever it tries."""
    theirs = client.responses.create(model="echo", input="secret", user="ada")
    with client_of(live, "runner") as runner:
        for attempt in (
            lambda: runner.responses.retrieve(theirs.id),
            lambda: runner.responses.cancel(theirs.id),
            lambda: runner.responses.input_items.list(theirs.id),
            lambda: runner.responses.create(model="echo", input="more", previous_response_id=theirs.id),
        ):
            with pytest.raises(openai.NotFoundError, match="there is no response"):
                attempt()


def test_a_bound_key_acts_for_its_user(live: Live) -> None:
    """It starts what is its user's, and nothing for another one."""
    with client_of(live, key=live.key("runner", user="mia")) as bound:
        assert bound.responses.create(model="echo", input="x").user == "mia"
        with pytest.raises(openai.BadRequestError, match="acts for the user 'mia'"):
            bound.responses.create(model="echo", input="x", user="ada")


def test_a_viewer_starts_nothing(live: Live) -> None:
    """Looking is not running."""
    with client_of(live, "viewer") as viewer, pytest.raises(openai.PermissionDeniedError):
        viewer.responses.create(model="echo", input="x")


def test_the_same_idempotency_key_of_two_callers_is_two_executions(live: Live, client: openai.OpenAI) -> None:
    """A key that somebody guessed shows them nothing."""
    headers = {"Idempotency-Key": "guessed"}
    one = client.responses.create(model="echo", input="hello", extra_headers=headers)
    with client_of(live, "runner") as runner:
        two = runner.responses.create(model="echo", input="hello", extra_headers=headers)
    assert one.id != two.id


def test_responses_are_not_deleted(client: openai.OpenAI) -> None:
    """What happened stays on the record, and the client is told so."""
    made = client.responses.create(model="echo", input="hello")
    with pytest.raises(openai.APIStatusError, match="stays on the record"):
        client.responses.delete(made.id)
    assert client.responses.retrieve(made.id).output_text == "hello"


def test_a_response_that_does_not_exist_yet_is_not_found(client: openai.OpenAI) -> None:
    """It comes with people's answers."""
    first = client.responses.create(model="payer", input="pay")
    with pytest.raises(openai.NotFoundError, match="not answered"):
        client.responses.retrieve(f"{first.id}.2")


def test_a_waiting_response_takes_no_new_task(client: openai.OpenAI) -> None:
    """Words are no approval."""
    first = client.responses.create(model="payer", input="pay")
    with pytest.raises(openai.BadRequestError, match="mcp_approval_response"):
        client.responses.create(model="payer", input="yes", previous_response_id=first.id)


def test_a_failed_execution_is_a_failed_response(client: openai.OpenAI) -> None:
    """With the reason as the journal names it."""
    failed = client.responses.create(model="failer", input="x")
    assert failed.status == "failed"
    assert failed.error is not None
    assert "LOOP_DETECTED" in failed.error.message
