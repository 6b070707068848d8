"""One question for all who ask it at the same moment."""

import asyncio

from holdfast.trail.shared import Shared


def test_those_who_ask_together_share_one_answer() -> None:
    """A thousand who were told of the same change cost one query."""
    put: list[int] = []

    async def find() -> int:
        put.append(1)
        await asyncio.sleep(0)
        return len(put)

    async def all_of_them() -> list[int]:
        shared: Shared[int] = Shared()
        return await asyncio.gather(*(shared.ask("news", find) for _ in range(1_000)))

    assert asyncio.run(all_of_them()) == [1] * 1_000


def test_nobody_joins_a_question_that_was_put_already() -> None:
    """Its answer may miss what the later one was told of."""

    async def story() -> list[str]:
        shared: Shared[str] = Shared()
        begun, go_on, commits = asyncio.Event(), asyncio.Event(), ["old"]

        async def find() -> str:
            seen = commits[-1]
            begun.set()
            await go_on.wait()
            return seen

        early = asyncio.create_task(shared.ask("news", find))
        await begun.wait()
        commits.append("new")
        late = asyncio.create_task(shared.ask("news", find))
        go_on.set()
        return [await early, await late]

    assert asyncio.run(story()) == ["old", "new"]


def test_one_who_leaves_takes_no_answer_away() -> None:
    """A client that goes ends its own wait alone."""

    async def story() -> str:
        shared: Shared[str] = Shared()
        go_on = asyncio.Event()

        async def find() -> str:
            await go_on.wait()
            return "news"

        first, second = (asyncio.create_task(shared.ask("q", find)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        go_on.set()
        return await second

    assert asyncio.run(story()) == "news"
