"""Starting, finding and looking at executions."""

import asyncio

from tests.doors.http.api.conftest import Api


def test_a_started_execution_says_where_it_is(api: Api) -> None:
    """202 with `Location`: it is durable, and a worker takes it up."""
    answer = api.post("/v1/executions", {"agent": "helper", "input": "Where is it?", "user": "ann"})
    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"
    assert api.get(answer.headers["location"]).json()["input_data"] == "Where is it?"


def test_a_client_may_wait_for_the_result(api: Api) -> None:
    """`Prefer: wait` answers 200 with the result, as soon as a worker has it."""

    async def asked() -> tuple[int, dict[str, object], str]:
        async with api.app.worker(concurrency=1):
            answer = await api.called(
                "POST", "/v1/executions", json={"agent": "helper", "input": "?"}, headers={"prefer": "wait=20"}
            )
        return answer.status_code, answer.json(), answer.headers["preference-applied"]

    status, execution, applied = api.run(asked())
    assert (status, execution["status"], execution["result"]) == (200, "completed", "It is on its way.")
    assert applied == "wait=20"


def test_waiting_ends_when_a_person_is_asked(api: Api) -> None:
    """What waits for a person is answered at once, as 202."""

    async def asked() -> tuple[int, str]:
        async with api.app.worker(concurrency=1):
            answer = await api.called(
                "POST", "/v1/executions", json={"agent": "payer", "input": "?"}, headers={"prefer": "wait=20"}
            )
        return answer.status_code, answer.json()["status"]

    assert api.run(asked()) == (202, "awaiting_review")


def test_waiting_ends_when_its_time_is_over(api: Api) -> None:
    """Without a worker the answer comes after the time that the client would wait."""
    answer = api.post("/v1/executions", {"agent": "helper", "input": "?"}, headers={"prefer": "respond-async, wait=0"})
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


def test_asking_twice_with_one_key_is_asking_once(api: Api) -> None:
    """A double click, as header or in the body, starts one execution; another input is refused."""
    body = {"agent": "helper", "input": "once"}
    first = api.post("/v1/executions", body, headers={"idempotency-key": "click-1"}).json()
    again = api.post("/v1/executions", {**body, "idempotency_key": "click-1"}).json()
    other = api.post("/v1/executions", {**body, "input": "twice"}, headers={"idempotency-key": "click-1"})
    assert first["id"] == again["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


def test_two_different_idempotency_keys_are_refused(api: Api) -> None:
    """Nobody guesses which of two was meant."""
    body = {"agent": "helper", "input": "?", "idempotency_key": "a"}
    assert api.post("/v1/executions", body, headers={"idempotency-key": "b"}).json()["code"] == "usage"


def test_users_have_idempotency_keys_of_their_own(api: Api) -> None:
    """A runner who guesses another's key and input gets an execution of their own, not the other's."""
    asked = {"agent": "helper", "input": "same"}
    ids, shown = set(), set()
    for user in ("mia", "noa"):
        name = api.key(f"shop-{user}", "runner", user=user)
        answer = api.post("/v1/executions", asked, as_=name, headers={"idempotency-key": "k"}).json()
        ids.add(answer["id"])
        shown.add(answer["idempotency_key"])
    assert len(ids) == 2
    assert shown == {"k"}


def test_a_bound_key_starts_executions_of_its_user(api: Api) -> None:
    """It need not name the user, and cannot name another."""
    name = api.key("bound-ann", "operator", user="ann")
    own = api.post("/v1/executions", {"agent": "helper", "input": "?"}, as_=name)
    other = api.post("/v1/executions", {"agent": "helper", "input": "?", "user": "bob"}, as_=name)
    assert own.json()["user_id"] == "ann"
    assert other.status_code == 422


def test_a_runner_without_a_user_is_one_of_its_own(api: Api) -> None:
    """Its executions belong to a user called by the key's name."""
    assert api.post("/v1/executions", {"agent": "helper", "input": "?"}, as_="runner").json()["user_id"] == "runner"


def test_a_conversation_of_somebody_else_cannot_be_continued(api: Api) -> None:
    """Its words would be told to the caller's execution."""
    api.done(user="bob", thread="bobs")
    name = api.key("bound-ann", "operator", user="ann")
    answer = api.post("/v1/executions", {"agent": "helper", "input": "?", "thread": "bobs"}, as_=name)
    assert answer.status_code == 404


def test_an_agent_out_of_reach_is_not_there(api: Api) -> None:
    """A key that is bound to agents does not learn of others."""
    name = api.key("only-helper", "operator", agents=["helper"])
    missing = api.post("/v1/executions", {"agent": "nobody", "input": "?"}, as_=name).json()
    hidden = api.post("/v1/executions", {"agent": "payer", "input": "?"}, as_=name).json()
    assert missing["status"] == hidden["status"] == 404
    assert hidden["detail"].replace("payer", "nobody") == missing["detail"]


def test_others_executions_are_not_there(api: Api) -> None:
    """A bound key gets 404 for them, whatever it asks."""
    execution = api.done(user="bob").id
    name = api.key("bound-ann", "operator", user="ann")
    paths = ("", "/events", "/calls", f"/blobs/{'0' * 64}")
    assert {api.get(f"/v1/executions/{execution}{path}", as_=name).status_code for path in paths} == {404}
    assert {api.post(f"/v1/executions/{execution}/{verb}", as_=name).status_code for verb in ("cancel", "retry")} == {
        404
    }


def test_an_unchanged_execution_costs_no_answer(api: Api) -> None:
    """`If-None-Match` with its tag is 304; an event changes the tag."""
    execution = api.post("/v1/executions", {"agent": "helper", "input": "?"}).json()["id"]
    tag = api.get(f"/v1/executions/{execution}").headers["etag"]
    assert api.get(f"/v1/executions/{execution}", headers={"if-none-match": f"W/{tag}"}).status_code == 304
    api.run(api.app.cancel(execution))
    assert api.get(f"/v1/executions/{execution}", headers={"if-none-match": tag}).status_code == 200


def test_money_stays_exact(api: Api) -> None:
    """Amounts are text: JSON's numbers would round them."""
    assert api.get(f"/v1/executions/{api.done().id}").json()["cost_usd"] == "0"


def test_one_execution_comes_with_its_calls(api: Api) -> None:
    """The tool calls with arguments, results and effects."""
    (call,) = api.get(f"/v1/executions/{api.done().id}").json()["tool_calls"]
    assert (call["tool_name"], call["tool_input"], call["effect"]) == ("look", {"what": "it"}, "read")


def test_a_wait_ends_when_the_server_stops(api: Api) -> None:
    """A client that waits learns how far it is, rather than losing the connection."""

    async def asked() -> int:
        waiting = asyncio.create_task(
            api.called("POST", "/v1/executions", json={"agent": "helper", "input": "?"}, headers={"prefer": "wait=50"})
        )
        while not len(api.state["streams"]):  # noqa: ASYNC110 - nothing tells that a request is under way
            await asyncio.sleep(0)
        api.state["closing"].set()
        answer = await waiting
        api.state["closing"].clear()
        return answer.status_code

    assert api.run(asked()) == 202
