"""Incident 24: one noisy user floods the queue."""

import asyncio
from contextlib import ExitStack
from itertools import pairwise

import pytest

from holdfast import App
from holdfast.errors import RateLimited
from holdfast.types import Execution, Rate
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place, until

FLOOD = 60


def per_user(**changes: object) -> Rate:
    """Five requests an hour for each user."""
    return Rate(**({"name": "each", "scope": "user", "unit": "requests", "limit": 5, "per_s": 3_600} | changes))


def test_others_keep_their_share(place: Place):
    """One noisy user floods the queue: what is over their rate waits its turn; others are served at once."""

    async def story(app: App) -> None:
        await app.control.set_rate(per_user(), by="ada")
        flood = [await app.start("clerk", to_do(call("move", "noise")), user="noisy") for _ in range(FLOOD)]
        quiet = await app.start("clerk", to_do(call("move", "quiet")), user="quiet")
        with place.worker(HOLDFAST_CONCURRENCY=1):
            assert (await app.wait(quiet.id, 30)).status == "completed"
            for execution in flood[:5]:
                assert (await app.wait(execution.id, 30)).status == "completed"
        rest = [await app.get(execution.id) for execution in flood[5:]]
        assert {(one.status, one.status_reason, one.step_count) for one in rest} == {("pending", "RATE_LIMITED", 0)}
        wakes = [one.wake_at for one in rest]
        gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(wakes)]
        assert all(gap == pytest.approx(720, abs=1) for gap in gaps), "they will start evenly, not all at once"

    place.play(story)
    assert len(place.did("move")) == 6


def test_the_flood_can_be_refused_instead(place: Place):
    """One noisy user floods the queue: declared so, they are told how many seconds to wait, in every process."""

    async def story(app: App) -> None:
        await app.control.set_rate(per_user(over="refuse"), by="ada")
        async with place.app() as other:
            asked = [each.start("clerk", "x", user="noisy") for each in (app, other) for _ in range(20)]
            came = await asyncio.gather(*asked, return_exceptions=True)
            assert sum(isinstance(one, RateLimited) for one in came) == 35
            assert all(0 < one.retry_after_s <= 3_600 for one in came if isinstance(one, RateLimited))
            assert (await other.start("clerk", "x", user="quiet")).status == "pending"

    place.play(story)


NOISE, QUIET, WORKERS, SLOTS = 240, 6, 3, 2


def test_a_flood_over_several_workers(postgres_place: Place):
    """One noisy user floods a fleet: another one waits for a slot, and not for the flood."""
    place = postgres_place
    short = to_do(call("look", trouble="run:0.02"))

    async def story(app: App) -> None:
        for start in range(0, NOISE, 40):
            await asyncio.gather(*(app.start("clerk", short, user="noisy") for _ in range(start, start + 40)))
        with ExitStack() as stack:
            for _ in range(WORKERS):
                stack.enter_context(place.worker(HOLDFAST_CONCURRENCY=SLOTS))
            await until(lambda: len(place.did("look")) >= SLOTS * WORKERS)
            quiet = [await app.wait((await app.start("clerk", short, user="quiet")).id, 30) for _ in range(QUIET)]
            left = NOISE - len(await app.list(user="noisy", status="completed", limit=NOISE))
            overtaken = [await _overtaken_by(app, one) for one in quiet]
        assert {one.status for one in quiet} == {"completed"}
        assert left > NOISE / 4, "the flood was over before anybody could be kept waiting"
        # A slot is free after one short execution of each, and the turn after that is theirs.
        assert max(overtaken) <= 2 * SLOTS * WORKERS, overtaken

    place.play(story)


async def _overtaken_by(app: App, mine: Execution) -> int:
    """How many of the flood were claimed between a request and its own claim."""
    asked, began = [event.at async for event in app.events(mine.id, follow=False)][:2]
    noisy = await app.list(user="noisy", limit=NOISE)
    claims = [[event.at async for event in app.events(one.id, follow=False)][1:2] for one in noisy]
    return sum(asked < at < began for found in claims for at in found)
