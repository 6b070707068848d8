"""Good results of tools, kept to stand in for a later one: the same on both databases."""

import asyncio
from dataclasses import replace

from holdfast.types import GoodResult
from tests.conformance.world import World

GOOD = GoodResult(
    tool="find", key="ab" * 32, schema_hash="s1", output={"id": "7"}, content='{"id":"7"}', execution_id="e1"
)


def test_a_kept_result_is_found_with_its_age(world: World) -> None:
    """What stands in for a failed call says how old it is."""

    async def story() -> GoodResult | None:
        async with world.trail() as trail:
            await trail.keep_result(GOOD, max_age_s=60)
            world.clock.advance(seconds=12)
            return await trail.last_result("find", GOOD.key, schema_hash="s1", max_age_s=60)

    assert asyncio.run(story()) == replace(GOOD, age_s=12.0)


def test_a_newer_result_takes_the_place_of_an_older_one(world: World) -> None:
    """One result is kept for each tool and key: the newest."""

    async def story() -> GoodResult | None:
        async with world.trail() as trail:
            await trail.keep_result(GOOD, max_age_s=60)
            await trail.keep_result(replace(GOOD, output=None, content="done", execution_id="e2"), max_age_s=60)
            return await trail.last_result("find", GOOD.key, schema_hash="s1", max_age_s=60)

    found = asyncio.run(story())
    assert found is not None
    assert (found.output, found.content, found.execution_id) == (None, "done", "e2")


def test_a_result_too_old_or_of_another_schema_stands_in_for_nothing(world: World) -> None:
    """A result past its age, or of a tool that changed since, is none."""

    async def story() -> list[object]:
        async with world.trail() as trail:
            await trail.keep_result(GOOD, max_age_s=60)
            world.clock.advance(seconds=61)
            return [
                await trail.last_result("find", GOOD.key, schema_hash="s1", max_age_s=60),
                await trail.last_result("find", GOOD.key, schema_hash="s2", max_age_s=600),
                await trail.last_result("find", "other", schema_hash="s1", max_age_s=600),
            ]

    assert asyncio.run(story()) == [None, None, None]


def test_stale_results_are_removed_in_time(world: World) -> None:
    """Keeping results does not fill the database for ever."""

    async def story() -> GoodResult | None:
        async with world.trail() as trail:
            await trail.keep_result(GOOD, max_age_s=60)
            world.clock.advance(seconds=61)
            await trail.keep_result(replace(GOOD, key="00" * 32), max_age_s=60)
            return await trail.last_result("find", GOOD.key, schema_hash="s1", max_age_s=6000)

    assert asyncio.run(story()) is None
