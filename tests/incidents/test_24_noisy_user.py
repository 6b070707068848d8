"""Incident 24: one noisy user floods the queue."""

import asyncio
from itertools import pairwise

import pytest

from holdfast import App
from holdfast.errors import RateLimited
from holdfast.types import Rate
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place

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
