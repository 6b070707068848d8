"""Leave to ask a model: what executions do that do not get it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from holdfast import Agent, App, Conversation, Price
from holdfast.testing import Call, Metered, Say, ScriptedModel
from holdfast.trail import events as kinds
from holdfast.trail.trail import Trail
from holdfast.types import Budget, Execution, Rate, Usage
from tests.loop.desk import World, limits

PRICE = Price(input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(1))


def by_rules(_talk: Conversation) -> Say:
    return Say("by the rules")


def run(
    world: World,
    *models: object,
    before: Callable[[Trail], Awaitable[object]],
    after: Callable[[Trail], Awaitable[object]] | None = None,
    **options: object,
) -> Execution:
    """One execution under controls that were set before; with `after`, until what parked it was undone."""
    agent = Agent(**{"name": "clerk", "models": models, "instructions": "Help.", "tools": world.tools(), **options})

    async def story(app: App) -> Execution:
        trail = await app._parts.trail()
        await before(trail)
        async with app.worker():
            started = await app.start("clerk", "Where is order 7?", user="ada")
            async for event in app.events(started.id):
                if event.kind == kinds.PARKED:
                    if after is None:
                        break
                    await after(trail)
                    return await app.wait(started.id, timeout_s=30)
            return await app.get(started.id)

    return world.play(App([agent], str(world.path / "holdfast.db")), story)


def parked_s(execution: Execution) -> float:
    """Seconds until it wakes."""
    return (execution.wake_at - datetime.now(UTC)).total_seconds()


def test_an_open_breaker_is_passed_over(world: World):
    """A model that others found to be down is not asked; the next one answers, and the result says so."""
    down = ScriptedModel([Say("never")], name="down")
    ended = run(
        world,
        down,
        by_rules,
        before=lambda trail: trail.open_breaker("model", "scripted:down", by="Ada", why="it burns"),
    )
    assert (ended.result, down.requests) == ("by the rules", 0)
    assert ended.state == {"model": "rules:by_rules", "rung": 1, "degraded": True}


def test_a_chain_that_is_away_for_now_waits(world: World):
    """When every breaker is open the execution parks instead of failing, and comes back when one is closed."""
    model = ScriptedModel([Say("here again")], name="down")

    async def open_it(trail: Trail) -> None:
        await trail.open_breaker("model", "scripted:down", by="Ada", why="it burns")

    parked = run(world, model, before=open_it)
    assert (parked.status, parked.status_reason, parked.step_count) == ("pending", "MODEL_UNAVAILABLE", 0)
    assert 50 < parked_s(parked) < 75
    assert parked.reserved_tokens == 0


def test_closing_a_breaker_wakes_who_waits_for_it(world: World):
    """An operator who closes the breaker need not wait for the time that was set."""
    model = ScriptedModel([Say("here again")], name="down")
    ended = run(
        world,
        model,
        before=lambda trail: trail.open_breaker("model", "scripted:down", by="Ada", why="it burns"),
        after=lambda trail: trail.close_breaker("model", "scripted:down", by="Ada"),
    )
    assert (ended.status, ended.result) == ("completed", "here again")


async def pause(trail: Trail) -> None:
    await trail.pause("model", "scripted:m", by="Ada", why="audit")


def test_a_paused_model_parks_with_its_own_reason(world: World):
    """An operator's stop is no failure: the execution says what it waits for."""
    model = ScriptedModel([Say("never")], name="m")
    parked = run(world, model, before=pause)
    assert (parked.status, parked.status_reason, model.requests) == ("pending", "PAUSED", 0)


def test_resuming_a_model_wakes_who_waits_for_it(world: World):
    """Turning the switch off is enough."""
    model = ScriptedModel([Say("resumed")], name="m")
    ended = run(world, model, before=pause, after=lambda trail: trail.resume("model", "scripted:m", by="Ada"))
    assert ended.result == "resumed"


def test_a_budget_that_is_spent_parks_until_there_is_room(world: World):
    """By default an execution waits until the window turns or somebody tops up, and then goes on."""
    step = Metered(Call("look", {"order": "7"}), Usage(input_tokens=10, output_tokens=4_000))
    ended = run(
        world,
        ScriptedModel([step, Say("paid for")]),
        before=lambda trail: trail.set_budget(Budget(name="daily", scope="global", tokens=9_500), by="Ada"),
        after=lambda trail: trail.top_up("daily", amount=Decimal(20_000), by="Ada"),
        limits=limits(tokens=20_000),
    )
    assert (ended.status, ended.result, ended.step_count) == ("completed", "paid for", 2)


def test_a_budget_may_end_an_execution(world: World):
    """With `on_exhausted="fail"` it fails at once, and the error names the budget."""
    ended = run(
        world,
        ScriptedModel([Say("never")]),
        before=lambda trail: trail.set_budget(
            Budget(name="daily", scope="user", tokens=10, on_exhausted="fail"), by="Ada"
        ),
    )
    assert (ended.status, ended.status_reason, ended.token_count) == ("failed", "BUDGET_EXHAUSTED", 0)
    assert "daily" in (ended.error or "")


@pytest.mark.parametrize(
    ("room", "output", "words"),
    [("0.0043", 150, "The script stops here."), ("0.0042", 4_096, "Stopped after 1 steps")],
)
def test_a_budget_may_be_closed_with_a_summary(world: World, room: str, output: int, words: str):
    """With `on_exhausted="summarise"` the last words are inside the budget, or are Holdfast's own."""
    step = Metered(Call("look", {"order": "7"}), Usage(input_tokens=10, output_tokens=output))
    ended = run(
        world,
        ScriptedModel([step] * 4, price=PRICE),
        before=lambda trail: trail.set_budget(
            Budget(name="daily", scope="agent", usd=Decimal(room), on_exhausted="summarise"), by="Ada"
        ),
    )
    assert (ended.status, ended.status_reason) == ("failed", "BUDGET_EXHAUSTED")
    assert words in str(ended.result)
    assert ended.cost_usd <= Decimal(room)


def test_a_rate_limit_waits_for_room(world: World):
    """More model calls than the rate allows wait, and go on when there is room."""
    rate = Rate(name="slow", scope="global", unit="model_calls", limit=1, per_s=1)
    ended = run(
        world,
        ScriptedModel([Call("look", {"order": "7"}), Say("slowly")]),
        before=lambda trail: trail.set_rate(rate, by="Ada"),
        after=lambda trail: trail.controls(),
    )
    assert (ended.status, ended.result, ended.step_count) == ("completed", "slowly", 2)


def test_a_rate_may_refuse(world: World):
    """With `over="refuse"` the execution ends and says in how many seconds there is room."""
    rate = Rate(name="slow", scope="global", unit="model_calls", limit=1, per_s=3_600, over="refuse")
    ended = run(
        world,
        ScriptedModel([Call("look", {"order": "7"}), Say("never")]),
        before=lambda trail: trail.set_rate(rate, by="Ada"),
    )
    assert (ended.status, ended.status_reason) == ("failed", "RATE_LIMITED")
    assert "room in" in (ended.error or "")


def test_parking_keeps_what_was_done(world: World):
    """A call whose outcome was not yet stored when leave was refused is in the record when the execution parks."""
    rate = Rate(name="slow", scope="global", unit="model_calls", limit=1, per_s=3_600)
    parked = run(
        world,
        ScriptedModel([Call("look", {"order": "7"}), Say("later")]),
        before=lambda trail: trail.set_rate(rate, by="Ada"),
    )
    assert (parked.status_reason, parked.step_count) == ("RATE_LIMITED", 1)
    assert [call.status for call in parked.tool_calls] == ["completed"]
