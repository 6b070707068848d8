"""What pages ask of the record: questions by the page, what holds what, and what days cost, on both databases."""

from datetime import timedelta
from decimal import Decimal

from holdfast.types import ModelUsage, Rate, WantedApprovals
from tests.conformance.world import World, ruling, step


def spent(usd: str, model: str = "openai:gpt") -> ModelUsage:
    return ModelUsage(model=model, provider="openai", calls=1, input_tokens=7, output_tokens=3, cost_usd=Decimal(usd))


def test_open_questions_come_a_page_at_a_time_oldest_first(world: World):
    """The last one seen leads to the next page, and filters narrow what there is."""

    async def story(trail):
        ids = []
        for number in range(3):
            _, question_id = await world.asking(trail, tool_name="pay" if number else "mail", reviewers="leads")
            ids.append(question_id)
            world.clock.advance(seconds=1)
        first = await trail.waiting(WantedApprovals(), limit=2, after=None)
        rest = await trail.waiting(WantedApprovals(), limit=2, after=first[-1].id)
        assert [one.id for one in (*first, *rest)] == ids
        mails = await trail.waiting(WantedApprovals(tool="mail", agents=("clerk",), group="leads"), limit=9, after=None)
        assert [one.id for one in mails] == ids[:1]
        assert await trail.waiting(WantedApprovals(user="nobody"), limit=9, after=None) == []
        assert sorted(await trail.tools_asked(WantedApprovals())) == [
            ("clerk", "mail", "leads"),
            ("clerk", "pay", "leads"),
        ]

    world.play(story)


def test_decisions_come_newest_first(world: World):
    """The history is what was decided, whatever became of it."""

    async def story(trail):
        decided = []
        for answer in ("approve", "reject"):
            _, question_id = await world.asking(trail)
            world.clock.advance(seconds=1)
            await trail.decide(ruling(question_id, answer))
            decided.append(question_id)
        await world.asking(trail)
        (newest,) = await trail.decided(WantedApprovals(), limit=1, after=None)
        older = await trail.decided(WantedApprovals(), limit=9, after=newest.id)
        assert [newest.id, *(one.id for one in older)] == decided[::-1]

    world.play(story)


def test_costs_keep_models_and_days_apart(world: World):
    """Each model on each day, exactly, of the users and agents that are asked for."""

    async def story(trail):
        began = world.clock.at
        for user, usd in (("ann", "0.1"), ("bob", "0.2")):
            held = await world.running(trail, user_id=user)
            await trail.append(step(held, status="pending", usage=(spent(usd), spent("1e-7", "other:model"))))
            await trail.cancel(held.execution.id, by="x")
            world.clock.advance(days=1)
        found = await trail.costs_by_day(since=began, agents=("clerk",))
        assert [(one.day, one.model, one.cost_usd, one.executions) for one in found] == [
            ("2026-11-21", "openai:gpt", Decimal("0.1"), 1), ("2026-11-21", "other:model", Decimal("1e-7"), 1),
            ("2026-11-22", "openai:gpt", Decimal("0.2"), 1), ("2026-11-22", "other:model", Decimal("1e-7"), 1),
        ]  # fmt: skip
        (bob,) = await trail.costs(by="agent", since=began + timedelta(hours=1), user="bob")
        assert (bob.cost_usd, bob.executions, bob.calls) == (Decimal("0.2000001"), 1, 2)
        assert await trail.costs_by_day(agents=("nobody",)) == []

    world.play(story)


def test_a_fleet_shows_what_each_worker_holds_and_what_is_due(world: World):
    """Live and dead workers, the queue with its age, what is parked, and how full rates are."""

    async def story(trail):
        await trail.set_rate(Rate(name="starts", scope="global", unit="requests", limit=10, per_s=10), by="x")
        held = await world.running(trail)
        await world.start(trail)
        world.clock.advance(seconds=5)
        parked = await world.start(trail)
        await trail.pause("agent", "other", by="x", why="y")
        await world.start(trail, agent_type="other")
        fleet = await trail.fleet()
        (worker,) = fleet.workers
        assert (worker.id, worker.host, worker.alive, worker.holding) == ("ada", "here", True, 1)
        assert [one.id for one in worker.oldest] == [held.execution.id]
        assert (fleet.queue.due, fleet.queue.paused) == (2, 1)
        assert fleet.queue.due_since == world.clock.at - timedelta(seconds=5)
        (flow,) = fleet.flows
        assert (flow.rate.name, flow.room_in_s) == ("starts", 0.0)
        assert 0 < flow.used < 1
        assert fleet.place.schema >= "0003"
        assert fleet.place.size_bytes > 0
        assert parked.id not in {one.id for one in worker.oldest}

    world.play(story)


def test_a_long_record_is_not_counted_to_its_end(world: World):
    """Whether there is more than so much is known without reading it all."""

    async def story(trail):
        await world.start(trail)
        assert await trail.has_more_events(0)
        assert not await trail.has_more_events(50)

    world.play(story)
