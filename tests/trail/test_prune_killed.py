"""A pruning that is killed leaves nothing half done."""

import asyncio
import subprocess
import sys
from datetime import timedelta

from holdfast.trail import events as kinds
from holdfast.trail.audit import verify_database
from holdfast.trail.trail import Trail
from holdfast.types import PruneRule
from tests.conformance.world import World, event, step

PRUNE = """
import asyncio, sys
from datetime import timedelta
from holdfast.types import PruneRule
from tests.conformance.world import World

async def story(trail):
    rule = PruneRule(before=world.clock.at + timedelta(days=1), keep_audit=True)
    async for done in trail.prune(rule, by="ann"):
        print(done.executions, flush=True)

world = World(sys.argv[1])
world.play(story)
"""


async def ended(world: World, trail: Trail) -> None:
    claimed = await world.running(trail)
    await trail.append(step(claimed, event(kinds.COMPLETED), status="completed", result="done"))


def test_a_pruning_that_sigkill_ends_goes_on_with_the_next_run(database: str):
    """What the record says after the kill verifies, and the next run does the rest."""
    world = World(database)

    async def fill(trail: Trail) -> None:
        await asyncio.gather(*(ended(world, trail) for _ in range(150)))

    world.play(fill)
    with subprocess.Popen([sys.executable, "-c", PRUNE, database], stdout=subprocess.PIPE, text=True) as pruning:
        assert pruning.stdout is not None
        done = [int(pruning.stdout.readline()) for _ in range(2)]
        pruning.kill()
    report = asyncio.run(verify_database(database))
    assert report.ok
    assert sum(done) <= report.pruned < 150

    async def rest(trail: Trail) -> None:
        rule = PruneRule(before=world.clock.at + timedelta(days=1), keep_audit=True)
        assert sum([one.executions async for one in trail.prune(rule, by="ann")]) == 150 - report.pruned

    world.play(rest)
    after = asyncio.run(verify_database(database))
    assert (after.ok, after.pruned) == (True, 150)
