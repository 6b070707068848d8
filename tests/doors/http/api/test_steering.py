"""Cancelling and retrying, one or many."""

from tests.doors.http.api.conftest import Api


def started(api: Api, **more) -> str:
    return api.post("/v1/executions", {"agent": "helper", "input": "?", **more}).json()["id"]


def last_event(api: Api, execution: str) -> dict[str, object]:
    return api.get(f"/v1/executions/{execution}/events").json()["items"][-1]


def test_an_execution_is_cancelled_by_the_caller(api: Api) -> None:
    """The record has the key's name; cancelling again is refused."""
    execution = started(api)
    assert api.post(f"/v1/executions/{execution}/cancel").json()["status"] == "cancelled"
    assert last_event(api, execution)["data"]["by"] == "operator"
    again = api.post(f"/v1/executions/{execution}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


def test_a_runner_cancels_its_own_and_retries_none(api: Api) -> None:
    """Starting and cancelling is a runner's; steering is not."""
    execution = api.post("/v1/executions", {"agent": "helper", "input": "?"}, as_="runner").json()["id"]
    assert api.post(f"/v1/executions/{execution}/retry", as_="runner").status_code == 403
    assert api.post("/v1/executions/bulk", {"action": "retry", "ids": [execution]}, as_="runner").status_code == 403
    assert api.post(f"/v1/executions/{execution}/cancel", as_="runner").status_code == 200


def test_a_failed_execution_is_retried(api: Api) -> None:
    """From its last step, or from the one that is named; what has not failed is refused."""
    execution = api.done("failer").id
    assert api.post(f"/v1/executions/{execution}/retry", {"from_step": 2}).json()["status"] == "pending"
    assert last_event(api, execution)["data"]["from_step"] == 2
    assert api.post(f"/v1/executions/{execution}/retry").status_code == 409
    assert api.post(f"/v1/executions/{api.done('failer').id}/retry", {"from_step": 9}).json()["code"] == "usage"


def test_many_are_cancelled_and_each_says_what_came_of_it(api: Api) -> None:
    """One that has ended, or is not there, stops no other."""
    ended, live = api.done().id, started(api)
    done = api.post("/v1/executions/bulk", {"action": "cancel", "ids": [ended, "nothing", live, live]}).json()
    assert [(one["id"], one["outcome"], one["code"]) for one in done["results"]] == [
        (ended, "refused", "illegal_transition"),
        ("nothing", "refused", "not_found"),
        (live, "done", None),
    ]


def test_many_are_found_by_a_filter(api: Api) -> None:
    """Up to a limit, and `more` says that there are others."""
    waiting = [started(api, user="bulk") for _ in range(3)]
    asked = {"action": "cancel", "filter": {"status": "pending", "user": "bulk"}, "limit": 2}
    first, second = (api.post("/v1/executions/bulk", asked).json() for _ in range(2))
    assert [one["id"] for one in first["results"]] == waiting[:0:-1]
    assert (first["more"], second["more"], len(second["results"])) == (True, False, 1)


def test_a_filter_that_fits_nothing_to_do_is_refused(api: Api) -> None:
    """Cancelling by a filter names a status of live ones: nobody cancels everything by leaving something out."""
    for asked in (
        {"filter": {}},
        {"filter": {"status": "failed"}},
        {},
        {"ids": ["a"], "filter": {"status": "pending"}},
    ):
        assert api.post("/v1/executions/bulk", {"action": "cancel", **asked}).status_code == 422
    assert api.post("/v1/executions/bulk", {"action": "retry", "filter": {"status": "running"}}).status_code == 422


def test_bulk_reaches_no_further_than_the_caller(api: Api) -> None:
    """Others' executions are not there, by id or by filter."""
    theirs = started(api, user="theirs")
    name = api.key("bound-mine", "operator", user="mine")
    by_id = api.post("/v1/executions/bulk", {"action": "cancel", "ids": [theirs]}, as_=name).json()
    by_filter = api.post("/v1/executions/bulk", {"action": "cancel", "filter": {"status": "pending"}}, as_=name).json()
    assert by_id["results"][0]["code"] == "not_found"
    assert by_filter["results"] == []
