"""Incident 28: an operator must stop an agent or a tool now."""

import asyncio

from holdfast import App
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, until


def test_a_tool_is_stopped_in_every_worker(place: Place):
    """An operator must stop a tool now: no worker dispatches it again, the model is told why, and it is audited."""
    turns = [call("look", f"{number}", "wait" if number == 0 else "") for number in range(2)]
    ids = [place.start(to_do(turns[0], call("pay", "x"), turns[1])) for _ in range(4)]

    async def story(app: App) -> None:
        with place.worker(), place.worker():
            await until(lambda: len(place.did("look")) == len(ids))  # all of them under way, in two processes
            stopped = place.begin("pause", "tool", "pay", "--why", "refunds twice", "--by", "ada")
            assert stopped.wait() == 0, stopped.said
            place.go()
            ended = await asyncio.gather(*(app.wait(id_, 30) for id_ in ids))
        assert {execution.status for execution in ended} == {"completed"}
        refused = [row for execution in ended for row in execution.tool_calls if row.tool_name == "pay"]
        assert {row.status for row in refused} == {"denied"}
        assert all("stopped by ada" in str(row.error) and "refunds twice" in str(row.error) for row in refused)
        [entry] = await app.control.record()
        assert (entry.kind, entry.data["by"], entry.data["why"]) == ("switch.on", "ada", "refunds twice")

    place.play(story)
    assert place.did("pay") == []
    assert len(place.did("look")) == 2 * len(ids)


def test_an_agent_is_stopped_and_goes_on_later(place: Place):
    """An operator must stop an agent now: what runs parks before its next call, nothing begins, nothing is lost."""
    identity = place.start(to_do([call("pay", "first", "wait"), call("pay", "second")]))

    async def story(app: App) -> None:
        with place.worker():
            await until(lambda: place.did() == ["pay"])
            assert place.holdfast("pause", "agent", "clerk", "--why", "wrong shop").code == 0
            waiting = await app.start("clerk", to_do(call("look")))
            place.go()
            async for event in app.events(identity):
                if event.kind == "execution.parked":
                    break
            parked = await app.get(identity)
            assert (parked.status, parked.status_reason) == ("pending", "PAUSED")
            assert place.did() == ["pay"]
            assert (await app.get(waiting.id)).step_count == 0
            assert place.holdfast("resume", "agent", "clerk").code == 0
            for id_ in (identity, waiting.id):
                assert (await app.wait(id_, 30)).status == "completed"

    place.play(story)
    assert sorted(place.did()) == ["look", "pay", "pay"]
    assert len({effect.key for effect in place.ledger.effects("pay")}) == 2
    verified = place.holdfast("verify-audit")
    assert verified.code == 0, verified.said
