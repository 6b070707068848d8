"""Incident 4: a live tool runs for ten minutes (here: for four leases)."""

import pytest

from holdfast import App
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, kinds, until


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
