"""Alerts on both databases: one worker looks, everybody is told once, and everything they are judged from."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from holdfast.engine.watch import Watch
from holdfast.policy.alerts import with_defaults
from holdfast.trail.controls import tell
from holdfast.types import Address, AlertRule, Budget, Notice, Report
from tests.conformance.test_controls import pays, wants
from tests.conformance.world import World, step

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def watch(world: World, trail, *rules: AlertRule, worker: str = "w1") -> Watch:
    return Watch(trail, with_defaults(rules), worker_id=lambda: worker, clock=world.clock)


async def channels(trail, *names: str) -> None:
    for name in names:
        routes = {None: [Address(channel=name)]}
        await trail.set_channel(name, tell.as_data(routes, name, updates=True), by="configuration")
    await trail.register("w1", host="here", pid=1, lease_s=365 * 86_400)


async def told(trail, channel: str = "slack") -> list[Notice]:
    found = await trail.due("w1", channel=channel, limit=50, hold_s=1_000_000)
    return [one.delivery for one in found if isinstance(one.delivery, Notice)]


async def spend(world: World, trail, tokens: int) -> None:
    held = await world.running(trail, lease_s=10**8)
    await trail.append(wants(held, tokens))
    await trail.append(pays(held, tokens, status="completed"))


def test_a_budget_is_told_on_every_channel_and_again_when_it_is_over(world: World):
    """From the charge to the message and its end, without any rule configured."""

    async def story(trail):
        await channels(trail, "slack", "telegram")
        await trail.set_budget(Budget(name="all", scope="global", tokens=1_000), by="ada")
        watching = watch(world, trail)
        await watching.look()
        await spend(world, trail, 850)
        await watching.look()
        await watching.look()
        (alert,) = await trail.alerts()
        assert (alert.key, alert.level) == ("budget:all:", 80)
        assert [len(await told(trail, name)) for name in ("slack", "telegram")] == [1, 1]
        world.clock.advance(days=1)
        await watching.look()
        world.clock.advance(minutes=2)
        await watching.look()
        (over,) = await told(trail)
        assert (over.key, over.state) == ("budget:all:", "resolved")
        assert await trail.alerts() == []

    world.play(story)


def test_one_worker_of_a_fleet_looks(world: World):
    """Two that begin at the same instant: one is told to wait; when it dies, the other one takes over."""

    async def story(trail):
        async with world.trail() as other:
            first, second = watch(world, trail, worker="w1"), watch(world, other, worker="w2")
            found = await asyncio.gather(first.look(), second.look())
            assert sorted(found) == [False, True]
            loser = first if found[1] else second
            assert not await loser.look()
            world.clock.advance(seconds=31)
            assert await loser.look()

    world.play(story)


def test_who_lost_the_watch_settles_nothing(world: World):
    """A worker that slept through its turn tells nobody what the next one has told."""

    async def story(trail):
        await channels(trail, "slack")
        await trail.open_breaker("model", "openai:gpt", by="ada", why="wrong answers")
        slow = watch(world, trail, worker="w1")
        await slow.look()
        (alert,) = await trail.alerts()
        world.clock.advance(seconds=31)
        await watch(world, trail, worker="w2").look()
        assert not await trail.settle_alerts("w1", [])
        assert len(await told(trail)) == 1
        assert alert.key == "breaker:model:openai:gpt"

    world.play(story)


def test_a_refused_key_is_seen_from_the_reports_of_any_worker(world: World):
    """The first refusal is enough, before any breaker opens."""

    async def story(trail):
        held = await world.running(trail)
        report = Report(kind="model", name="openai:gpt", failed=1, reason="authentication: 401 wrong key")
        await trail.append(step(held, reports=(report,)))
        await watch(world, trail).look()
        assert [alert.key for alert in await trail.alerts()] == ["provider_key:openai:gpt"]
        world.clock.advance(minutes=11)
        watching = watch(world, trail)
        await watching.look()
        world.clock.advance(minutes=2)
        await watching.look()
        assert await trail.alerts() == []

    world.play(story)


def test_dead_letters_are_told_on_the_other_channels_and_make_no_more_of_themselves(world: World):
    """A channel that is broken is not told so through itself; when it delivers again, that is over."""

    async def story(trail):
        await channels(trail, "slack", "telegram")
        await world.asking(trail)
        (card,) = await trail.due("w1", channel="slack", limit=1, hold_s=90)
        await trail.failed(card.id, worker_id="w1", error="channel_not_found", next_at=None)
        watching = watch(world, trail)
        await watching.look()
        assert await told(trail, "slack") == []
        (notice,) = await told(trail, "telegram")
        assert (notice.key, "channel_not_found" in notice.body) == ("dead_letter:slack", True)
        world.clock.advance(seconds=1)
        await trail.resend(card.id, by="ada")
        (again,) = await trail.due("w1", channel="slack", limit=1, hold_s=90)
        await trail.sent(again.id, worker_id="w1", ref="r")
        world.clock.advance(minutes=2)
        await watching.look()
        world.clock.advance(minutes=2)
        await watching.look()
        assert await trail.alerts() == []

    world.play(story)


def test_old_questions_and_stuck_executions_are_found(world: World):
    """By how long they wait; what an operator stopped is not stuck."""

    async def story(trail):
        await world.asking(trail)
        await world.start(trail, agent_type="slow")
        await world.start(trail, agent_type="paused")
        await trail.pause("agent", "paused", by="ada", why="deploy")
        rules = (
            AlertRule(name="old", kind="approval_age", older_s=60),
            AlertRule(name="stuck", kind="stuck", for_s=60),
        )
        world.clock.advance(seconds=59)
        assert (await trail.observe(rules, since=LONG_AGO)).approvals == {"old": ()}
        world.clock.advance(seconds=1)
        seen = await trail.observe(rules, since=LONG_AGO)
        assert [one.agent for one in seen.approvals["old"]] == ["clerk"]
        assert [(one.agent, one.what) for one in seen.stuck["stuck"]] == [("slow", "pending")]

    world.play(story)


def test_how_executions_ended_and_what_they_cost_is_counted(world: World):
    """By agent, over the window; the last two hundred costs."""

    async def story(trail):
        for status, usd in (("completed", "0.25"), ("failed", "0.5"), ("failed", "1")):
            held = await world.running(trail)
            await trail.append(step(held, status=status, cost_usd=Decimal(usd)))
        rules = (AlertRule(name="f", kind="failing", window_s=60), AlertRule(name="c", kind="cost"))
        seen = await trail.observe(rules, since=LONG_AGO)
        ended = seen.ended["f"]["clerk"]
        assert (ended.completed, ended.failed) == (1, 2)
        assert sorted(one.cost_usd for one in seen.costs["clerk"]) == [Decimal("0.25"), Decimal("0.5"), Decimal(1)]
        world.clock.advance(seconds=61)
        assert (await trail.observe(rules, since=LONG_AGO)).ended == {"f": {}}

    world.play(story)


def test_what_waits_for_a_budget_is_counted(world: World):
    """However little of the budget is spent."""

    async def story(trail):
        held = await world.running(trail)
        later = world.clock.at + timedelta(hours=1)
        await trail.append(step(held, status="pending", status_reason="BUDGET", wake_at=later))
        await watch(world, trail).look()
        assert [alert.key for alert in await trail.alerts()] == ["budget.waiting"]

    world.play(story)


def test_alerts_are_on_the_operators_record(world: World):
    """What was told, and when it was over."""

    async def story(trail):
        await trail.open_breaker("tool", "refund", by="ada", why="twice")
        await watch(world, trail).look()
        assert [entry.kind for entry in await trail.audit()] == ["breaker.forced", "alert.fired"]

    world.play(story)
