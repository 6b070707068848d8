"""Incident 4: a live tool runs for ten minutes (here: for four leases)."""

from contextlib import ExitStack

import pytest

from holdfast import App
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, kinds, until

HOWS = ["run:2", "run:2", "block:2", "block:1", "run:2", "block:1"]


@pytest.mark.parametrize("how", ["run", "block"])
def test_its_lease_is_kept(place: Place, how: str):
    """A live tool runs for ten minutes: nobody else starts it, though another worker waits for work all the time."""
    long = place.start(to_do(call("pay", order="long", trouble=f"{how}:4")))

    async def story(app: App) -> None:
        with place.worker(HOLDFAST_LEASE_S=1) as owner:
            await until(lambda: place.did() == ["pay"])
            async with app.worker():
                others = [await app.start("clerk", to_do(call("pay", order="short"))) for _ in range(3)]
                ended = await app.wait(long)
                assert all([(await app.wait(other.id)).status == "completed" for other in others])
            assert (ended.status, ended.tool_calls[0].attempt) == ("completed", 1)
            assert [effect.pid for effect in place.ledger.effects() if effect.args["order"] == "long"] == [owner.pid]
        assert kinds([e async for e in app.events(long, follow=False)]).count("execution.claimed") == 1

    place.play(story, place.app(settings={"lease_s": 1}))


def test_every_lease_of_a_fleet_is_kept(postgres_place: Place):
    """Tools run, or block their process, for two leases in three workers that all look for work: each runs once."""
    place = postgres_place

    async def story(app: App) -> None:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(place.worker(HOLDFAST_LEASE_S=1, HOLDFAST_CONCURRENCY=2))
            asked = [to_do(call("pay", order=str(n), trouble=how)) for n, how in enumerate(HOWS)]
            for one in [(await app.start("clerk", work)).id for work in asked]:
                ended = await app.wait(one, 40)
                assert (ended.status, ended.tool_calls[0].attempt) == ("completed", 1)
                assert kinds([e async for e in app.events(one, follow=False)]).count("execution.claimed") == 1
        assert len({effect.pid for effect in place.ledger.effects("pay")}) > 1

    place.play(story, within_s=90)
    assert (len(place.did("pay")), place.ledger.repeated()) == (len(HOWS), {})
