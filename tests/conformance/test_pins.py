"""What is pinned to a version runs only where that is served; what drains takes nothing that others could."""

import asyncio

import pytest

from holdfast.errors import NotFound
from holdfast.policy.alerts import with_defaults
from holdfast.trail.trail import Trail
from holdfast.types import Offer
from tests.conformance.world import World, step


async def offer(trail: Trail, worker: str = "ada", *, lease_s: float = 60, drains: bool = False, **serves: str) -> None:
    serves = serves or {"clerk": "1"}
    offered = Offer(version="9", app_version="blue", serves=serves, capacity=8, drains=drains)
    await trail.register(worker, host="here", pid=1, lease_s=lease_s, offer=offered)


async def claimed(trail: Trail, worker: str = "ada", *, limit: int = 100) -> list[tuple[str | None, str | None]]:
    """Users of what a worker gets, with what it is pinned to."""
    found = await trail.claim(worker, agents=["clerk", "other"], limit=limit)
    return [(one.execution.user_id, one.execution.pinned_to) for one in found]


def test_what_is_pinned_goes_only_to_its_version(world: World):
    """And what is not pinned goes to any."""

    async def story(trail):
        await offer(trail, "old")
        await offer(trail, "new", clerk="2")
        await world.start(trail, user_id="a", pinned=True)
        await world.start(trail, user_id="b", pinned=True, agent_version="3")
        await world.start(trail, user_id="c", agent_version="1")
        assert await claimed(trail, "new") == [("c", None)]
        assert await claimed(trail, "old") == [("a", "1")]

    world.play(story)


def test_one_id_is_claimed_by_its_version_alone(world: World):
    """`app.resume` with another version leaves it alone."""

    async def story(trail):
        started = await world.start(trail, pinned=True)
        await offer(trail, "new", clerk="2")
        await offer(trail, "old")
        assert await trail.claim("new", agents=["clerk"], limit=1, only=started.id) == ()
        assert len(await trail.claim("old", agents=["clerk"], limit=1, only=started.id)) == 1

    world.play(story)


def test_users_take_turns_over_both_queues(world: World):
    """A user with pinned and other executions has one turn, not two, and within a user the oldest goes first."""

    async def story(trail):
        await offer(trail)
        for n in range(8):
            world.clock.advance(seconds=1)
            await world.start(trail, user_id="both", pinned=n % 2 == 0)
        await world.start(trail, user_id="one")
        await world.start(trail, user_id="pins", pinned=True)
        assert [user for user, _ in await claimed(trail, limit=3)] == ["both", "one", "pins"]
        assert await claimed(trail, limit=3) == [("both", None), ("both", "1"), ("both", None)]

    world.play(story)


def test_priorities_hold_over_both_queues(world: World):
    """The highest first, pinned or not."""

    async def story(trail):
        await offer(trail)
        for priority in range(6):
            await world.start(trail, user_id=str(priority), priority=priority, pinned=priority % 2 == 0)
        assert [user for user, _ in await claimed(trail, limit=4)] == ["5", "4", "3", "2"]

    world.play(story)


def test_nothing_pinned_elsewhere_holds_up_a_claim(world: World):
    """However much older and more urgent it is, and whoever it belongs to."""

    async def story(trail):
        await offer(trail)
        for _ in range(50):
            await world.start(trail, user_id="a", priority=9, pinned=True, agent_version="0")
        await world.start(trail, user_id="a")
        assert await claimed(trail, limit=5) == [("a", None)]

    world.play(story)


def test_a_drained_worker_gets_only_what_is_pinned_to_it(world: World):
    """From the commit that drains it on; what it runs stays with it."""

    async def story(trail):
        await offer(trail)
        await world.start(trail, user_id="held")
        assert await claimed(trail) == [("held", None)]
        assert await trail.drain_worker("ada", by="Bo", why="a deploy")
        await world.start(trail, user_id="a")
        await world.start(trail, user_id="b", pinned=True)
        assert await claimed(trail) == [("b", "1")]
        assert [peer.drains for peer in (await trail.sweep()).peers] == [True]
        assert len(await trail.list(status="running")) == 2

    world.play(story)


def test_draining_is_told_once_and_on_record(world: World):
    """Twice is once; a worker that is not there is named."""

    async def story(trail):
        await offer(trail)
        assert await trail.drain_worker("ada", by="Bo", why="a deploy")
        assert not await trail.drain_worker("ada", by="Cy")
        await offer(trail)
        assert (await trail.fleet()).workers[0].drains_since is not None
        (entry,) = await trail.audit()
        assert (entry.kind, entry.data) == ("worker.drained", {"worker": "ada", "by": "Bo", "why": "a deploy"})
        with pytest.raises(NotFound, match="holdfast workers"):
            await trail.drain_worker("nobody", by="Bo")

    world.play(story)


def test_a_draining_worker_is_needed_while_only_it_has_a_version(world: World):
    """Until what is pinned to it has ended, or a worker that does not drain has the version too."""

    async def story(trail):
        await offer(trail, "old", drains=True)
        await offer(trail, "new", clerk="2")
        assert not await trail.keeps_pins("old")
        pinned = await world.start(trail, pinned=True)
        assert await trail.keeps_pins("old")
        await offer(trail, "second")
        assert not await trail.keeps_pins("old")
        await trail.retire("second")
        (held,) = await trail.claim("old", agents=["clerk"], limit=1)
        assert held.execution.id == pinned.id
        assert await trail.keeps_pins("old")
        await trail.append(step(held, status="completed"))
        assert not await trail.keeps_pins("old")

    world.play(story)


def test_what_nobody_serves_is_known(world: World):
    """Versions and agents without a live worker that takes them; what an operator paused is not among them."""

    async def story(trail):
        await offer(trail, clerk="2")
        for version in ("1", "1", "2"):
            await world.start(trail, pinned=True, agent_version=version)
        await world.start(trail)
        await world.start(trail, agent_type="other")
        found = {(one.agent, one.pinned_to): one.count for one in (await trail.fleet()).unserved}
        assert found == {("clerk", "1"): 2, ("other", None): 1}
        await trail.pause("agent", "other", by="Bo", why="x")
        assert [one.agent for one in (await trail.fleet()).unserved] == ["clerk"]
        await trail.drain_worker("ada", by="Bo")
        assert {(one.agent, one.pinned_to) for one in (await trail.fleet()).unserved} == {
            ("clerk", "1"),
            ("clerk", None),
        }

    world.play(story)


def test_unpinned_executions_go_on_with_any_version(world: World):
    """Those of one version, or one alone; on record with how many they were."""

    async def story(trail):
        await offer(trail, clerk="9")
        ids = [(await world.start(trail, user_id=str(n), pinned=True, agent_version=str(n % 2))).id for n in range(5)]
        assert await trail.unpin("clerk", version="0", by="Bo", why="1 is fine") == 3
        assert sorted(user for user, _ in await claimed(trail)) == ["0", "2", "4"]
        assert await trail.unpin("clerk", execution_id=ids[1], by="Bo") == 1
        assert await claimed(trail) == [("1", None)]
        assert await trail.unpin("clerk", execution_id=ids[1], by="Bo") == 0
        first = (await trail.audit())[0]
        assert (first.kind, first.data["version"], first.data["executions"]) == ("execution.unpinned", "0", 3)

    world.play(story)


def test_unpinning_wakes_who_may_go_on_with_it(world: World):
    """A worker that waits for work hears of it."""

    async def story(trail):
        await offer(trail, clerk="9")
        await world.start(trail, pinned=True)
        assert await claimed(trail) == []
        waiting = asyncio.create_task(trail.wait_for_work(timeout_s=50))
        await asyncio.sleep(0)
        await trail.unpin("clerk", by="Bo")
        assert await asyncio.wait_for(waiting, 10)

    world.play(story)


def test_workers_say_what_they_are(world: World):
    """Version, app, agents and capacity."""

    async def story(trail):
        await offer(trail, clerk="2", other="7")
        (seen,) = (await trail.fleet()).workers
        assert (seen.version, seen.app_version, seen.capacity) == ("9", "blue", 8)
        assert (dict(seen.serves), seen.drains_since) == ({"clerk": "2", "other": "7"}, None)

    world.play(story)


def test_what_nobody_serves_is_observed_for_alerts(world: World):
    """By the rule that is on without configuration; what is served is not in it."""

    async def story(trail):
        await offer(trail, clerk="2")
        await world.start(trail, pinned=True)
        await world.start(trail)
        (rule,) = [rule for rule in with_defaults([]) if rule.kind == "unserved"]
        (left,) = (await trail.observe([rule], since=world.clock.at)).unserved
        assert (left.agent, left.pinned_to, left.count, left.since) == ("clerk", "1", 1, world.clock.at)
        await trail.unpin("clerk", by="Bo")
        assert (await trail.observe([rule], since=world.clock.at)).unserved == ()

    world.play(story)
