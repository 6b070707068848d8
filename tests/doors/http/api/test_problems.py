"""What programs are told when something goes wrong."""

import inspect

import pytest

from holdfast import errors
from holdfast.doors.http.problems import STATUS_OF
from tests.doors.http.api.conftest import Api


def test_every_error_has_a_status() -> None:
    """A new kind of error says what it is over HTTP."""
    codes = {
        kind.code for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.HoldfastError)
    }
    assert codes == set(STATUS_OF)


def test_a_problem_is_problem_details(api: Api) -> None:
    """RFC 9457, with a stable code."""
    answer = api.get("/v1/executions/none")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no execution 'none'",
        "code": "not_found",
        "instance": "/v1/executions/none",
    }


def test_without_a_key_nobody_is_known(api: Api) -> None:
    """401 names the scheme, before anything that was sent is read."""
    answer = api.call("POST", "/v1/executions", as_=None, content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "unauthenticated"


def test_what_is_wrong_with_a_body_is_pointed_at(api: Api) -> None:
    """Each mistake with its place; what was sent is not repeated."""
    answer = api.post("/v1/executions", {"agent": "", "user": "secret\u0000", "prioritee": 1}).json()
    assert answer["code"] == "invalid_request"
    assert {one["pointer"] for one in answer["errors"]} == {"#/agent", "#/user", "#/input", "#/prioritee"}
    assert "secret" not in str(answer)


@pytest.mark.parametrize(
    ("sent", "kind", "status", "code"),
    [
        (b"{", "application/json", 422, "invalid_request"),
        (b"\xff", "application/json", 400, "malformed"),
        (b'{"agent": "helper", "input": 1e999}', "application/json", 202, None),
        (b"[" * 100_000, "application/json", 400, "malformed"),
        (b'{"agent": "helper", "input": ' + b"[" * 100 + b"]" * 100 + b"}", "application/json", 422, "invalid_request"),
        (b"agent=helper", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"agent": "helper", "input": "\\ud800"}', "application/json", 202, None),
        (b"x" * 1_048_577, "application/json", 413, "content_too_large"),
        (b"", "application/json", 422, "invalid_request"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(api: Api, sent: bytes, kind: str, status: int, code: str | None) -> None:
    """Cut off, nested without end, too large or no JSON: a problem that says so, and never an error inside."""
    answer = api.call("POST", "/v1/executions", content=sent, headers={"content-type": kind})
    assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_a_wrong_path_or_method_is_a_problem_too(api: Api) -> None:
    """Programs branch on codes alone."""
    assert api.get("/v1/nothing").json()["code"] == "not_found"
    answer = api.call("PATCH", "/v1/executions")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"


def test_what_nobody_expected_tells_only_an_id(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """No word about the inside; the log has the rest under the id."""
    from structlog.testing import capture_logs

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(api.app, "get", broken)
    execution = api.done().id
    with capture_logs() as logged:
        answer = api.get(f"/v1/executions/{execution}")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert [entry["id"] for entry in logged if entry["event"] == "request_failed"] == [answer.json()["id"]]


def test_a_database_that_is_away_is_no_fault_of_the_request(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with the time to come back, and no word about where the database is."""

    async def away(*_: object, **__: object) -> None:
        raise errors.StoreUnavailable("connection to 10.1.2.3 refused")

    execution = api.done().id
    monkeypatch.setattr(api.app, "get", away)
    answer = api.get(f"/v1/executions/{execution}")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "store_unavailable", "5")
    assert "10.1.2.3" not in answer.text


def test_nothing_is_looked_up_by_control_characters(api: Api) -> None:
    """PostgreSQL would refuse the question."""
    for path in ("executions/a%00b", "threads/%00", "approvals/%1f", "executions?user=%00", "agents/%00"):
        assert api.get(f"/v1/{path}").status_code == 422, path
