"""The two bindings and the cards, byte for byte where clients depend on it."""

from typing import Any

import httpx2
import pytest

from tests.doors.http.live import Live

HELLO = {"message": {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}}


def headers(live: Live, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {live.keys['operator']}", "a2a-version": "1.0", **more}


def called(live: Live, body: Any, agent: str = "echo", **more: str) -> dict[str, Any]:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    told = httpx2.post(f"{live.url}/a2a/{agent}", headers=headers(live, **more), **sent)
    assert told.status_code == 200
    return told.json()


def request(method: str = "SendMessage", params: Any = HELLO, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params, **more}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        ([request()], -32600),
        (request(jsonrpc="1.0"), -32600),
        (request(id=True), -32600),
        (request("message/send"), -32601),
        (request(params=[]), -32602),
        (request(params={}), -32602),
        (
            request(params={"message": {"messageId": "1", "role": "ROLE_USER", "parts": [{"data": {}, "text": 1}]}}),
            -32602,
        ),
        (request("GetTask", {"id": "nothing"}), -32001),
        (request("CreateTaskPushNotificationConfig", {"url": "https://example.com"}), -32602),
        (request("DeleteTaskPushNotificationConfig", {}), -32602),
        (request("GetExtendedAgentCard", {}), -32004),
        (request("ListTasks", {"pageSize": 0}), -32602),
        (request("ListTasks", {"pageToken": "nothing"}), -32602),
        (request("GetTask", {"id": "x", "historyLength": -1}), -32602),
    ],
)
def test_a_request_that_cannot_work_has_its_code(live: Live, body: Any, code: int) -> None:
    """As JSON-RPC and A2A number them."""
    assert called(live, body)["error"]["code"] == code


def test_another_version_is_refused(live: Live) -> None:
    """What does not say speaks an old one."""
    for version in ("0.3", "", "2.0"):
        told = called(live, request(), **{"a2a-version": version})
        assert told["error"]["code"] == -32009


@pytest.mark.parametrize("part", [{"raw": "aGk=", "mediaType": "image/png"}, {"url": "https://example.com/x.pdf"}])
def test_files_are_refused_with_what_is_read(live: Live, part: dict[str, str]) -> None:
    """An agent reads text and data."""
    message = {**HELLO["message"], "parts": [part]}
    error = called(live, request(params={"message": message}))["error"]
    assert error["code"] == -32005
    assert "text" in error["message"]


def test_an_unknown_agent_is_not_found(live: Live) -> None:
    """Before anything is read."""
    told = httpx2.post(f"{live.url}/a2a/nobody", headers=headers(live), json=request())
    assert told.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/tasks/nothing", 404, "TASK_NOT_FOUND"),
        ("POST", "/tasks/nothing:cancel", 404, "TASK_NOT_FOUND"),
        ("GET", "/tasks/nothing:subscribe", 404, "TASK_NOT_FOUND"),
        ("GET", "/tasks?pageSize=1000", 400, "INVALID_PARAMS"),
        ("POST", "/message:send", 400, "INVALID_PARAMS"),
        ("GET", "/extendedAgentCard", 400, "UNSUPPORTED_OPERATION"),
    ],
)
def test_errors_of_the_http_binding(live: Live, method: str, path: str, status: int, reason: str) -> None:
    """As google.rpc spells them."""
    told = httpx2.request(method, f"{live.url}/a2a/echo{path}", headers=headers(live))
    error = told.json()["error"]
    assert (told.status_code, error["code"], error["details"][0]["reason"]) == (status, status, reason)


def test_the_same_idempotency_key_is_one_task(live: Live) -> None:
    """A message that is posted twice is worked once."""
    one, two = (called(live, request(), **{"idempotency-key": "k1"})["result"]["task"]["id"] for _ in range(2))
    assert one == two


def test_cards_need_no_key_and_tell_no_secrets(live: Live) -> None:
    """Where the agent is and how it is spoken to; not its tools and instructions."""
    card = httpx2.get(f"{live.url}/a2a/payer/.well-known/agent-card.json").json()
    assert [one["protocolBinding"] for one in card["supportedInterfaces"]] == ["JSONRPC", "HTTP+JSON"]
    assert card["supportedInterfaces"][0]["url"] == f"{live.url}/a2a/payer"
    assert card["securitySchemes"]["key"]["httpAuthSecurityScheme"]["scheme"] == "Bearer"
    assert "pay somebody" not in str(card).lower()
    assert httpx2.get(f"{live.url}/a2a/nobody/.well-known/agent-card.json").status_code == 404


def test_the_card_of_the_host_is_that_of_the_first_agent(live: Live) -> None:
    """It is cached, and checked again at the price of a header."""
    told = httpx2.get(f"{live.url}/.well-known/agent-card.json")
    assert told.json()["name"] == "payer"
    assert "max-age" in told.headers["cache-control"]
    again = httpx2.get(f"{live.url}/.well-known/agent-card.json", headers={"if-none-match": told.headers["etag"]})
    assert again.status_code == 304


def test_agents_are_listed_with_their_cards(live: Live) -> None:
    """To each caller those that it reaches."""
    bound = {"authorization": f"Bearer {live.key('runner', agents=['echo'])}"}
    told = httpx2.get(f"{live.url}/a2a", headers=bound).json()
    assert told == {"agents": [{"name": "echo", "card": f"{live.url}/a2a/echo/.well-known/agent-card.json"}]}
