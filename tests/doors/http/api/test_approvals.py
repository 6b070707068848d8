"""Questions, answers and standing yeses over the API."""

from tests.doors.http.api.conftest import Api


def decide(api: Api, approval: str, answer: str = "approve", as_: str = "approver", **more):
    return api.post(f"/v1/approvals/{approval}/decide", {"answer": answer, **more}, as_=as_)


def test_an_open_question_shows_exactly_what_would_run(api: Api) -> None:
    """With the agent, the tool and the arguments; open ones come oldest first."""
    first, second = api.waiting(), api.waiting()
    listed = [one["id"] for one in api.get("/v1/approvals?agent=payer&tool=pay", as_="viewer").json()["items"]]
    assert listed.index(first) < listed.index(second)
    assert api.get(f"/v1/approvals/{first}").json()["arguments"] == {"amount": 120}


def test_an_answer_is_the_callers(api: Api) -> None:
    """Its name is on the record, with the note; the answer was edited as the person said."""
    approval = api.waiting()
    decided = decide(api, approval, note="fine", edit={"amount": 40}).json()
    assert (decided["status"], decided["decided_by"], decided["note"]) == ("approved", "approver", "fine")
    assert decided["edit"] == {"amount": 40}
    assert api.get("/v1/approvals?open=false&limit=1").json()["items"][0]["id"] == approval


def test_the_second_answer_is_told_who_was_faster(api: Api) -> None:
    """409 with a stable code and the name."""
    approval = api.waiting()
    decide(api, approval, "reject")
    late = decide(api, approval, as_="operator")
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")
    assert "approver" in late.json()["detail"]


def test_an_edit_that_does_not_fit_the_tool_is_refused(api: Api) -> None:
    """The message says how; the question stays open."""
    approval = api.waiting()
    refused = decide(api, approval, edit={"amount": "much"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_arguments")
    assert api.get(f"/v1/approvals/{approval}").json()["status"] == "open"


def test_nobody_approves_their_own_request(api: Api) -> None:
    """Who asked may not say yes."""
    refused = decide(api, api.waiting(user="approver"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_entitled")


def test_questions_about_others_are_not_there(api: Api) -> None:
    """A bound approver sees and answers those of its user and agents alone."""
    approval = api.waiting(user="bob")
    name = api.key("anns", "approver", user="ann")
    assert approval not in [one["id"] for one in api.get("/v1/approvals", as_=name).json()["items"]]
    assert api.get(f"/v1/approvals/{approval}", as_=name).status_code == 404
    assert decide(api, approval, as_=name).status_code == 404
    assert decide(api, approval, as_=api.key("other-agent", "approver", agents=["helper"])).status_code == 404


def test_a_grant_is_given_used_and_taken_back(api: Api) -> None:
    """Calls within its bounds run without a question; revoked, they ask again."""
    terms = {
        "tool": "pay",
        "agent": "payer",
        "bounds": {"amount": {"max": 200}},
        "for_s": 600,
        "uses": 5,
        "why": "fair",
    }
    made = api.post("/v1/grants", terms, as_="approver")
    assert made.status_code == 201
    assert api.done("payer").status == "completed"
    where = made.headers["location"]
    assert api.get(where).json()["used"] == 1
    assert made.json()["id"] in [one["id"] for one in api.get("/v1/grants").json()["items"]]
    assert api.call("DELETE", f"{where}?why=over", as_="approver").status_code == 204
    assert api.get(where).status_code == 404
    assert api.done("payer").status == "awaiting_review"


def test_a_grant_says_why_and_for_which_tool(api: Api) -> None:
    """Without a reason, or for a tool that no agent has, there is none."""
    terms = {"tool": "pay", "for_s": 600, "uses": 5, "why": "fair"}
    assert api.post("/v1/grants", {**terms, "why": "  "}).status_code == 422
    assert api.post("/v1/grants", {**terms, "tool": "fly"}).status_code == 404
    assert api.post("/v1/grants", {**terms, "bounds": {"amount": {"about": 5}}}).status_code == 422


def test_a_bound_caller_gives_grants_for_its_agents_alone(api: Api) -> None:
    """Not for all agents, and not for others; it does not see those."""
    name = api.key("payers", "approver", agents=["payer"])
    terms = {"tool": "pay", "for_s": 600, "uses": 1, "why": "fair"}
    assert api.post("/v1/grants", terms, as_=name).status_code == 403
    wide = api.post("/v1/grants", terms).json()["id"]
    own = api.post("/v1/grants", {**terms, "agent": "payer"}, as_=name).json()["id"]
    assert [one["id"] for one in api.get("/v1/grants", as_=name).json()["items"]] == [own]
    assert api.call("DELETE", f"/v1/grants/{wide}", as_=name).status_code == 404
    for grant in (wide, own):
        assert api.call("DELETE", f"/v1/grants/{grant}").status_code == 204
