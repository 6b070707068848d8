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
