"""Subscriptions on both databases: due when their execution went on, served by one at a time, never lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from holdfast import Agent, App, Conversation, Say
from holdfast.testing import FakeClock
from holdfast.trail.trail import Trail


def says(_: Conversation) -> Say:
    return Say("done")


def play(database: str, story: Callable[[App, Trail, FakeClock], Awaitable[None]]) -> None:
    async def whole() -> None:
        clock = FakeClock()
        async with asyncio.timeout(30), App([Agent(name="helper", models=[says])], database, clock=clock) as app:
            await story(app, await app._open(), clock)

    asyncio.run(whole())


def test_a_subscription_is_due_when_its_execution_went_on(database: str) -> None:
    """And not before, nor again once its client was told."""

    async def story(app: App, trail: Trail, clock: FakeClock) -> None:
        execution = await app.start("helper", "hello")
        await trail.subscribe(execution.id, "mine", {"url": "https://x", "token": "t"}, told_seq=1)
        assert not await trail.subscriptions_due(limit=10)
        ended = await app.resume(execution.id)
        (due,) = await trail.subscriptions_due(limit=10)
        assert (due.id, due.config, due.told_seq) == ("mine", {"url": "https://x", "token": "t"}, 1)
        assert await trail.proceed(due, told_seq=ended.last_seq)
        assert not await trail.subscriptions_due(limit=10)

    play(database, story)


def test_one_server_at_a_time_serves_a_subscription_and_another_takes_over(database: str) -> None:
    """A hold that runs out is the next one's; who comes late with an older reading is refused."""

    async def story(app: App, trail: Trail, clock: FakeClock) -> None:
        execution = await app.start("helper", "hello")
        await trail.subscribe(execution.id, "mine", {}, told_seq=1)
        await app.resume(execution.id)
        (due,) = await trail.subscriptions_due(limit=10)
        held = [await trail.proceed(due, pause_s=60) for _ in range(2)]
        assert [one is None for one in held] == [False, True]
        assert not await trail.subscriptions_due(limit=10)
        clock.advance(61)
        (again,) = await trail.subscriptions_due(limit=10)
        assert await trail.proceed(again, told_seq=2)
        assert held[0] is not None
        assert await trail.proceed(held[0], told_seq=1) is None

    play(database, story)


def test_subscriptions_end_when_they_are_ended_or_long_after_their_executions(database: str) -> None:
    """Ending one twice is ending it once; those of old executions go by themselves."""

    async def story(app: App, trail: Trail, clock: FakeClock) -> None:
        old = await app.run("helper", "hello")
        await trail.subscribe(old.id, "one", {}, told_seq=old.last_seq)
        await trail.subscribe(old.id, "two", {}, told_seq=old.last_seq)
        assert [await trail.unsubscribe(old.id, "one") for _ in range(2)] == [True, False]
        assert [one.id for one in await trail.subscriptions(old.id)] == ["two"]
        clock.advance(timedelta(days=2).total_seconds())
        new = await app.start("helper", "hello")
        await trail.subscribe(new.id, "one", {}, told_seq=1)
        assert not await trail.subscriptions(old.id)
        assert len(await trail.subscriptions(new.id)) == 1

    play(database, story)
