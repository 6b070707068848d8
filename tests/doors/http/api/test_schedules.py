"""Schedules over HTTP."""

from tests.doors.http.api.conftest import Api


def test_a_schedule_is_set_paused_resumed_run_and_dropped(api: Api) -> None:
    """Each says how it stands now."""
    terms = {"agent": "support", "input": {"sum": "up"}, "cron": "0 2 * * *", "timezone": "Europe/Berlin"}
    made = api.call("PUT", "/v1/schedules/nightly", json=terms).json()
    assert (made["schedule"]["input"], made["next_at"] is not None) == ({"sum": "up"}, True)
    assert [one["schedule"]["name"] for one in api.get("/v1/schedules").json()["items"]] == ["nightly"]
    assert api.post("/v1/schedules/nightly/pause", {"why": "moving"}).json()["paused_why"] == "moving"
    assert api.post("/v1/schedules/nightly/run", {}).status_code == 409
    assert api.post("/v1/schedules/nightly/resume", {}).json()["paused_by"] is None
    assert api.post("/v1/schedules/nightly/run", {}).status_code == 202
    assert api.call("DELETE", "/v1/schedules/nightly").status_code == 204
    assert api.get("/v1/schedules/nightly").status_code == 404


def test_a_schedule_that_cannot_be_says_what_would(api: Api) -> None:
    """A zone that there is, five fields, and one kind of time."""
    for wrong in ({"cron": "0 2 * *"}, {"cron": "0 2 * * *", "timezone": "Moon/Base"}, {}):
        refused = api.call("PUT", "/v1/schedules/x", json={"agent": "support", **wrong}).json()
        assert (refused["code"], "give" in refused["detail"]) == ("usage", True)
