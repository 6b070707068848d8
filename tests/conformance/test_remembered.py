"""What a writer remembers of running executions counts only while nobody else has written."""

import asyncio
from decimal import Decimal

import pytest

from holdfast.errors import BudgetExhausted, StaleFence
from holdfast.trail import remembered
from holdfast.trail.remembered import Remembered
from holdfast.types import Admission, Budget, Candidate
from tests.conformance.world import World, intact, outcomes, step

ASKING = Admission(candidates=(Candidate(rung=0, model="m", provider="p"),))


def test_a_wish_to_cancel_from_another_process_is_noticed_at_the_next_step(world: World):
    """By its own execution; its neighbours in the transaction go on."""

    async def story(trail):
        held, neighbour = await world.running(trail), await world.running(trail)
        for claimed in (held, neighbour):
            assert not (await trail.append(step(claimed))).cancel_requested
        async with world.trail() as other:
            await other.cancel(held.execution.id, by="ann")
            world.clock.advance(seconds=1)
            done = await asyncio.gather(trail.append(step(held)), trail.append(step(neighbour)))
        assert [one.cancel_requested for one in done] == [True, False]
        assert await intact(trail) == {held.execution.id: 5, neighbour.execution.id: 4}

    world.play(story)


def test_what_another_process_took_over_is_refused_at_the_next_step(world: World):
    """The fence is the one in the database."""

    async def story(trail):
        held, neighbour = await world.running(trail, lease_s=0), await world.running(trail, "bob")
        await outcomes(*(trail.append(step(claimed)) for claimed in (held, neighbour)))
        async with world.trail() as other:
            await other.sweep()
            refused, done = await outcomes(*(trail.append(step(claimed)) for claimed in (held, neighbour)))
        assert isinstance(refused, StaleFence)
        assert done.seq == 4

    world.play(story)


def test_a_budget_that_another_process_set_holds_at_the_next_step(world: World):
    """Also when it is changed again under steps that are charged to it."""

    async def story(trail):
        held = await world.running(trail)
        asks = step(held, reserved_tokens=400, reserved_usd=Decimal(0), admission=ASKING)
        await trail.append(asks)
        async with world.trail() as other:
            for tokens in (100, 300):
                await other.set_budget(Budget(name="all", scope="global", tokens=tokens), by="ada")
                with pytest.raises(BudgetExhausted, match=f" {tokens} tokens are left"):
                    await trail.append(step(held, reserved_tokens=900, reserved_usd=Decimal(0), admission=ASKING))
            await other.cancel(held.execution.id, by="ann")
            assert (await trail.append(step(held, reserved_tokens=500, reserved_usd=Decimal(0)))).cancel_requested

    world.play(story)


def test_no_more_is_remembered_than_there_is_room_for(world: World, monkeypatch: pytest.MonkeyPatch):
    """Those written last; nobody tells a process that cancels them that other processes' executions ended."""
    monkeypatch.setattr(remembered, "_MOST", 2)
    kept: list[Remembered] = []
    make = Remembered.__init__
    monkeypatch.setattr(Remembered, "__init__", lambda self: (kept.append(self), make(self))[1])

    async def story(trail):
        held = [await world.running(trail) for _ in range(3)]
        ids = [claimed.execution.id for claimed in held]
        assert [head.id for head in kept[0].known(ids)] == ids[1:]
        done = await asyncio.gather(*(trail.append(step(claimed)) for claimed in held))
        assert [one.seq for one in done] == [3, 3, 3]

    world.play(story)
