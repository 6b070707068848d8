"""Workers over HTTP."""

from holdfast.types import Offer
from tests.conformance.world import new_execution
from tests.doors.http.api.conftest import Api


def test_workers_are_listed_and_drained_and_executions_unpinned(api: Api) -> None:
    """By an operator, on record; a viewer sees them, and a bound key sees none."""
    trail = api.run(api.app._parts.trail())
    offer = Offer(version="9", serves={"payer": "3"}, capacity=4)
    api.run(trail.register("far-1", host="far", pid=1, lease_s=600, offer=offer))
    api.run(trail.start(new_execution(agent_type="payer", pinned=True, agent_version="2")))
    (worker,) = [one for one in api.get("/v1/workers").json()["items"] if one["id"] == "far-1"]
    assert (worker["serves"], worker["capacity"], worker["drains_since"]) == ({"payer": "3"}, 4, None)
    left = api.get("/v1/workers/unserved").json()["items"]
    assert [(one["agent"], one["pinned_to"], one["count"]) for one in left] == [("payer", "2", 1)]
    drained = api.post("/v1/workers/far-1/drain", {"why": "it goes"}).json()["items"]
    assert [one["drains_since"] is not None for one in drained if one["id"] == "far-1"] == [True]
    assert api.post("/v1/workers/none/drain", {}).status_code == 404
    assert api.post("/v1/agents/payer/unpin", {"version": "2", "why": "fine"}).json() == {"unpinned": 1}
    assert api.get("/v1/workers/unserved").json()["items"][:1] != left
    kinds = [entry.kind for entry in api.run(api.app.control.record())]
    assert kinds[-2:] == ["worker.drained", "execution.unpinned"]
    bound = api.key("bound-to-mia", "operator", user="mia")
    assert api.call("GET", "/v1/workers", as_=bound).json()["items"] == []
    assert api.call("POST", "/v1/workers/far-1/drain", as_=bound, json={}).status_code == 403
    api.run(trail.retire("far-1"))
