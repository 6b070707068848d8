"""Sums that are counted once and carried on: always what a count of everything would say, never less than before."""

from datetime import timedelta

import pytest

from holdfast.trail.metrics.totals import Counting, Totals
from holdfast.trail.trail import Trail
from holdfast.types import Execution
from tests.conformance.world import World, event, step


@pytest.fixture
def world(database: str) -> World:
    return World(database)


async def look(world: World, trail: Trail, counting: Counting) -> Totals:
    return await trail._parts.reader.run(lambda c: counting.look(c, world.clock.now()))


async def end(world: World, trail: Trail, *, seconds: float, status: str = "completed") -> Execution:
    claimed = await world.running(trail)
    world.clock.advance(seconds=seconds)
    kind = f"execution.{status}"
    await trail.append(step(claimed, event(kind), status=status, status_reason=None if status == "completed" else "X"))
    return claimed.execution


def test_carrying_on_comes_to_what_a_fresh_count_says(world: World):
    """Through hours of ends, some of them settled and some recent."""

    async def story(trail: Trail) -> None:
        counting = Counting()
        for minutes in (1, 2, 90, 0, 3):
            await end(world, trail, seconds=12)
            world.clock.advance(minutes=minutes)
            carried = await look(world, trail, counting)
        assert carried.ends == (await look(world, trail, Counting())).ends
        ((key, sums),) = carried.ends.items()
        assert key == ("clerk", "completed", "")
        assert (sums[0], round(sums[1]), sums[2:8]) == (5, 60, (0, 0, 0, 0, 5, 5))

    world.play(story)


def test_an_end_that_is_committed_late_is_counted(world: World):
    """It is dated before the last look: the database was away for a while."""

    async def story(trail: Trail) -> None:
        counting = Counting()
        claimed = await world.running(trail)
        dated = world.clock.now()
        world.clock.advance(minutes=4)
        assert (await look(world, trail, counting)).ends == {}
        world.clock.at = dated
        await trail.append(step(claimed, event("execution.completed"), status="completed"))
        world.clock.advance(minutes=4)
        assert [sums[0] for sums in (await look(world, trail, counting)).ends.values()] == [1]

    world.play(story)


def test_a_retry_takes_nothing_from_a_counter(world: World):
    """Prometheus would take a fall for a restart, and count everything again."""

    async def story(trail: Trail) -> None:
        counting = Counting()
        failed = await end(world, trail, seconds=1, status="failed")
        before = await look(world, trail, counting)
        await trail.retry(failed.id, by="ann")
        world.clock.advance(seconds=timedelta(minutes=9).total_seconds())
        assert (await look(world, trail, counting)).ends == before.ends

    world.play(story)
