"""What clients are told of executions that were pruned."""

from datetime import UTC, datetime

import pytest

from holdfast.types import PruneRule
from tests.doors.http.api.conftest import Api


def prune(api: Api, *, keep_audit: bool) -> None:
    async def all_of_it() -> None:
        rule = PruneRule(before=datetime.now(UTC), keep_audit=keep_audit)
        _ = [step async for step in api.app.control.prune(rule, by="test")]

    api.run(all_of_it())


@pytest.mark.parametrize("headers", [{}, {"accept": "text/event-stream"}])
def test_the_events_of_a_pruned_execution_are_gone(api: Api, headers: dict[str, str]) -> None:
    """410 with the date, for a page and for a stream, from any place; never an empty journal."""
    old = api.done().id
    prune(api, keep_audit=True)
    assert api.get(f"/v1/executions/{old}").json()["pruned_at"] is not None
    for path in (f"/v1/executions/{old}/events", f"/v1/executions/{old}/events?after=99"):
        answer = api.get(path, headers={**headers, "last-event-id": "3"})
        assert (answer.status_code, answer.json()["code"]) == (410, "pruned")
        assert "was pruned on 20" in answer.json()["detail"]
    assert api.post(f"/v1/executions/{old}/retry", {}).status_code in {404, 410}


def test_an_execution_that_is_gone_wholly_is_told_from_one_that_never_was(api: Api) -> None:
    """410 and 404; but who reaches only some is told neither whose it was nor that it was."""
    old = api.done(user="ann").id
    prune(api, keep_audit=False)
    assert api.get(f"/v1/executions/{old}").status_code == 410
    assert api.get("/v1/executions/never").status_code == 404
    bound = api.key("ann-alone", "runner", user="ann")
    assert api.get(f"/v1/executions/{old}", as_=bound).status_code == 404
