"""What is another user's, or another agent's, is not there: not in a list, not by its id, not to be changed."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256

import pytest

from holdfast.types import Budget, Execution
from tests.doors.http.security.conftest import Site
from tests.doors.http.security.test_routes import RULES

SECRET = "xyzzy"
"""In everything of the other user that has words."""


@dataclass(frozen=True)
class Whose:
    """What two users have, and the ids by which one could ask for the other's."""

    site: Site
    theirs: dict[str, str]
    mine: dict[str, str]
    keys: dict[str, str]


def ids_of(site: Site, asks: Execution, answered: Execution, long: str) -> dict[str, str]:
    """By the names of path parameters."""
    (approval,) = site.run(site.app.approvals(execution_id=asks.id))
    return {
        "execution": asks.id,
        "answered": answered.id,
        "approval": approval.id,
        "thread": answered.thread_id or "",
        "digest": sha256(long.encode()).hexdigest(),
    }


@pytest.fixture(scope="module")
def whose(site: Site) -> Whose:
    app = site.app
    budget = Budget(name="theirs", scope="user", subject=f"bob-{SECRET}", tokens=9_000_000)
    site.run(app.control.set_budget(budget, by="test"))
    site.run(app.grant("pay", by="test", why=SECRET, for_s=900, uses=1, agent="payer", bounds=["amount<=1"]))
    sets: list[dict[str, str]] = []
    for user, word in ((f"bob-{SECRET}", SECRET), ("mia", "plugh")):
        asks = site.started("payer", f"pay {word}", user=user, thread=f"money-{word}")
        long = f"{word} " + "x" * 20_000
        answered = site.started("helper", [f"help {word}", long], user=user, thread=f"talk-{word}")
        sets.append(ids_of(site, asks, answered, long))
    keys = {
        "viewer of mia": site.key("viewer", user="mia"),
        "runner of mia": site.key("runner", user="mia"),
        "operator of mia": site.key("operator", user="mia"),
        "approver of mia": site.key("approver", user="mia"),
    }
    return Whose(site, sets[0], sets[1], keys)


def filled(path: str, ids: dict[str, str]) -> list[str]:
    """A route's path with ids in the places of its parameters; several where an id may be of several kinds."""
    kinds = {"approval": ["approval"], "thread": ["thread"], "response": ["execution"], "grant": ["execution"]}
    noun = next((name for name in kinds if f"/{name}" in path and not path.startswith("/v1/executions")), "")
    paths = [path.replace("{digest}", ids["digest"])]
    for parameter in re.findall(r"{(\w+)}", paths[0]):
        values = [ids[kind] for kind in kinds.get(noun, ["execution", "answered"])]
        if parameter in {"agent", "name"}:
            values = ["payer", "helper"]
        if parameter == "response_id":
            values = [f"resp_{value}" for value in values]
        paths = [each.replace(f"{{{parameter}}}", value) for each in paths for value in values]
    return paths


READS = [name.split(" ", 1)[1] for name, rule in RULES.items() if name.startswith("GET ") and rule == "see"]
ONE = re.compile(r"{(id|id_|execution_id|approval_id|response_id|task_id)}")
OF_ONE = [path for path in READS if ONE.search(path)]
LISTS = [path for path in READS if "{" not in path and not path.startswith("/live")]


@pytest.mark.parametrize("path", [path for path in OF_ONE if "grant" not in path])
def test_what_is_another_users_is_not_there(whose: Whose, path: str) -> None:
    """404, exactly as for what there is not at all."""
    for key in whose.keys.values():
        for asked in filled(path, whose.theirs):
            answer = whose.site.request("GET", asked, key=key)
            assert answer.status_code == 404, asked
            assert SECRET not in answer.text.replace(whose.theirs["thread"], "")


@pytest.mark.parametrize("path", [path for path in OF_ONE if not re.search("grant|live|subscribe|pushNot", path)])
def test_what_is_ones_own_is_there(whose: Whose, path: str) -> None:
    """Else the other tests would prove nothing."""
    came = {whose.site.request("GET", asked, key=whose.keys["viewer of mia"]).status_code
            for asked in filled(path, whose.mine)}  # fmt: skip
    assert 200 in came


@pytest.mark.parametrize("path", LISTS)
def test_no_list_has_a_word_of_another_user(whose: Whose, path: str) -> None:
    """Nor a page, nor a count of spending, nor a name."""
    for who, key in whose.keys.items():
        answer = whose.site.request("GET", path, key=key, headers={"accept": "text/html, application/json"})
        assert answer.status_code in {200, 403, 404}, (who, answer.status_code)
        assert SECRET not in answer.text, who
        for name, value in whose.theirs.items():
            assert value not in answer.text, (who, name)


@pytest.mark.parametrize(
    "query",
    ["user=bob-xyzzy", "thread=talk-xyzzy", "user=mia&thread=talk-xyzzy", "execution={execution}", "agent=payer"],
)
def test_no_filter_reaches_further(whose: Whose, query: str) -> None:
    """Asking for another user's is asking for nothing."""
    for path in ("/v1/executions", "/v1/tool-calls", "/v1/threads", "/v1/approvals", "/v1/costs", "/executions"):
        asked = f"{path}?{query.format(**whose.theirs)}"
        answer = whose.site.request("GET", asked, key=whose.keys["viewer of mia"])
        found = answer.text.replace(query.format(**whose.theirs), "").replace("bob-xyzzy", "").replace("talk-xyzzy", "")
        assert SECRET not in found, asked
        assert whose.theirs["execution"] not in found.replace(f"execution={whose.theirs['execution']}", "")


def test_a_blob_belongs_to_its_execution(whose: Whose) -> None:
    """Knowing another user's digest is not enough, not even with an execution of one's own."""
    key, mine, theirs = whose.keys["viewer of mia"], whose.mine, whose.theirs
    assert mine["digest"] != theirs["digest"] != ""
    own = whose.site.request("GET", f"/v1/executions/{mine['answered']}/blobs/{mine['digest']}", key=key)
    assert own.status_code == 200
    for execution, digest in [(mine["answered"], theirs["digest"]), (theirs["answered"], theirs["digest"])]:
        assert whose.site.request("GET", f"/v1/executions/{execution}/blobs/{digest}", key=key).status_code == 404


CHANGES = {
    "POST /v1/executions/{id}/cancel": {},
    "POST /v1/executions/{id}/retry": {},
    "POST /v1/executions/{id}/signals": {"name": "docs.signed"},
    "POST /v1/approvals/{id}/decide": {"answer": "approve"},
    "POST /v1/openai/responses/{response_id}/cancel": {},
    "DELETE /v1/openai/responses/{response_id}": {},
    "POST /a2a/{agent}/tasks/{task_id}:cancel": {},
    "POST /a2a/{agent}/tasks/{task_id}:subscribe": {},
    "POST /a2a/{agent}/tasks/{task_id}/pushNotificationConfigs": {"url": "https://hooks.example.com/x"},
    "DELETE /a2a/{agent}/tasks/{task_id}/pushNotificationConfigs/{name}": {},
    "POST /executions/{id_}/cancel": {},
    "POST /executions/{id_}/retry": {},
    "POST /approvals/{approval_id}": {"choice": "approve", "answer": "approve"},
    "POST /approvals/{approval_id}/difference": {"edit": "{}"},
    "POST /approvals/{approval_id}/grant": {"for": "1h", "uses": "1", "why": "x"},
}


@pytest.mark.parametrize("route", sorted(CHANGES))
def test_nothing_of_another_user_can_be_changed(whose: Whose, route: str) -> None:
    """With the power to do it to one's own; afterwards it stands as it stood."""
    method, path = route.split(" ", 1)
    body = {"json": CHANGES[route]} if path.startswith(("/v1", "/a2a")) else {"data": CHANGES[route]}
    body = {} if method == "DELETE" else body
    for asked in filled(path, whose.theirs):
        answer = whose.site.request(method, asked, key=whose.keys["operator of mia"], **body)
        assert answer.status_code == 404, answer.text
    assert whose.site.run(whose.site.app.get(whose.theirs["execution"])).status == "awaiting_review"


def test_every_change_of_one_thing_is_tried(whose: Whose) -> None:
    """A new route that changes an execution or an approval has to be tried above."""
    tried = {
        name
        for name, rule in RULES.items()
        if name.startswith(("POST", "PUT", "DELETE"))
        and ONE.search(name)
        and rule in {"run", "decide", "operate", "see"}
        and "grants" not in name
    }
    assert tried == set(CHANGES)


def test_changing_many_leaves_out_what_is_another_users(whose: Whose) -> None:
    """As if the ids named nothing."""
    key, ids = whose.keys["operator of mia"], [whose.theirs["execution"], "01a1ff67c2eb729582276804bde931ea"]
    done = whose.site.request("POST", "/v1/executions/bulk", key=key, json={"action": "cancel", "ids": ids}).json()
    assert {one["code"] for one in done["results"]} == {"not_found"}
    whose.site.request("POST", "/executions/bulk", key=key, data={"action": "cancel", "id": ids})
    whose.site.request("POST", "/approvals/bulk", key=key, data={"answer": "approve", "id": [whose.theirs["approval"]]})
    assert whose.site.run(whose.site.app.get(ids[0])).status == "awaiting_review"


def test_nobody_starts_in_the_name_or_the_conversation_of_another(whose: Whose) -> None:
    """A thread's words are told to the agent: continuing it would be reading it."""
    for key in (whose.keys["runner of mia"], whose.keys["operator of mia"]):
        for extra, status in [({"user": f"bob-{SECRET}"}, 422), ({"thread": whose.theirs["thread"]}, 404)]:
            body = {"agent": "helper", "input": "hello", **extra}
            answer = whose.site.request("POST", "/v1/executions", key=key, json=body)
            assert answer.status_code == status, answer.text


def test_an_idempotency_key_finds_ones_own_only(whose: Whose) -> None:
    """Guessing another user's key finds nothing of theirs."""
    other = whose.site.key("runner", user=f"bob-{SECRET}")
    body, headers = {"agent": "helper", "input": "same"}, {"idempotency-key": "order-1"}
    first = whose.site.request("POST", "/v1/executions", key=other, json=body, headers=headers).json()
    second = whose.site.request("POST", "/v1/executions", key=whose.keys["runner of mia"], json=body, headers=headers)
    assert second.json()["id"] != first["id"]


@pytest.mark.parametrize("role", ["viewer", "runner", "approver", "operator"])
def test_a_key_for_one_agent_reaches_no_other(whose: Whose, role: str) -> None:
    """Its executions, approvals and calls are not there, and it cannot be started."""
    key, mine = whose.site.key(role, user="mia", agents=["helper"]), whose.mine
    for path, status in [
        (f"/v1/executions/{mine['answered']}", 200),
        (f"/v1/executions/{mine['execution']}", 404),
        (f"/v1/executions/{mine['execution']}/events", 404),
        (f"/v1/approvals/{mine['approval']}", 404),
        (f"/executions/{mine['execution']}", 404),
        ("/v1/agents/helper", 200),
        ("/v1/agents/payer", 404),
        ("/v1/openai/models/payer", 404),
    ]:
        assert whose.site.request("GET", path, key=key).status_code == status, path
    for path in LISTS:
        text = whose.site.request("GET", path, key=key).text
        assert mine["execution"] not in text, path
        assert '"payer"' not in text, path
    if role in {"runner", "operator"}:
        refused = whose.site.request("POST", "/v1/executions", key=key, json={"agent": "payer", "input": "x"})
        assert refused.status_code == 404


def test_a_bound_operator_stops_nothing_of_everybody(whose: Whose) -> None:
    """What concerns all users and agents takes a key that is bound to none."""
    for bound in (whose.keys["operator of mia"], whose.site.key("operator", agents=["helper"])):
        for method, path, body in [
            ("POST", "/v1/controls/pause", {"kind": "all", "why": "x"}),
            ("POST", "/v1/controls/pause", {"kind": "agent", "name": "payer", "why": "x"}),
            ("PUT", "/v1/budgets/all", {"scope": "global", "tokens": 1}),
            ("PUT", "/v1/schedules/x", {"agent": "payer", "every_s": 60}),
            ("PUT", "/v1/rates/all", {"scope": "global", "unit": "requests", "limit": 1, "per_s": 60}),
            ("POST", "/v1/breakers/model/x/open", {"why": "x"}),
            ("POST", "/v1/grants", {"tool": "pay", "for_s": 60, "uses": 1, "why": "x"}),
        ]:
            assert whose.site.request(method, path, key=bound, json=body).status_code in {403, 404}, path
    assert not whose.site.run(whose.site.app.control.look()).switches


def test_figures_of_everybody_are_for_who_sees_everybody(whose: Whose) -> None:
    """The exposition adds up all users and names all agents."""
    for bound in (whose.keys["viewer of mia"], whose.site.key("viewer", agents=["helper"])):
        assert whose.site.request("GET", "/metrics", key=bound).status_code == 403
    assert whose.site.request("GET", "/metrics", key=whose.site.keys["viewer"]).status_code in {200, 501}


def test_a_runner_sees_what_it_started(whose: Whose) -> None:
    """Without a user of its own it is one; two such keys do not see each other's."""
    first, second = whose.site.key("runner"), whose.site.key("runner")
    made = whose.site.request("POST", "/v1/executions", key=first, json={"agent": "helper", "input": "x"}).json()
    assert whose.site.request("GET", f"/v1/executions/{made['id']}", key=first).status_code == 200
    assert whose.site.request("GET", f"/v1/executions/{made['id']}", key=second).status_code == 404
    assert json.loads(whose.site.request("GET", "/v1/executions", key=second).text)["items"] == []


HELLO = {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}}
LATER = {"configuration": {"returnImmediately": True}}


@pytest.mark.parametrize("role", ["viewer", "approver", "runner", "operator"])
def test_other_protocols_ask_for_the_same_powers(site: Site, role: str) -> None:
    """Starting and being told of it needs `run`, whichever door it is asked at."""
    key, task = site.keys[role], site.started("payer", user=role).id
    asked = [
        ("/v1/openai/responses", {"model": "helper", "input": "hello", "background": True}),
        ("/a2a/helper/message:send", HELLO | LATER),
        ("/a2a/helper/message:stream", HELLO),
        (f"/a2a/payer/tasks/{task}/pushNotificationConfigs", {"url": "https://hooks.example.com/x"}),
        (f"/a2a/payer/tasks/{task}:cancel", {}),
    ]
    came = {path: site.status("POST", path, key=key, body=body) for path, body in asked}
    if role in {"runner", "operator"}:
        assert 403 not in came.values(), came
    else:
        assert set(came.values()) == {403}, came


@pytest.mark.parametrize("role", ["viewer", "runner"])
def test_no_protocol_lets_answer_who_may_not(site: Site, role: str) -> None:
    """A reply in a task, or an approval response, is an answer as any other."""
    key = site.key(role, user="mia")
    task = site.started("payer", user="mia").id
    (approval,) = site.run(site.app.approvals(execution_id=task))
    yes = {"type": "mcp_approval_response", "approval_request_id": f"mcpr_{approval.id}", "approve": True}
    body = {"model": "payer", "previous_response_id": f"resp_{task}", "input": [yes], "background": True}
    reply = {"messageId": "m2", "taskId": task, "role": "ROLE_USER", "parts": [{"text": "approve"}]}
    site.status("POST", "/v1/openai/responses", key=key, body=body)
    site.status("POST", "/a2a/payer/message:send", key=key, body={"message": reply} | LATER)
    site.status("POST", f"/v1/approvals/{approval.id}/decide", key=key, body={"answer": "approve"})
    assert site.run(site.app.approvals(execution_id=task))[0].status == "open"
    assert site.status("POST", "/v1/openai/responses", key=site.keys["operator"], body=body) == 200
    assert site.run(site.app.approvals(None, execution_id=task))[0].status == "approved"
