"""How agents do: numbers that were worked out by hand, on both databases, however one asks."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import create_engine, text

from holdfast.trail import events
from holdfast.trail.place import locate
from holdfast.trail.trail import Trail
from holdfast.types import AgentHealth, CallChange, CallStatus, Claimed
from tests.conformance.world import World, event, ruling, step


@pytest.fixture
def world(database: str) -> World:
    return World(database)


def call(claimed: Claimed, at: int, status: CallStatus, *, tool: str = "find", of: str = "1042") -> CallChange:
    """A call of one step and what came of it."""
    return CallChange(
        id=f"{claimed.execution.id}:{at}:0",
        status=status,
        step_number=at,
        tool_name=tool,
        tool_input={"order": of},
        effect="read",
        idempotency_key=f"{claimed.execution.id}:{at}",
        attempt=1,
    )


async def end(
    world: World,
    trail: Trail,
    claimed: Claimed,
    status: str,
    *calls: CallChange,
    steps: int,
    tokens: int = 0,
    usd: str = "0",
    reason: str | None = None,
) -> None:
    kind = {"completed": events.COMPLETED, "failed": events.FAILED, "cancelled": events.CANCELLED}[status]
    spent = {"step_count": steps, "token_count": tokens, "cost_usd": Decimal(usd)}
    await trail.append(step(claimed, event(kind), status=status, status_reason=reason, calls=calls, **spent))


async def history(world: World, trail: Trail) -> None:
    """One that failed ten days ago; then two that complete, one that fails, one that is cancelled, one that runs."""
    old = await world.running(trail)
    await end(world, trail, old, "failed", steps=1, tokens=1_000, usd="1", reason="MODEL_UNAVAILABLE")
    world.clock.advance(days=10)

    quick = await world.running(trail)
    world.clock.advance(seconds=10)
    repeated = [call(quick, 1, "completed"), call(quick, 2, "completed")]
    await end(world, trail, quick, "completed", *repeated, steps=3, tokens=300, usd="0.03")

    asked = await world.running(trail)
    world.clock.advance(seconds=8)
    question = world.question()
    await trail.append(step(asked, status="awaiting_review", approvals=(question,)))
    world.clock.advance(seconds=100)
    await trail.decide(ruling(question.id))
    world.clock.advance(seconds=12.5)
    (again,) = await world.claim(trail, only=asked.execution.id)
    await end(world, trail, again, "completed", call(asked, 1, "failed"), steps=2, tokens=100, usd="0.010000001")

    lost = await world.running(trail)
    statuses: Sequence[CallStatus] = ("completed", "failed", "in_doubt", "denied")
    calls = [call(lost, at, status) for at, status in enumerate(statuses, 1)]
    await end(world, trail, lost, "failed", *calls, steps=4, tokens=500, usd="0.05", reason="MAX_STEPS_EXCEEDED")

    await end(world, trail, await world.running(trail), "cancelled", steps=0, reason="CANCELLED")
    await world.running(trail)


BY_HAND = AgentHealth(
    agent="clerk",
    executions=4,
    completed=2,
    failed=1,
    cancelled=1,
    completion_rate=2 / 3,
    average_steps=9 / 4,
    # Of the quick one the first call and the result (the second call repeats the first), of the asked one the result,
    # of the lost one its first call.
    step_efficiency=4 / 9,
    tool_success_rate=3 / 6,
    human_review_rate=1 / 4,
    tokens=900,
    cost_usd=Decimal("0.090000001"),
    tokens_per_completion=450.0,
    cost_per_completion_usd=Decimal("0.045000001"),
    p50_duration_s=10.0,
    p95_duration_s=20.5,
    failures={"MAX_STEPS_EXCEEDED": 1},
)


def test_the_numbers_are_those_that_one_works_out_by_hand(world: World):
    """What ended before `since`, and what has not ended, does not count."""

    async def story(trail: Trail) -> None:
        await history(world, trail)
        since = world.clock.now() - timedelta(days=7)
        assert await trail.health_metrics(since=since) == [BY_HAND]
        assert await trail.health_metrics(agent="clerk", since=since) == [BY_HAND]
        assert await trail.health_metrics(agent="nobody", since=since) == []

    world.play(story)


def test_sql_answers_the_same_as_the_verb(world: World):
    """`agent_health_metrics` is a function for psql and a view for sqlite3."""
    asking = "agent_health_metrics" if world.sqlite else "agent_health_metrics(NULL, NULL)"

    async def story(trail: Trail) -> None:
        await history(world, trail)
        (told,) = await trail.health_metrics()
        engine = create_engine(locate(world.database).sqlalchemy_url)
        with engine.connect() as connection:
            row = connection.execute(text(f"SELECT * FROM {asking}")).mappings().one()
        engine.dispose()
        assert told.failures == {"MAX_STEPS_EXCEEDED": 1, "MODEL_UNAVAILABLE": 1}
        assert {name: row[name] for name in row if name not in {"agent_type", "failures", *MONEY}} == {
            name: getattr(told, name) for name in row if name not in {"agent_type", "failures", *MONEY}
        }
        assert [float(row[name]) for name in MONEY] == [float(getattr(told, name)) for name in MONEY]

    world.play(story)


MONEY = ("cost_usd", "cost_per_completion_usd")


def test_questions_that_are_open_at_once_are_one_wait(world: World):
    """From 0 to 60 and from 20 to 90 seconds, somebody was asked for 90 seconds."""

    async def story(trail: Trail) -> None:
        claimed = await world.running(trail)
        first, second = world.question(), world.question(call_id="c2")
        await trail.append(step(claimed, approvals=(first,)))
        world.clock.advance(seconds=20)
        await trail.append(step(claimed, status="awaiting_review", approvals=(second,)))
        world.clock.advance(seconds=40)
        await trail.decide(ruling(first.id))
        world.clock.advance(seconds=30)
        await trail.decide(ruling(second.id))
        (again,) = await world.claim(trail, only=claimed.execution.id)
        world.clock.advance(seconds=5)
        await end(world, trail, again, "completed", steps=1)
        (told,) = await trail.health_metrics()
        assert told.p50_duration_s == 5.0

    world.play(story)


def test_there_is_no_share_of_nothing(world: World):
    """Where nothing completed and no tool ran, a rate is absent, not zero."""

    async def story(trail: Trail) -> None:
        await end(world, trail, await world.running(trail), "cancelled", steps=0)
        (told,) = await trail.health_metrics()
        rates = (told.completion_rate, told.step_efficiency, told.tool_success_rate, told.tokens_per_completion)
        assert (*rates, told.cost_per_completion_usd, told.p50_duration_s) == (None,) * 6

    world.play(story)


def test_a_retried_execution_counts_once_by_its_last_end(world: World):
    """While it runs again it has not ended."""

    async def story(trail: Trail) -> None:
        claimed = await world.running(trail)
        await end(world, trail, claimed, "failed", steps=1, reason="TOOL_FAILED")
        await trail.retry(claimed.execution.id, by="ann")
        assert await trail.health_metrics() == []
        (again,) = await world.claim(trail, only=claimed.execution.id)
        await end(world, trail, again, "completed", steps=2)
        (told,) = await trail.health_metrics()
        assert (told.executions, told.completed, told.failures) == (1, 1, {})

    world.play(story)
