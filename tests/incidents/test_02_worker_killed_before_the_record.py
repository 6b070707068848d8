"""Incident 2: a worker is killed between a tool's effect and its record."""

import asyncio
import signal

import pytest

from holdfast import App
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, until

KILLED = -signal.SIGKILL


def killed_in(place: Place, tool: str) -> str:
    """An execution whose worker died when the effect had happened and nothing knew."""
    identity = place.start(to_do(call(tool)))
    assert place.drain(HOLDFAST_CRASH_AT=f"inside-tool:{tool}") == KILLED
    assert place.did() == [tool]
    return identity


@pytest.mark.parametrize(("tool", "times"), [("look", 2), ("move", 2), ("ship", 1)])
def test_after_a_restart_it_ends_as_it_would_have(place: Place, tool: str, times: int):
    """A worker is killed between a tool's effect and its record: repeated under its key, or probed."""
    identity = killed_in(place, tool)
    assert place.drain() == 0
    assert place.get(identity).status == "completed"
    assert [effect.key for effect in place.ledger.effects()] == [f"{identity}:1:0"] * times


def test_what_nobody_can_know_waits_for_a_person(place: Place):
    """A worker is killed between a tool's effect and its record: an irreversible one is never run again unasked."""
    identity = killed_in(place, "pay")
    for _ in range(2):  # nor by the next one
        assert place.drain() == 0
    parked = place.get(identity)
    assert (parked.status, parked.tool_calls[0].status, place.did()) == ("awaiting_review", "in_doubt", ["pay"])


@pytest.mark.parametrize("tool", ["ship", "pay"])
def test_another_worker_takes_over(place: Place, tool: str):
    """A worker is killed between a tool's effect and its record: one that is alive goes on, without a second effect."""
    identity = place.start(to_do(call(tool, trouble="wait")))

    async def story(app: App) -> str:
        with place.worker() as victim:
            await until(lambda: place.did() == [tool])
            async with app.worker():
                victim.signal(signal.SIGKILL)
                return (await asyncio.wait_for(app.wait(identity), 30)).status

    status = place.play(story, place.app(settings={"lease_s": 2}))
    assert (status, place.did()) == ("completed" if tool == "ship" else "awaiting_review", [tool])
