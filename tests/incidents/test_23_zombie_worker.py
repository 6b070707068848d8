"""Incident 23: a zombie worker wakes up after its lease ended."""

import asyncio
import signal
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from holdfast import App
from holdfast.errors import StaleFence
from holdfast.testing import FaultyJournal
from holdfast.types import Append
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, events_of, kinds, until


class Witness(FaultyJournal):
    """A journal that holds a write back, and notes what became of each."""

    def __init__(self, journal: object, after: int) -> None:
        super().__init__(journal)
        self.came: list[object] = []
        self._after = after

    async def append(self, append: Append) -> object:
        """Append, and remember how that went."""
        if len(self.came) == self._after:
            self.pause()
        try:
            done = await super().append(append)
        except Exception as error:
            self.came.append(type(error))
            raise
        self.came.append("written")
        return done


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_every_write_it_makes_is_refused(place: Place, after: int):
    """A zombie worker wakes up after its lease ended: whatever it was about to write is refused."""
    witnesses: list[Witness] = []

    def witnessed(journal: object) -> Witness:
        witnesses.append(Witness(journal, after))
        return witnesses[-1]

    async def story(app: App) -> None:
        started = await app.start("clerk", to_do(call("look"), call("move")))
        async with place.app(wrap_journal=witnessed) as zombie, zombie.worker() as engine:
            await until(lambda: bool(witnesses))
            await witnesses[0].until_waiting()
            # Its lease is over: as a sweep by the clock would find after a long pause of its machine.
            await (await app._open()).sweep(dead=[engine.worker_id])
            async with app.worker():
                ended = await app.wait(started.id, 30)
            before = await events_of(app, started.id)
            witnesses[0].resume()
            await until(lambda: len(witnesses[0].came) > after)
            assert witnesses[0].came[after:] == [StaleFence]
            assert (ended.status, await events_of(app, started.id)) == ("completed", before)

    place.play(story)
    assert {effect.key.partition(":")[2] for effect in place.ledger.effects()} == {"1:0", "2:0"}


@pytest.mark.parametrize(("tool", "status"), [("ship", "completed"), ("pay", "awaiting_review")])
def test_a_process_that_slept_through_its_lease(place: Place, tool: str, status: str):
    """A zombie worker wakes up after its lease ended: nothing it does reaches the record, or happens again."""
    identity = place.start(to_do(call(tool, trouble="wait"), call("move")))

    async def story(app: App) -> None:
        with place.worker(HOLDFAST_LEASE_S=1) as zombie:
            await until(lambda: place.did() == [tool])
            zombie.signal(signal.SIGSTOP)
            async with app.worker():
                assert (await app.wait(identity, 30)).status == status
            before = await events_of(app, identity)
            place.go()
            zombie.signal(signal.SIGCONT)
            other = await app.start("clerk", to_do(call("look", "after the sleep")))
            assert (await app.wait(other.id, 30)).status == "completed"  # by the zombie, under a new lease
            zombie.signal(signal.SIGTERM)
            assert await asyncio.to_thread(zombie.wait) == 0
            assert await events_of(app, identity) == before
            assert kinds(before).count("execution.claimed") == 2

    place.play(story, place.app(settings={"lease_s": 1}))
    assert place.did(tool) == [tool]
    assert place.did("move") == (["move"] if status == "completed" else [])


def test_a_fleet_takes_over_from_a_zombie_within_one_lease(postgres_place: Place):
    """What one of three workers held goes on in the others in time, and nothing of it happens again when it wakes."""
    place, lease_s = postgres_place, 2

    async def story(app: App) -> None:
        with ExitStack() as stack:
            crew = [
                stack.enter_context(place.worker(HOLDFAST_LEASE_S=lease_s, HOLDFAST_CONCURRENCY=3)) for _ in range(3)
            ]
            ids = [(await app.start("clerk", to_do(call("ship", str(n), "wait"), call("move")))).id for n in range(9)]
            await until(lambda: len(place.did("ship")) == len(ids))
            zombie = crew[0]
            zombie.signal(signal.SIGSTOP)
            frozen_at = datetime.now(UTC)
            place.go()
            held = 0
            for one in ids:
                assert (await app.wait(one, 30)).status == "completed"
                claims = [event for event in await events_of(app, one) if event.kind == "execution.claimed"]
                held += len(claims) - 1
                assert (claims[-1].at - frozen_at).total_seconds() < lease_s + 1
            assert held == 3
            before = [await events_of(app, one) for one in ids]
            zombie.signal(signal.SIGCONT)
            zombie.signal(signal.SIGTERM)
            assert await asyncio.to_thread(zombie.wait) == 0
            assert [await events_of(app, one) for one in ids] == before

    place.play(story, place.app(settings={"lease_s": lease_s}), within_s=90)
    assert place.ledger.repeated() == {}
    assert (len(place.did("ship")), len(place.did("move"))) == (9, 9)
