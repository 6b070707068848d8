"""One question for all who ask it at the same moment."""

import asyncio
from collections.abc import Sequence

from holdfast.errors import JournalBroken
from holdfast.trail.shared import Shared, Together


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


def test_those_who_ask_for_different_things_share_one_query() -> None:
    """A hundred executions that end in one commit are read at once; what does not exist is left out."""
    read: list[int] = []

    async def find(names: Sequence[int]) -> dict[int, int]:
        read.append(len(names))
        await asyncio.sleep(0)
        return {name: name * 2 for name in names if name < 99}

    async def all_of_them() -> list[int | None]:
        together = Together(find)
        return await asyncio.gather(*(together.ask(name) for name in range(100)))

    assert asyncio.run(all_of_them()) == [*range(0, 198, 2), None]
    assert read == [100]


def test_what_cannot_be_read_is_the_trouble_of_those_who_asked_for_it() -> None:
    """One broken record among a hundred leaves ninety-nine answers."""

    async def find(names: Sequence[int]) -> dict[int, int]:
        await asyncio.sleep(0)
        if 7 in names:
            raise JournalBroken("a payload is missing")
        return {name: name for name in names}

    async def all_of_them() -> list[int | BaseException | None]:
        together = Together(find)
        return await asyncio.gather(*(together.ask(name) for name in range(100)), return_exceptions=True)

    found = asyncio.run(all_of_them())
    assert isinstance(found.pop(7), JournalBroken)
    assert found == [*range(7), *range(8, 100)]


def test_whatever_goes_wrong_with_one_is_nobody_elses_trouble() -> None:
    """Errors of any kind."""

    async def find(names: Sequence[int]) -> dict[int, int]:
        await asyncio.sleep(0)
        return {name: 10 // name for name in names}

    async def both() -> list[int | BaseException | None]:
        together = Together(find)
        return await asyncio.gather(together.ask(0), together.ask(5), return_exceptions=True)

    broken, whole = asyncio.run(both())
    assert isinstance(broken, ZeroDivisionError)
    assert whole == 2


def test_who_changes_what_was_read_changes_nobody_elses() -> None:
    """Two who wait for the same execution each have it for themselves."""

    async def find(names: Sequence[str]) -> dict[str, list[str]]:
        return {name: [name] for name in names}

    async def story() -> list[list[str] | None]:
        together = Together(find)

        async def take() -> list[str] | None:
            found = await together.ask("e")
            assert found is not None
            found.append("mine")
            return found

        return await asyncio.gather(take(), take(), take())

    assert asyncio.run(story()) == [["e", "mine"]] * 3


def test_a_question_that_was_cancelled_before_it_was_put_is_put_again() -> None:
    """Whoever cancels everything in a loop, and goes on, can still read."""

    async def find() -> str:
        return "news"

    async def story() -> str:
        shared: Shared[str] = Shared()
        first = asyncio.create_task(shared.ask("q", find))
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait([first])
        return await shared.ask("q", find)

    assert asyncio.run(story()) == "news"
