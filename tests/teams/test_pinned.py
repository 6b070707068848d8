"""A specialist that is pinned stays with its own version, whatever its supervisor does."""

import asyncio

from holdfast import Agent, App, Conversation
from holdfast.testing import Call, Say


def give_on(conversation: Conversation) -> Call | Say:
    return Say("done") if conversation.calls else Call("delegate_to_clerk", {"task": "count"})


def test_a_child_is_pinned_as_its_own_agent_says(sqlite_database: str):
    """The supervisor moves with deploys, the specialist does not."""
    clerk = Agent(name="clerk", models=[lambda _: Say("3")], version="7", pinned=True)
    boss = Agent(name="boss", models=[give_on], team=[clerk], version="2")

    async def story() -> dict[str, str | None]:
        async with App([boss, clerk], sqlite_database) as app:
            assert (await app.run("boss", "how many?", timeout_s=20)).status == "completed"
            return {one.agent_type: one.pinned_to for one in await app.list()}

    assert asyncio.run(story()) == {"boss": None, "clerk": "7"}
