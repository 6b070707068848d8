"""How everything stands: what waits, who works, and what nobody looks after, on both databases."""

from datetime import datetime, timedelta

import pytest

from holdfast.trail.trail import Trail
from tests.conformance.world import World, step


@pytest.fixture
def world(database: str) -> World:
    return World(database)


def test_what_is_due_is_told_from_what_waits_for_a_time(world: World):
    """One due for a minute, one parked until tomorrow."""

    async def story(trail: Trail) -> None:
        claimed = await world.running(trail)
        later: datetime = world.clock.now() + timedelta(days=1)
        await trail.append(step(claimed, status="pending", status_reason="RETRY_LATER", wake_at=later))
        await world.start(trail)
        world.clock.advance(seconds=60)
        (pending,) = (await trail.stand()).live
        assert (pending.agent, pending.status, pending.count, pending.due) == ("clerk", "pending", 2, 1)
        assert pending.oldest_s == 60

    world.play(story)


def test_held_executions_are_told_from_abandoned_ones(world: World):
    """By whether their worker's lease runs."""

    async def story(trail: Trail) -> None:
        await world.running(trail)
        await world.running(trail, "grace", lease_s=0)
        leases = (await trail.stand()).leases
        assert (leases.workers, leases.held, leases.abandoned) == (1, 1, 1)

    world.play(story)


def test_open_questions_have_an_age(world: World):
    """By agent and kind."""

    async def story(trail: Trail) -> None:
        await world.asking(trail)
        world.clock.advance(seconds=90)
        (asked,) = (await trail.stand()).open
        assert (asked.agent, asked.kind, asked.count, asked.oldest_s) == ("clerk", "call", 1, 90)

    world.play(story)
