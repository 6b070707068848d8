"""A worker that has more to do than it can: everybody gets a turn."""

import asyncio

from holdfast import Agent, App, Say
from holdfast.types import Share


def served(database, agents, story):
    """Users in the order in which their executions were worked on, by one slot."""

    async def play():
        async with App(agents, database) as app:
            await story(app)
            await app.work(concurrency=1, drain=True)
            found = await app.list(limit=200)
            return [one.user_id for one in sorted(found, key=lambda one: one.completed_at)]

    return asyncio.run(asyncio.wait_for(play(), 50))


def test_a_user_with_one_execution_is_not_behind_one_with_many(sqlite_database):
    """It is served within the first few, though all the others came before."""

    async def story(app):
        for n in range(40):
            await app.start("clerk", n, user="big")
        await app.start("clerk", "please", user="small")

    found = served(sqlite_database, [Agent(name="clerk", models=[lambda _: Say("done")])], story)
    assert len(found) == 41
    assert found.index("small") <= 2


def test_weights_hold_over_a_whole_queue(sqlite_database):
    """While both wait, one gets three times what the other gets."""

    async def story(app):
        await app.control.set_share(Share(name="gold", scope="user", subject="ann", weight=3), by="Ada")
        for n in range(24):
            await app.start("clerk", n, user="ann" if n % 2 else "bob")

    found = served(sqlite_database, [Agent(name="clerk", models=[lambda _: Say("done")])], story)
    assert 8 <= found[:12].count("ann") <= 10
