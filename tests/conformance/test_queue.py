"""Claims, leases, take-overs: everybody's work is somebody's, and nobody's twice."""

import asyncio
from datetime import timedelta

import pytest

from holdfast.trail import events
from holdfast.trail.parts import Parts
from tests.conformance.world import World, kinds, ruling, step


def test_a_claim_gives_the_execution_with_its_journal(world: World):
    """Status, owner, a higher fence and the event are one commit."""

    async def story(trail):
        started = await world.start(trail)
        (claimed,) = await world.claim(trail, "ada")
        now = claimed.execution
        assert (now.id, now.status, now.lease_owner, now.fence) == (started.id, "running", "ada", 1)
        assert kinds(claimed.events) == [events.STARTED, events.CLAIMED]
        assert claimed.events[-1].data == {"worker": "ada", "fence": 1}

    world.play(story)


def test_work_is_claimed_by_priority_then_age(world: World):
    """Higher first; of equals, the older."""

    async def story(trail):
        ids = {}
        for name, priority in (("old", 0), ("high", 5), ("new", 0), ("higher", 9), ("low", -1)):
            world.clock.advance(seconds=1)
            ids[(await world.start(trail, priority=priority)).id] = name
        claimed = await world.claim(trail, limit=2)
        claimed = [*claimed, *await world.claim(trail)]
        assert [ids[c.execution.id] for c in claimed] == ["higher", "high", "old", "new", "low"]

    world.play(story)


def test_a_claim_keeps_to_its_agents_its_limit_and_its_id(world: World):
    """A worker gets what it asked for, and no more."""

    async def story(trail):
        one, two, other = [await world.start(trail, agent_type=a) for a in ("clerk", "clerk", "other")]
        assert [c.execution.id for c in await world.claim(trail, agents=["other"])] == [other.id]
        assert [c.execution.id for c in await world.claim(trail, only=two.id)] == [two.id]
        assert await world.claim(trail, only=two.id) == ()
        assert await world.claim(trail, agents=[]) == ()
        assert await world.claim(trail, limit=0) == ()
        assert [c.execution.id for c in await world.claim(trail, limit=5)] == [one.id]

    world.play(story)


def test_a_parked_execution_is_not_claimed_before_its_time(world: World):
    """`next_due` tells when to look again."""

    async def story(trail):
        held = await world.running(trail)
        later = world.clock.at + timedelta(seconds=30)
        await trail.append(step(held, status="pending", wake_at=later))
        assert await world.claim(trail) == ()
        assert await trail.next_due(["clerk"]) == later
        assert await trail.next_due(["other"]) is None
        world.clock.advance(seconds=30)
        (again,) = await world.claim(trail)
        assert again.execution.wake_at is None

    world.play(story)


def test_an_open_question_is_due_when_it_expires(world: World):
    """And no longer when it is answered."""

    async def story(trail):
        soon = world.clock.at + timedelta(hours=1)
        _, question_id = await world.asking(trail, expires_at=soon)
        assert await trail.next_due(["clerk"]) == soon
        await trail.decide(ruling(question_id))
        assert await trail.next_due(["clerk"]) is None

    world.play(story)


def test_workers_never_share_an_execution(world: World):
    """Two processes' worth of workers claim at once, a few each time: together everything, nothing twice."""

    async def story(trail):
        for _ in range(60):
            await world.start(trail)
        async with world.trail() as other:
            taken = []

            async def work(name, on):
                await on.register(name, host="h", pid=1, lease_s=60)
                while some := await on.claim(name, agents=["clerk"], limit=3):
                    taken.extend(c.execution.id for c in some)

            await asyncio.gather(*(work(f"w{i}", (trail, other)[i % 2]) for i in range(6)))
        # A claim may come back empty while a neighbour holds the last rows locked: what is left is taken now.
        taken.extend(c.execution.id for c in await world.claim(trail))
        assert len(taken) == len(set(taken)) == 60

    world.play(story)


def test_a_live_lease_is_left_alone_and_a_dead_one_taken_over(world: World):
    """Only the executions of the worker whose lease ran out become claimable."""

    async def story(trail):
        alive = await world.running(trail, "alive", lease_s=60)
        lost = await world.running(trail, "dead", lease_s=0)
        assert (await trail.sweep()).taken_over == 1
        now = await trail.get(lost.execution.id)
        assert (now.status, now.status_reason, now.lease_owner) == ("pending", "TAKEN_OVER", None)
        assert (await trail.get(alive.execution.id)).status == "running"
        assert [w[0] for w in await trail.workers()] == ["alive"]
        (again,) = await world.claim(trail, "bob")
        assert (again.execution.id, again.execution.fence) == (lost.execution.id, 2)

    world.play(story)


def test_a_worker_given_up_for_dead_learns_it(world: World):
    """Its renewal fails, and it claims nothing until it registers again."""

    async def story(trail):
        await world.running(trail, "ada", lease_s=60)
        assert await trail.renew("ada", lease_s=60)
        assert (await trail.sweep(dead=["ada"])).taken_over == 1
        assert not await trail.renew("ada", lease_s=60)
        assert await trail.claim("ada", agents=["clerk"], limit=9) == ()
        assert len(await world.claim(trail, "ada")) == 1

    world.play(story)


def test_a_late_renewal_that_nobody_noticed_still_counts(world: World):
    """Between the end of a lease and the sweep, nothing was taken: the worker lives on."""

    async def story(trail):
        held = await world.running(trail, "ada", lease_s=0)
        assert await trail.workers() == []
        assert await trail.renew("ada", lease_s=60)
        assert (await trail.sweep()).taken_over == 0
        await trail.append(step(held))

    world.play(story)


def test_a_retiring_worker_gives_back_what_it_holds(world: World):
    """At once, without waiting for its lease to end."""

    async def story(trail):
        held = await world.running(trail, "ada")
        other = await world.running(trail, "bob")
        await trail.retire("ada")
        assert (await trail.get(held.execution.id)).status == "pending"
        assert (await trail.get(other.execution.id)).status == "running"
        assert [w[0] for w in await trail.workers()] == ["bob"]

    world.play(story)


def test_what_was_taken_over_before_it_was_read_is_not_got(world: World, monkeypatch: pytest.MonkeyPatch):
    """A worker that learns late what its claim brought holds nothing of it that is another's by now."""
    patiently, bobs = Parts.patiently, []

    async def story(trail):
        started = await world.start(trail)

        async def late(parts, read):
            monkeypatch.setattr(Parts, "patiently", patiently)
            await trail.sweep(dead=["ada"])
            bobs.extend(await world.claim(trail, "bob"))
            return await patiently(parts, read)

        monkeypatch.setattr(Parts, "patiently", late)
        assert await world.claim(trail, "ada") == []
        assert [(one.execution.id, one.execution.fence) for one in bobs] == [(started.id, 2)]

    world.play(story)


def test_a_cancelled_claim_gives_back_what_it_got(world: World):
    """A worker that stops in the middle of a claim strands nothing."""

    async def story(trail):
        started = await world.start(trail)
        await trail.register("ada", host="h", pid=1, lease_s=60)
        claiming = asyncio.create_task(trail.claim("ada", agents=["clerk"], limit=9))
        await asyncio.sleep(0)
        claiming.cancel()
        await asyncio.wait([claiming])
        async for _ in trail.watch(started.id):
            now = await trail.get(started.id)
            if now.fence == 1 and now.status == "pending":
                break

    world.play(story)


def test_waiting_workers_hear_of_new_work(world: World):
    """At once in the same process, soon in another."""

    async def story(trail):
        async with world.trail() as other:
            for waiting_on, started_on in ((trail, trail), (trail, other), (other, trail)):
                await world.claim(waiting_on)
                waiting = asyncio.create_task(waiting_on.wait_for_work(timeout_s=50))
                await asyncio.sleep(0)
                await world.start(started_on)
                await asyncio.wait_for(waiting, 20)

    world.play(story)


def test_work_that_arrives_between_claim_and_wait_is_not_missed(world: World):
    """The wait returns at once."""

    async def story(trail):
        assert await world.claim(trail) == ()
        await world.start(trail)
        await asyncio.wait_for(trail.wait_for_work(timeout_s=50), 10)

    world.play(story)


def test_an_answer_and_a_retry_are_work(world: World):
    """Whatever makes an execution claimable wakes the workers."""

    async def story(trail):
        _, question_id = await world.asking(trail)
        assert await world.claim(trail) == ()
        await trail.decide(ruling(question_id))
        await asyncio.wait_for(trail.wait_for_work(timeout_s=50), 10)
        (held,) = await world.claim(trail)
        await trail.append(step(held, status="failed"))
        await trail.retry(held.execution.id, by="Ada")
        await asyncio.wait_for(trail.wait_for_work(timeout_s=50), 10)

    world.play(story)


def test_waiting_ends_with_its_time(world: World):
    """Nothing happens, and the worker looks again all the same."""

    async def story(trail):
        await asyncio.wait_for(trail.wait_for_work(timeout_s=0.01), 10)

    world.play(story)
