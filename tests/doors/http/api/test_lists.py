"""Lists: filters, pages and bounds, the same on both databases."""

from hashlib import sha256

import pytest

from tests.doors.http.api.conftest import Api, opened


@pytest.fixture
def both(database: str):
    yield from opened(database)


def ids(pages: list[list[dict[str, object]]]) -> list[list[object]]:
    return [[item["id"] for item in page] for page in pages]


def test_a_list_is_paged_newest_first(both: Api) -> None:
    """Following `next` gives each execution once, in order, on both databases; filters go along."""
    made = [both.done(user=user).id for user in ("ann", "bob", "ann", "ann", "bob")]
    newest = made[::-1]
    assert ids(both.pages("/v1/executions?limit=2")) == [newest[:2], newest[2:4], newest[4:]]
    assert ids(both.pages("/v1/executions?limit=2&user=ann&status=completed&since=1h")) == [
        [made[3], made[2]],
        [made[0]],
    ]
    assert ids(both.pages("/v1/executions?agent=helper&agent=payer&limit=5&status=failed")) == [[]]
    assert ids(both.pages("/v1/executions?until=1h")) == [[]]
    waits = both.done("payer").id
    several = "/v1/executions?agent=helper&agent=payer&agent=nobody&limit=4"
    assert ids(both.pages(several)) == [[waits, *newest[:3]], newest[3:]]


def test_threads_are_listed_by_their_newest_execution(both: Api) -> None:
    """The one that was continued last comes first; executions without a thread are no part of it."""
    for user, thread in (("ann", "a"), ("bob", "b"), ("ann", None), ("ann", "a"), ("ann", "c")):
        both.done(user=user, thread=thread)
    assert [page[0]["id"] for page in both.pages("/v1/threads?limit=1")] == ["c", "a", "b"]
    assert [item["id"] for item in both.get("/v1/threads?user=ann").json()["items"]] == ["c", "a"]
    assert [
        item["id"] for item in both.get("/v1/threads", as_=both.key("bob", "viewer", user="bob")).json()["items"]
    ] == ["b"]
    turns = both.get("/v1/threads/a").json()["items"]
    assert [(turn["asked"], turn["answered"]) for turn in turns] == [("please", "It is on its way.")] * 2
    assert both.get("/v1/threads/a", as_="bob").status_code == 404


def test_calls_are_listed_across_executions(both: Api) -> None:
    """By tool and status, the newest execution first, a page at a time; and of one execution in order."""
    first, second = both.done("failer").id, both.done("failer").id
    both.done("payer")
    asked = [[call["id"] for call in page] for page in both.pages("/v1/tool-calls?tool=look&limit=1")]
    assert [call for page in asked for call in page] == [
        f"{second}:1:0",
        f"{second}:2:0",
        f"{first}:1:0",
        f"{first}:2:0",
    ]
    waiting = both.get("/v1/tool-calls?status=awaiting_review").json()["items"]
    assert [call["tool_name"] for call in waiting] == ["pay"]
    assert ids(both.pages(f"/v1/executions/{first}/calls?limit=1")) == [[f"{first}:1:0"], [f"{first}:2:0"]]
    assert ids(both.pages(f"/v1/tool-calls?execution={second}")) == [[f"{second}:1:0", f"{second}:2:0"]]


def test_agents_are_found_on_the_record(both: Api) -> None:
    """Also those that this server does not have; a bound key sees those that it reaches."""
    both.done("payer", user="ann")
    execution = both.done("helper", user="bob")
    del both.app._parts.agents["helper"]
    found = {one["name"]: one for one in both.get("/v1/agents").json()["items"]}
    assert sorted(found) == ["failer", "helper", "payer"]
    assert (found["helper"]["declared"], found["helper"]["last_execution"]) == (False, execution.id)
    assert found["payer"]["tools"][0]["effect"] == "irreversible"
    ann = both.key("ann", "viewer", user="ann")
    assert [one["name"] for one in both.get("/v1/agents", as_=ann).json()["items"]] == ["failer", "payer"]


def test_a_page_has_bounds(api: Api) -> None:
    """More than 200 items, or what is no cursor, is refused with the place that is wrong."""
    wrong = ("limit=201", "limit=0", "cursor=nonsense", "since=yesterday", "status=sleeping", "statsu=failed")
    for query in (*wrong, "user=a&user=b"):
        answer = api.get(f"/v1/executions?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_events_are_paged_by_number(api: Api) -> None:
    """`next` goes on behind the last one; all pages are the journal."""
    execution = api.done()
    seqs = [[event["seq"] for event in page] for page in api.pages(f"/v1/executions/{execution.id}/events?limit=4")]
    assert [seq for page in seqs for seq in page] == list(range(1, execution.last_seq + 1))
    assert len(seqs[0]) == 4


def test_a_payload_is_downloaded_from_the_execution_that_names_it(both: Api) -> None:
    """Its bytes, for those who reach the execution, and from no other execution."""
    long = "x" * 20_000
    execution = both.post("/v1/executions", {"agent": "helper", "input": long, "user": "ann"}).json()
    other = both.done()

    name = sha256(long.encode()).hexdigest()
    found = both.get(f"/v1/executions/{execution['id']}/blobs/{name}")
    assert found.content == long.encode()
    assert found.headers["content-disposition"].startswith("attachment")
    assert both.get(f"/v1/executions/{other.id}/blobs/{name}").status_code == 404
