"""Budgets, rates, breakers, switches and grants: judged in the append that asks leave, on both databases."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import create_engine

from holdfast.errors import (
    BudgetExhausted,
    GrantUnusable,
    IllegalTransition,
    NotFound,
    Paused,
    RateLimited,
    Unavailable,
    UsageError,
)
from holdfast.trail.audit import verify_database
from holdfast.trail.controls.breaker import BreakerRules
from holdfast.trail.place import locate
from holdfast.types import Admission, Budget, Candidate, Grant, ModelUsage, Rate, Report
from tests.conformance.world import World, step

GPT = Candidate(rung=0, model="openai:gpt", provider="openai")
OPUS = Candidate(rung=1, model="anthropic:opus", provider="anthropic")
ASKING = Admission(candidates=(GPT, OPUS))


def wants(claimed, tokens: int = 100, usd: str = "0", admission: Admission = ASKING, **changes):
    """The append before a model call."""
    return step(claimed, reserved_tokens=tokens, reserved_usd=Decimal(usd), admission=admission, **changes)


def pays(claimed, tokens: int, usd: str = "0", **changes):
    """The append after it."""
    reserved = {"reserved_tokens": 0, "reserved_usd": Decimal(0)}
    return step(claimed, token_count=tokens, cost_usd=Decimal(usd), **(reserved | changes))


def budget(**changes) -> Budget:
    return Budget(**({"name": "all", "scope": "global", "tokens": 1_000} | changes))


async def account(trail, subject: str = ""):
    return next(one for one in await trail.accounts() if one.subject == subject)


def test_without_any_controls_the_first_candidate_may_be_asked(world: World):
    """Nothing is defined: leave is free."""

    async def story(trail):
        held = await world.running(trail)
        done = await trail.append(wants(held))
        assert (done.rung, done.probe) == (0, False)

    world.play(story)


def test_a_budget_holds_the_worst_case_and_keeps_what_was_used(world: World):
    """Reserved before, settled after: what was not used is left for others."""

    async def story(trail):
        await trail.set_budget(budget(), by="ada")
        held = await world.running(trail)
        await trail.append(wants(held, 600))
        before = await account(trail)
        await trail.append(pays(held, 250))
        after = await account(trail)
        assert (before.reserved, before.spent, before.left) == (600, 0, 400)
        assert (after.reserved, after.spent, after.left) == (0, 250, 750)

    world.play(story)


def test_a_full_budget_refuses_and_nothing_is_stored(world: World):
    """The refusal names the budget, what is left, and when there is room again."""

    async def story(trail):
        await trail.set_budget(budget(on_exhausted="summarise"), by="ada")
        held = await world.running(trail)
        other = await world.running(trail, "bob")
        await trail.append(wants(held, 700))
        with pytest.raises(BudgetExhausted, match=r"'all'.* 400 tokens, 300 tokens .* held") as refused:
            await trail.append(wants(other, 400))
        assert refused.value.on_exhausted == "park"  # what is held may be given back within seconds
        await trail.append(pays(held, 700))
        with pytest.raises(BudgetExhausted, match=r"'all'.* 400 tokens, 300 tokens are left") as refused:
            await trail.append(wants(other, 400))
        assert refused.value.on_exhausted == "summarise"
        assert refused.value.until.hour == 0  # the next day
        assert (await trail.get(other.execution.id)).reserved_tokens == 0

    world.play(story)


def test_dollars_are_exact(world: World):
    """A hundred calls of a price with nine decimals add up to the last of them."""

    async def story(trail):
        await trail.set_budget(budget(tokens=None, usd=Decimal("0.01")), by="ada")
        held = await world.running(trail)
        for n in range(1, 101):
            await trail.append(wants(held, 1, "0.000000123456"))
            await trail.append(pays(held, n, str(Decimal("0.000000123456") * n)))
        assert (await account(trail)).spent == Decimal("0.000012345600")

    world.play(story)


@pytest.mark.parametrize(("scope", "users"), [("user", ["ann", "bob"]), ("agent", ["clerk"])])
def test_each_user_or_agent_has_an_account_of_its_own(world: World, scope: str, users: list[str]):
    """A budget without a subject is one for each."""

    async def story(trail):
        await trail.set_budget(budget(scope=scope), by="ada")
        for user in ("ann", "bob"):
            held = await world.running(trail, user_id=user)
            await trail.append(wants(held, 300))
        found = {one.subject: one.reserved for one in await trail.accounts()}
        assert found == dict.fromkeys(users, 600 // len(users))

    world.play(story)


def test_a_calendar_window_turns(world: World):
    """On the next day everything is left again, but for what is still held."""

    async def story(trail):
        await trail.set_budget(budget(), by="ada")
        held = await world.running(trail)
        await trail.append(wants(held, 600))
        await trail.append(pays(held, 500))
        await trail.append(wants(held, 100))
        world.clock.advance(days=1)
        now = await account(trail)
        assert (now.spent, now.reserved, now.left) == (0, 100, 900)

    world.play(story)


def test_a_rolling_window_lets_go_of_the_oldest(world: World):
    """Six hours later it has room again, not sooner."""

    async def story(trail):
        await trail.set_budget(budget(window="6h"), by="ada")
        held = await world.running(trail)
        await trail.append(wants(held, 900))
        await trail.append(pays(held, 900))
        world.clock.advance(hours=5, minutes=59)
        with pytest.raises(BudgetExhausted):
            await trail.append(wants(held, 200))
        world.clock.advance(minutes=8)
        assert (await trail.append(wants(held, 200))).rung == 0

    world.play(story)


def test_topping_up_makes_room_and_wakes_who_waits(world: World):
    """What parked for the budget is due at once."""

    async def story(trail):
        await trail.set_budget(budget(tokens=100), by="ada")
        held = await world.running(trail)
        with pytest.raises(BudgetExhausted):
            await trail.append(wants(held, 200))
        later = world.clock.at.replace(hour=23)
        await trail.append(step(held, status="pending", status_reason="BUDGET", wake_at=later))
        await trail.top_up("all", amount=Decimal(150), by="ada", why="month end")
        (again,) = await world.claim(trail)
        assert (await trail.append(wants(again, 200))).rung == 0

    world.play(story)


def test_what_an_ended_execution_still_held_is_charged(world: World):
    """A crash left a bill that nobody knows: it counts as spent, and nothing stays reserved."""

    async def story(trail):
        await trail.set_budget(budget(), by="ada")
        for end in ("failed", "cancelled"):
            held = await world.running(trail)
            await trail.append(wants(held, 200))
            if end == "failed":
                await trail.append(step(held, status="failed", reserved_tokens=200))
            else:
                await trail.append(step(held, status="pending"))
                await trail.cancel(held.execution.id, by="ada")
        now = await account(trail)
        assert (now.reserved, now.spent) == (0, 400)

    world.play(story)


def test_a_bill_that_a_crash_left_unknown_counts_as_spent_from_then_on(world: World):
    """The next worker says so with its first append; the room that is left is for others."""

    async def story(trail):
        await trail.set_budget(budget(), by="ada")
        held = await world.running(trail)
        await trail.append(wants(held, 600))
        await trail.append(step(held, status="pending"))  # as a take-over leaves it
        (again,) = await world.claim(trail)
        await trail.append(wants(again, 900, unknown_tokens=600, unknown_usd=Decimal(0)))
        now = await account(trail)
        assert (now.spent, now.reserved, now.left) == (600, 300, 100)

    world.play(story)


def test_a_retried_execution_is_not_charged_twice(world: World):
    """What it still holds was charged at its end; a retry changes nothing of that."""

    async def story(trail):
        await trail.set_budget(budget(), by="ada")
        held = await world.running(trail)
        await trail.append(wants(held, 200))
        await trail.append(step(held, status="failed", reserved_tokens=200))
        await trail.retry(held.execution.id, by="ada")
        during = await account(trail)
        (again,) = await world.claim(trail)
        await trail.append(wants(again, 300, unknown_tokens=200, unknown_usd=Decimal(0)))
        await trail.append(step(again, status="completed", reserved_tokens=200, unknown_tokens=200))
        after = await account(trail)
        assert (during.reserved, during.spent) == (0, 200)
        assert (after.reserved, after.spent) == (0, 200)

    world.play(story)


def test_a_thousand_at_once_never_go_over(world: World):
    """Every refusal leaves what it found; the sum of all admitted is the ceiling."""

    async def story(trail):
        await trail.set_budget(budget(tokens=1_000), by="ada")
        held = [await world.running(trail, f"w{i}") for i in range(40)]
        asked = [trail.append(wants(one, 60)) for one in held]
        came = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(not isinstance(one, Exception) for one in came) == 16
        assert (await account(trail)).reserved == 960

    world.play(story)


def test_a_rate_spreads_calls(world: World):
    """Two at once, then one every half minute."""

    async def story(trail):
        await trail.set_rate(Rate(name="slow", scope="global", unit="model_calls", limit=2, per_s=60), by="ada")
        held = await world.running(trail)
        await trail.append(wants(held))
        await trail.append(wants(held))
        with pytest.raises(RateLimited, match="2 model calls in 60 s") as refused:
            await trail.append(wants(held))
        assert refused.value.retry_after_s == pytest.approx(30)
        world.clock.advance(seconds=30.1)
        assert (await trail.append(wants(held))).rung == 0

    world.play(story)


def test_a_rate_of_tokens_gives_back_what_was_not_used(world: World):
    """The worst case is counted first, the bill in the end."""

    async def story(trail):
        await trail.set_rate(Rate(name="tpm", scope="model", unit="tokens", limit=1_000, per_s=60), by="ada")
        held = await world.running(trail)
        await trail.append(wants(held, 900))
        with pytest.raises(RateLimited):
            await trail.append(wants(held, 1_500))
        await trail.append(pays(held, 100, settles="openai:gpt"))
        assert (await trail.append(wants(held, 800))).rung == 0

    world.play(story)


def test_requests_over_the_rate_wait_their_turn_or_are_refused(world: World):
    """A new execution gets a place in time, as declared."""

    async def story(trail):
        rate = Rate(name="rpm", scope="user", unit="requests", limit=1, per_s=60)
        await trail.set_rate(rate, by="ada")
        first, second, third = [await world.start(trail, user_id="ann") for _ in range(3)]
        assert (first.wake_at, second.status_reason) == (None, "RATE_LIMITED")
        assert (third.wake_at - second.wake_at).total_seconds() == pytest.approx(60)
        assert (await world.start(trail, user_id="bob")).wake_at is None
        await trail.set_rate(Rate(name="rpm", scope="user", unit="requests", limit=1, per_s=60, over="refuse"), by="a")
        with pytest.raises(RateLimited):
            await world.start(trail, user_id="ann")

    world.play(story)


def failed(times: int = 1, **changes) -> Report:
    return Report(**({"kind": "model", "name": "openai:gpt", "failed": times, "reason": "server"} | changes))


RULES = BreakerRules(failures=4, rate=0.5, open_s=30, probe_s=60)


def test_a_breaker_opens_over_a_share_of_failures_and_the_chain_passes_it(world: World):
    """The next candidate is asked as long as it is open; the opening is on the operators' record."""

    async def story(trail):
        held = await world.running(trail)
        await trail.append(step(held, reports=(failed(3), Report(kind="model", name="openai:gpt", ok=90))))
        assert (await trail.append(wants(held))).rung == 0
        world.clock.advance(seconds=2)
        await trail.append(step(held, reports=(failed(9),)))
        assert (await trail.append(wants(held))).rung == 1
        (breaker,) = (await trail.controls()).breakers
        assert (breaker.status, breaker.reason, breaker.failed) == ("open", "server", 12)
        assert [entry.kind for entry in await trail.audit()] == ["breaker.opened"]

    world.play(story, breakers=RULES)


def test_one_probe_in_the_whole_fleet_closes_a_breaker(world: World):
    """When its time has come one execution may try; the others wait for what it finds."""

    async def story(trail):
        only = Admission(candidates=(GPT,))
        held = [await world.running(trail, f"w{i}") for i in range(10)]
        await trail.append(step(held[0], reports=(failed(4),)))
        with pytest.raises(Unavailable, match="'openai:gpt' is unavailable until"):
            await trail.append(wants(held[0], admission=only))
        world.clock.advance(seconds=31)
        came = await asyncio.gather(*(trail.append(wants(one, admission=only)) for one in held), return_exceptions=True)
        let_through = [one for one in came if not isinstance(one, Exception)]
        assert [one.probe for one in let_through] == [True]
        await trail.append(step(held[0], reports=(Report(kind="model", name="openai:gpt", ok=1, probe=True),)))
        assert (await trail.append(wants(held[5], admission=only))).probe is False
        assert (await trail.controls()).breakers == ()

    world.play(story, breakers=RULES)


def test_a_failed_probe_opens_it_for_longer_and_a_lost_one_is_replaced(world: World):
    """A probe whose worker died does not keep the breaker shut for ever."""

    async def story(trail):
        only = Admission(candidates=(GPT,))
        held = await world.running(trail)
        await trail.append(step(held, reports=(failed(4),)))
        world.clock.advance(seconds=31)
        assert (await trail.append(wants(held, admission=only))).probe
        await trail.append(step(held, reports=(failed(probe=True),)))
        (breaker,) = (await trail.controls()).breakers
        assert (breaker.until - world.clock.at).total_seconds() == pytest.approx(60)
        world.clock.advance(seconds=61)
        assert (await trail.append(wants(held, admission=only))).probe
        world.clock.advance(seconds=61)
        assert (await trail.append(wants(held, admission=only))).probe

    world.play(story, breakers=RULES)


def test_a_provider_that_says_when_is_left_alone_until_then(world: World):
    """Retry-After closes one gate for all: waited for, or passed over, as declared."""

    async def story(trail):
        held, other = await world.running(trail), await world.running(trail, "bob")
        asked = failed(kind="provider", name="openai", reason="rate_limit", retry_after_s=45)
        await trail.append(step(held, reports=(asked,)))
        with pytest.raises(Unavailable) as refused:
            await trail.append(wants(other, admission=Admission(candidates=(GPT, OPUS), wait_at_gate=True)))
        assert (refused.value.until - world.clock.at).total_seconds() == pytest.approx(45)
        assert (await trail.append(wants(other))).rung == 1

    world.play(story)


def test_an_operator_opens_and_closes_a_breaker(world: World):
    """One that was opened by hand does not close by itself."""

    async def story(trail):
        held = await world.running(trail)
        await trail.open_breaker("model", "openai:gpt", by="ada", why="it lies today")
        world.clock.advance(days=3)
        with pytest.raises(Unavailable, match="it lies today"):
            await trail.append(wants(held, admission=Admission(candidates=(GPT,))))
        await trail.close_breaker("model", "openai:gpt", by="ada")
        assert (await trail.append(wants(held))).rung == 0
        with pytest.raises(NotFound):
            await trail.close_breaker("model", "openai:gpt", by="ada")

    world.play(story)


@pytest.mark.parametrize(
    ("kind", "name", "admission"),
    [
        ("all", "*", ASKING),
        ("agent", "clerk", Admission(tools=("pay",))),
        ("tool", "pay", Admission(tools=("pay",))),
        ("model", "openai:gpt", Admission(candidates=(GPT,))),
    ],
)
def test_a_switch_stops_the_next_dispatch(world: World, kind: str, name: str, admission: Admission):
    """In another process as well: it is looked at in the transaction of the dispatch itself."""

    async def story(trail):
        held = await world.running(trail)
        await trail.append(step(held, admission=admission))
        async with world.trail() as elsewhere:
            await elsewhere.pause(kind, name, by="ada", why="complaints")
            with pytest.raises(IllegalTransition):
                await elsewhere.pause(kind, name, by="bob", why="me too")
        with pytest.raises(Paused, match=r"stopped by ada .* complaints"):
            await trail.append(step(held, admission=admission))
        await trail.resume(kind, name, by="ada")
        await trail.append(step(held, admission=admission))
        assert [entry.kind for entry in await trail.audit()] == ["switch.on", "switch.off"]

    world.play(story)


def forge(world: World, statement: str) -> None:
    """What somebody with access to the database may do."""
    engine = create_engine(locate(world.database).sqlalchemy_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize(
    ("forgery", "told"),
    [
        ('UPDATE agent_audit SET data = \'{"by": "bob"}\' WHERE seq = 2', "operators' record, entry 2"),
        ("DELETE FROM agent_audit WHERE seq = 2", "operators' record, entry 2: missing"),
        ("DELETE FROM agent_audit WHERE seq = 3", "it had 3 entries"),
    ],
)
def test_a_forged_operators_record_is_found(world: World, forgery: str, told: str):
    """Changed, cut out of the middle or cut off at the end: the first broken entry is named."""

    async def story(trail):
        for name in ("a", "b", "c"):
            await trail.pause("agent", name, by="ada", why="x")
        assert (await verify_database(world.database)).changes == 3
        forge(world, forgery)
        assert told in str((await verify_database(world.database)).first)

    world.play(story)


def test_executions_of_a_stopped_agent_are_not_claimed(world: World):
    """They wait as they are, nothing is due, and they go on when it is resumed."""

    async def story(trail):
        await trail.pause("agent", "clerk", by="ada", why="x")
        started = await world.start(trail)
        assert not await world.claim(trail)
        assert await trail.next_due(["clerk"]) is None
        await trail.resume("agent", "clerk", by="ada")
        assert [one.execution.id for one in await world.claim(trail)] == [started.id]

    world.play(story)


def test_a_grant_is_used_as_often_as_it_says_and_until_it_is_revoked(world: World):
    """Ten at once use what is left of it, no more."""

    async def story(trail):
        day = world.clock.at.replace(hour=20)
        grant = Grant(id="g1", tool="pay", agent="clerk", bounds={}, until=day, uses=3, used=0, by="ada", why="sale",
                      at=world.clock.at)  # fmt: skip
        await trail.add_grant(grant)
        held = [await world.running(trail, f"w{i}") for i in range(10)]
        using = Admission(tools=("pay",), grants=("g1",))
        came = await asyncio.gather(*(trail.append(step(one, admission=using)) for one in held), return_exceptions=True)
        assert sum(not isinstance(one, Exception) for one in came) == 3
        assert {type(one) for one in came if isinstance(one, Exception)} == {GrantUnusable}
        await trail.revoke_grant("g1", by="bob")
        assert (await trail.controls()).grants == ()
        with pytest.raises(GrantUnusable, match="revoked by bob"):
            await trail.append(step(held[0], admission=using))

    world.play(story)


def test_usage_by_model_adds_up(world: World):
    """What each model had is stored per execution, and summed by model, agent, user and day."""

    async def story(trail):
        for user, usd in (("ann", "0.10"), ("bob", "0.20")):
            held = await world.running(trail, user_id=user)
            gpt = ModelUsage(
                model="openai:gpt", provider="openai", calls=2, input_tokens=10, output_tokens=5, cost_usd=Decimal(usd)
            )
            await trail.append(step(held, status="pending", usage=(gpt,)))
            await trail.cancel(held.execution.id, by="x")
            assert await trail.usage(held.execution.id) == [gpt]
        (model,) = await trail.costs(by="model")
        assert (model.name, model.calls, model.cost_usd, model.executions) == ("openai:gpt", 4, Decimal("0.30"), 2)
        assert [(one.name, one.cost_usd) for one in await trail.costs(by="user")] == [
            ("bob", Decimal("0.20")), ("ann", Decimal("0.10"))
        ]  # fmt: skip
        assert [one.name for one in await trail.costs(by="day")] == ["2026-11-21"]

    world.play(story)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"tokens": None}, "tokens or usd"),
        ({"usd": Decimal(1)}, "one of the two"),
        ({"tokens": 0}, "more than 0"),
        ({"window": "week"}, "hour, day or month"),
        ({"name": "a b"}, "letters, digits"),
        ({"subject": "ann"}, "global budget has no subject"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(world: World, wrong: dict[str, object], told: str):
    """The message says what would work."""

    async def story(trail):
        with pytest.raises(UsageError, match=told):
            await trail.set_budget(budget(**wrong), by="ada")

    world.play(story)
