"""An execution whose deadline comes while it works."""

import asyncio
from datetime import timedelta

from holdfast import Agent, App, Call, Say, tool
from holdfast.testing import FakeClock


def test_it_ends_at_the_next_commit(sqlite_database):
    """What is under way is finished and recorded; nothing new begins."""
    clock = FakeClock(auto=True)

    @tool(effect="read")
    async def look() -> str:
        """Look for an hour."""
        clock.advance(3600)
        return "found"

    agent = Agent(name="clerk", models=[lambda said: Say("done") if said.calls else Call("look", {})], tools=[look])

    async def story():
        async with App([agent], sqlite_database, clock=clock) as app:
            started = await app.start("clerk", "go", deadline=clock.now() + timedelta(minutes=30))
            return await app.resume(started.id, timeout_s=20)

    ended = asyncio.run(story())
    assert (ended.status, ended.status_reason) == ("failed", "DEADLINE_EXCEEDED")
    assert [call.status for call in ended.tool_calls] == ["completed"]


def test_what_it_starts_is_due_when_it_is(sqlite_database):
    """A specialist works no longer than anybody waits for it, and its own children neither."""
    clock = FakeClock(auto=True)

    @tool(effect="read")
    async def look() -> str:
        """Look for an hour."""
        clock.advance(3600)
        return "found"

    helper = Agent(name="helper", models=[lambda said: Say("done") if said.calls else Call("look", {})], tools=[look])
    middle = Agent(name="middle", models=[lambda _: Call("delegate_to_helper", {"task": "look"})], team=[helper])
    boss = Agent(name="boss", models=[lambda _: Call("delegate_to_middle", {"task": "look"})], team=[middle])

    async def story():
        async with App([boss], sqlite_database, clock=clock) as app:
            due = clock.now() + timedelta(minutes=30)
            started = await app.start("boss", "go", deadline=due)
            await app.resume(started.id, timeout_s=20)
            (below,) = await app.list(agent="helper")
            told = [event async for event in app.events(below.id, follow=False)]
            return due, await app.wait(below.id, 20), told[0].data["deadline"]

    due, ended, told = asyncio.run(story())
    assert ended.due_by == due
    assert told == due.isoformat()
    assert (ended.status, ended.status_reason) == ("failed", "DEADLINE_EXCEEDED")


def test_what_is_started_without_a_deadline_has_none(sqlite_database):
    """Nothing is added to what nobody hurries."""
    helper = Agent(name="helper", models=[lambda _: Say("done")])
    boss = Agent(
        name="boss",
        models=[lambda said: Say("ok") if said.calls else Call("delegate_to_helper", {"task": "look"})],
        team=[helper],
    )

    async def story():
        async with App([boss], sqlite_database) as app:
            await app.run("boss", "go", timeout_s=20)
            return (await app.list(agent="helper"))[0]

    assert asyncio.run(story()).due_by is None
