"""Waiting for the writer's news."""

import asyncio

import pytest

from holdfast.trail.bell import Bell, News


@pytest.mark.parametrize("moments", range(6))
def test_news_do_not_swallow_a_cancellation(moments: int):
    """A worker that is told to stop at the very moment at which work is announced does stop."""

    async def scenario() -> bool:
        bell = Bell(on_first=lambda: None)
        waiting = asyncio.create_task(bell.wait_for_work(since=bell.works, timeout_s=50))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        bell.ring(News(work=True))
        for _ in range(moments):
            await asyncio.sleep(0)
        asked = waiting.cancel()  # False when it had returned before
        await asyncio.wait([waiting])
        return waiting.cancelled() == asked

    assert asyncio.run(scenario())
