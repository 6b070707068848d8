"""Incident 27: the same request is posted twice."""

import asyncio

import pytest

from holdfast import App
from holdfast.errors import IdempotencyConflict
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place

WORK = to_do(call("pay"))


def test_twenty_posts_through_two_doors_are_one_execution(place: Place):
    """The same request is posted twice: one execution, and everybody who posted it gets that one."""

    async def story(app: App) -> None:
        async with place.app() as other:
            posts = [door.start("clerk", WORK, idempotency_key="order 7") for _ in range(10) for door in (app, other)]
            ids = {execution.id for execution in await asyncio.gather(*posts)}
            async with app.worker(), other.worker():
                assert [(await app.wait(identity)).status for identity in ids] == ["completed"]
            again = await other.start("clerk", WORK, idempotency_key="order 7")
            assert ({again.id}, again.status, len(await app.list())) == (ids, "completed", 1)

    place.play(story)
    assert place.did() == ["pay"]


def test_the_same_key_for_something_else_is_refused(place: Place):
    """A key that was used for another request is a mistake, and said to be one."""

    async def story(app: App) -> None:
        await app.start("clerk", WORK, idempotency_key="order 7")
        with pytest.raises(IdempotencyConflict):
            await app.start("clerk", to_do(call("pay", "8")), idempotency_key="order 7")
        assert len(await app.list()) == 1

    place.play(story)


def test_without_a_key_two_posts_are_two(place: Place):
    """The control: the same input without a key is meant twice."""
    place.start(WORK)
    place.start(WORK)
    assert place.drain() == 0
    assert place.did() == ["pay", "pay"]
