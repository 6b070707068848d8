"""Who is next: priorities first, then turns by weight, within everybody's share."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from holdfast.errors import NotFound, UsageError
from holdfast.types import Share
from tests.conformance.world import World, step


async def queue(world, trail, **waiting):
    """So many executions of each user, each user's older than the next one's; ids with their users."""
    owners = {}
    for user, count in waiting.items():
        for _ in range(count):
            world.clock.advance(seconds=1)
            owners[(await world.start(trail, user_id=user)).id] = user
    return owners


def users(claimed):
    return [one.execution.user_id for one in claimed]


def test_a_user_with_much_waiting_does_not_delay_one_with_little(world: World):
    """The one execution of the second user is the second to go, however many the first has waiting."""

    async def story(trail):
        await queue(world, trail, big=30, small=1)
        assert users(await world.claim(trail, limit=2)) == ["big", "small"]

    world.play(story)


def test_users_take_turns_claim_after_claim(world: World):
    """A worker with one slot serves everybody in turn, and within a user the oldest first."""

    async def story(trail):
        owners = await queue(world, trail, ann=4, bob=4, cem=4)
        served = [(await world.claim(trail, limit=1))[0].execution for _ in range(12)]
        assert [Counter(one.user_id for one in served[n : n + 3]).most_common(1)[0][1] for n in (0, 3, 6, 9)] == [1] * 4
        for user in ("ann", "bob", "cem"):
            assert [one.id for one in served if one.user_id == user] == [i for i, who in owners.items() if who == user]

    world.play(story)


def test_a_priority_goes_before_every_turn(world: World):
    """Whoever waits with a higher one."""

    async def story(trail):
        await queue(world, trail, ann=3, bob=3)
        for _ in range(3):
            await world.start(trail, user_id="ann", priority=5)
        assert users(await world.claim(trail, limit=4)) == ["ann", "ann", "ann", "bob"]

    world.play(story)


def test_a_turn_lasts_as_long_as_its_users_weight(world: World):
    """A weight of 3 is three executions a turn, across claims."""

    async def story(trail):
        await trail.set_share(Share(name="gold", scope="user", subject="ann", weight=3), by="Ada")
        await queue(world, trail, ann=12, bob=12)
        served = [users(await world.claim(trail, limit=1))[0] for _ in range(8)]
        assert Counter(served[:4]) == Counter(served[4:]) == {"ann": 3, "bob": 1}

    world.play(story)


def test_agents_take_turns_by_weight_too(world: World):
    """Of two agents with work, the one of weight 3 gets three times as much."""

    async def story(trail):
        await trail.set_share(Share(name="a", scope="agent", subject="clerk", weight=3), by="Ada")
        for _ in range(12):
            for agent in ("clerk", "other"):
                await world.start(trail, agent_type=agent)
        found = await world.claim(trail, agents=["clerk", "other"], limit=8)
        assert Counter(one.execution.agent_type for one in found) == {"clerk": 6, "other": 2}

    world.play(story)


@pytest.mark.parametrize(
    ("scope", "subject", "expected"),
    [("user", None, {"ann": 2, "bob": 2}), ("user", "ann", {"ann": 2, "bob": 6}), ("global", None, 2)],
)
def test_no_more_run_at_once_than_a_limit_says(world: World, scope, subject, expected):
    """For each user, for one, and in all."""

    async def story(trail):
        await trail.set_share(Share(name="x", scope=scope, subject=subject, limit=2), by="Ada")
        await queue(world, trail, ann=6, bob=6)
        found = Counter(users(await world.claim(trail, limit=20)))
        assert (found.total() if scope == "global" else {u: min(n, expected[u]) for u, n in found.items()}) == expected
        assert scope == "global" or subject == "ann" or found == expected
        assert await world.claim(trail, limit=20) == () or subject == "ann"

    world.play(story)


def test_an_agent_at_its_limit_holds_up_no_other(world: World):
    """Its executions are passed over, though they are older and of higher priority."""

    async def story(trail):
        await trail.set_share(Share(name="x", scope="agent", subject="clerk", limit=1), by="Ada")
        for _ in range(5):
            await world.start(trail, agent_type="clerk", priority=9)
        await world.start(trail, agent_type="other")
        found = await world.claim(trail, agents=["clerk", "other"], limit=5)
        assert [one.execution.agent_type for one in found] == ["clerk", "other"]

    world.play(story)


def test_room_that_becomes_free_wakes_who_waits_for_it(world: World):
    """The end of one execution lets the next one of its user begin, in another worker too."""

    async def story(trail):
        await trail.set_share(Share(name="x", scope="user", limit=1), by="Ada")
        await queue(world, trail, ann=2)
        (first,) = await world.claim(trail)
        assert await world.claim(trail, "bob") == ()
        waiting = asyncio.create_task(trail.wait_for_work(timeout_s=50))
        await asyncio.sleep(0)
        await trail.append(step(first, status="completed"))
        await asyncio.wait_for(waiting, 10)
        assert len(await world.claim(trail, "bob")) == 1

    world.play(story)


def test_a_limit_holds_when_workers_claim_at_the_same_moment(world: World):
    """Two processes count what the other has."""

    async def story(trail):
        await trail.set_share(Share(name="x", scope="global", limit=5), by="Ada")
        await queue(world, trail, ann=20)
        async with world.trail() as other:
            for name, on in (("a", trail), ("b", other)):
                await on.register(name, host="h", pid=1, lease_s=60)
            found = await asyncio.gather(
                *(on.claim(name, agents=["clerk"], limit=3) for name, on in (("a", trail), ("b", other)) * 4)
            )
        assert sum(map(len, found)) == 5

    world.play(story)


def test_a_claim_of_one_id_keeps_to_limits(world: World):
    """`app.run` in a process of its own begins nothing beyond them."""

    async def story(trail):
        await trail.set_share(Share(name="x", scope="user", limit=1), by="Ada")
        first, second = await queue(world, trail, ann=2)
        assert len(await world.claim(trail, only=first)) == 1
        assert await world.claim(trail, only=second) == ()
        await trail.drop_share("x", by="Ada")
        assert len(await world.claim(trail, only=second)) == 1

    world.play(story)


def test_what_was_parked_and_is_due_takes_its_turn(world: World):
    """At its priority and by its age, beside what never waited."""

    async def story(trail):
        held = await world.running(trail, user_id="ann")
        await trail.append(step(held, status="pending", wake_at=world.clock.at + timedelta(seconds=30)))
        await queue(world, trail, ann=3)
        world.clock.advance(seconds=60)
        assert (await world.claim(trail, limit=1))[0].execution.id == held.execution.id

    world.play(story)


def test_a_large_claim_gets_everything_at_every_priority(world: World):
    """Nothing is left behind because a user or a priority has more than a look sees."""

    async def story(trail):
        for n in range(120):
            await world.start(trail, user_id=f"u{n % 40}" if n < 60 else "big", priority=n % 3)
        assert len(await world.claim(trail, limit=500)) == 120

    world.play(story)


def test_shares_are_shown_changed_and_taken_away(world: World):
    """And what can be no share is refused."""

    async def story(trail):
        given = Share(name="x", scope="user", weight=2, limit=9)
        await trail.set_share(given, by="Ada")
        assert (await trail.controls()).shares == (given,)
        assert [entry.kind for entry in await trail.audit()] == ["share.set"]
        await trail.drop_share("x", by="Ada")
        with pytest.raises(NotFound):
            await trail.drop_share("x", by="Ada")
        for wrong in ({"scope": "user"}, {"scope": "global", "weight": 2}, {"scope": "user", "limit": 0}):
            with pytest.raises(UsageError):
                await trail.set_share(Share(name="y", **wrong), by="Ada")

    world.play(story)
