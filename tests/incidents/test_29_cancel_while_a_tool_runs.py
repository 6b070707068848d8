"""Incident 29: a user asks to cancel while a tool runs."""

import pytest

from holdfast import App
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, events_of, kinds, until


@pytest.mark.parametrize("tool", ["look", "move", "pay"])
def test_the_running_call_is_recorded_and_no_other_starts(place: Place, tool: str):
    """A user asks to cancel while a tool runs: no new call starts; the running one's outcome is recorded."""
    rest = [call("move", "next"), call("pay", "next")]
    identity = place.start(to_do([call(tool, trouble="wait"), *rest], call("ship")))

    async def story(app: App) -> None:
        with place.worker():
            await until(lambda: place.did() == [tool])
            cancelled = place.begin("cancel", identity)
            assert cancelled.wait() == 0, cancelled.said
            assert (await app.get(identity)).status == "running"
            place.go()
            ended = await app.wait(identity, 30)
        assert (ended.status, ended.tool_calls[0].status) == ("cancelled", "completed")
        assert ended.tool_calls[0].tool_output == f"{tool} 7: done"
        assert all(row.status not in {"running", "completed", "in_doubt"} for row in ended.tool_calls[1:])
        assert kinds(await events_of(app, identity))[-1] == "execution.cancelled"

    place.play(story)
    assert place.did() == [tool]
    assert len(place.asked.effects()) == 1


def test_what_waits_is_cancelled_at_once(place: Place):
    """A user asks to cancel what waits for a person: the question is withdrawn and a late yes does nothing."""
    identity = place.start(to_do(call("send")))
    assert place.drain() == 0
    [asked] = place.play(lambda app: app.approvals())
    assert place.holdfast("cancel", identity).code == 0
    assert place.get(identity).status == "cancelled"
    assert place.holdfast("approve", asked.id).code != 0
    assert place.drain() == 0
    assert (place.did(), place.get(identity).status) == ([], "cancelled")
