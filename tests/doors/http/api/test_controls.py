"""What operators set and see: agents, budgets, rates, switches, breakers, costs, the record, keys."""

from tests.doors.http.api.conftest import Api


def items(api: Api, path: str, as_: str = "operator") -> list[dict[str, object]]:
    answer = api.get(path, as_=as_)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_an_agent_is_stopped_and_let_go(api: Api) -> None:
    """It says by whom and why; stopping it twice is refused."""
    paused = api.post("/v1/agents/helper/pause", {"why": "wrong answers"}).json()["paused"]
    assert (paused["by"], paused["why"]) == ("operator", "wrong answers")
    assert api.post("/v1/agents/helper/pause", {"why": "again"}).status_code == 409
    assert api.post("/v1/agents/helper/resume").json()["paused"] is None
    assert api.post("/v1/agents/nobody/pause", {"why": "?"}).status_code == 404


def test_an_agent_shows_what_it_is_declared_with(api: Api) -> None:
    """Version, models, tools with their effects and schemas, limits."""
    payer = api.get("/v1/agents/payer", as_="viewer").json()
    assert (payer["version"], payer["models"], payer["limits"]["steps"]) == ("3", ["rules:pays"], 25)
    assert payer["shown_tools"] is None
    assert payer["tools"][0]["parameters"]["properties"]["amount"]["type"] == "integer"


def test_a_budget_is_set_topped_up_and_dropped(api: Api) -> None:
    """Each change is the caller's, and shows at once."""
    terms = {"scope": "global", "usd": "5.000000001", "window": "day", "why": "trial"}
    assert api.call("PUT", "/v1/budgets/all", json=terms).json()["usd"] == "5.000000001"
    (account,) = api.post("/v1/budgets/all/top-up", {"amount": "2"}).json()["items"]
    assert account["amount"] == "7.000000001"
    assert items(api, "/v1/budgets/all")[0]["left"] == "7.000000001"
    assert api.call("DELETE", "/v1/budgets/all?why=over").status_code == 204
    assert api.get("/v1/budgets/all").status_code == 404
    kinds = [(one["kind"], one["data"]["by"]) for one in items(api, "/v1/audit?limit=1000")]
    assert ("budget.dropped", "operator") in kinds


def test_a_budget_that_cannot_be_says_what_would(api: Api) -> None:
    """Tokens or dollars, one of the two; a name of letters."""
    assert api.call("PUT", "/v1/budgets/x", json={"scope": "global"}).json()["code"] == "usage"
    assert api.call("PUT", "/v1/budgets/x", json={"scope": "global", "usd": "NaN"}).status_code == 422
    assert api.call("PUT", "/v1/budgets/a%20b", json={"scope": "global", "tokens": 5}).status_code == 422


def test_a_rate_is_set_and_dropped(api: Api) -> None:
    """It is listed while it is in force."""
    terms = {"scope": "agent", "unit": "requests", "limit": 100, "per_s": 60}
    assert api.call("PUT", "/v1/rates/calm", json=terms).json()["burst"] is None
    assert [one["name"] for one in items(api, "/v1/rates")] == ["calm"]
    assert api.call("DELETE", "/v1/rates/calm").status_code == 204
    assert api.call("DELETE", "/v1/rates/calm").status_code == 404


def test_a_share_of_the_workers_is_set_and_dropped(api: Api) -> None:
    """It is listed while it is in force, and both changes are on the record as the caller's."""
    assert api.call("PUT", "/v1/shares/gold", json={"scope": "user", "subject": "mia", "weight": 3}).status_code == 200
    (gold,) = items(api, "/v1/shares", "viewer")
    assert (gold["subject"], gold["weight"], gold["limit"]) == ("mia", 3, None)
    assert api.call("DELETE", "/v1/shares/gold?why=over").status_code == 204
    assert api.call("DELETE", "/v1/shares/gold").status_code == 404
    kinds = [(one["kind"], one["data"]["by"]) for one in items(api, "/v1/audit?limit=1000")]
    assert {("share.set", "operator"), ("share.dropped", "operator")} <= set(kinds)


def test_a_share_of_nothing_says_what_would_work(api: Api) -> None:
    """A weight, a limit, or both; a global one has no weight."""
    for terms in ({"scope": "user"}, {"scope": "global", "weight": 2}):
        refused = api.call("PUT", "/v1/shares/odd", json=terms)
        assert (refused.status_code, refused.json()["code"]) == (422, "usage")


def test_a_breaker_of_a_name_with_slashes_is_opened_and_closed(api: Api) -> None:
    """Models are called `provider:maker/model`."""
    path = "/v1/breakers/model/openrouter:meta%2Fllama"
    (opened,) = api.post(f"{path}/open", {"why": "wrong"}).json()["items"]
    assert (opened["name"], opened["status"], opened["forced_by"]) == ("openrouter:meta/llama", "open", "operator")
    assert api.post(f"{path}/close").json()["items"] == []
    assert api.post(f"{path}/close").status_code == 404


def test_a_tool_is_stopped(api: Api) -> None:
    """The switch stands among the controls until it is off."""
    switches = api.post("/v1/controls/pause", {"kind": "tool", "name": "pay", "why": "bank down"}).json()["switches"]
    assert [(one["kind"], one["name"]) for one in switches] == [("tool", "pay")]
    assert api.post("/v1/controls/resume", {"kind": "tool", "name": "pay"}).json()["switches"] == []


def test_costs_and_health_add_up_executions(api: Api) -> None:
    """By agent, of the last days, or of one user."""
    api.done(user="cora")
    (mine,) = [one for one in items(api, "/v1/costs?by=agent&user=cora&since=1d") if one["name"] == "helper"]
    assert (mine["executions"], mine["cost_usd"]) == (1, "0")
    (helper,) = items(api, "/v1/metrics/agents?agent=helper&since=1d")
    assert helper["completion_rate"] == 1.0


def test_the_record_goes_on_behind_a_number(api: Api) -> None:
    """Pages follow one another without a gap."""
    seqs = [entry["seq"] for page in api.pages("/v1/audit?limit=3") for entry in page]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) > 3


def test_a_bound_caller_sees_nothing_that_concerns_everybody(api: Api) -> None:
    """Nor changes it: what others spend, stop and decide is not theirs."""
    api.call("PUT", "/v1/budgets/each", json={"scope": "user", "tokens": 1_000})
    name = api.key("bound-mia", "operator", user="mia")
    for path in ("budgets", "rates", "shares", "breakers", "alerts", "audit", "metrics/agents"):
        assert items(api, f"/v1/{path}", name) == []
    assert not any(api.get("/v1/controls", as_=name).json().values())
    assert api.call("PUT", "/v1/budgets/mine", json={"scope": "global", "tokens": 5}, as_=name).status_code == 403
    assert api.call("PUT", "/v1/shares/mine", json={"scope": "user", "limit": 5}, as_=name).status_code == 403
    assert api.post("/v1/agents/helper/pause", {"why": "?"}, as_=name).status_code == 403
    assert api.post("/v1/controls/pause", {"kind": "all", "why": "?"}, as_=name).status_code == 403
    api.call("DELETE", "/v1/budgets/each")


def test_a_key_is_made_used_and_revoked(api: Api) -> None:
    """Its secret is given once; revoked, it is good for nothing."""
    made = api.post("/v1/keys", {"name": "shop", "role": "viewer"}, as_="admin")
    secret, key = made.json()["secret"], made.json()["key"]
    shown = {"authorization": f"Bearer {secret}"}
    assert api.get("/v1/executions", as_=None, headers=shown).status_code == 200
    assert secret not in api.get("/v1/keys", as_="admin").text
    assert api.call("DELETE", f"/v1/keys/{key['id']}", as_="admin").json()["revoked_at"]
    assert api.get("/v1/executions", as_=None, headers=shown).status_code == 401


def test_only_an_admin_looks_at_keys(api: Api) -> None:
    """An operator steers everything but who may come in."""
    assert api.get("/v1/keys").json()["code"] == "forbidden"
    assert api.post("/v1/keys", {"name": "x", "role": "admin"}).status_code == 403
