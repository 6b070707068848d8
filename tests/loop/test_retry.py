"""Retrying from an earlier step: what is said anew, and what is never done again."""

import asyncio
from datetime import timedelta

import pytest

from holdfast import Agent, App, Context, Limits, ToolError, never_ask, tool
from holdfast.errors import IllegalTransition, UsageError
from holdfast.testing import Call, FakeClock, Say, ScriptedModel
from holdfast.types import Execution
from tests.loop.failing import ended, journal

PAY = Call("pay", {"amount": 5})
LOOK = Call("look", {"order": "7"})
END = Call("cannot_complete", {"reason": "It makes no sense."})


class Shop:
    """Tools with a ledger of their own, and an agent whose script can be exchanged."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.done: list[str] = []
        self.keys: list[str] = []
        self.line_dead = False

    def tools(self) -> list[object]:
        @tool(effect="read")
        def look(order: str) -> str:
            """Look up an order."""
            self.done.append("look")
            return f"order {order}"

        @tool(effect="irreversible", review=never_ask)
        def pay(amount: int) -> dict[str, int]:
            """Pay."""
            self.done.append("pay")
            if self.line_dead:
                raise ConnectionError("the line went dead")
            return {"paid": amount}

        @tool(effect="idempotent", retries=0)
        def book(ctx: Context, seat: str) -> str:
            """Book a seat."""
            self.keys.append(ctx.idempotency_key)
            if self.line_dead:
                raise ConnectionError("the line went dead")
            return f"booked {seat}"

        @tool(effect="irreversible")
        def send(to: str) -> str:
            """Send; asks every time."""
            self.done.append("send")
            raise ToolError("no such address")

        return [look, pay, book, send]

    def app(self, *steps: object) -> App:
        agent = Agent(name="clerk", models=[ScriptedModel(list(steps))], tools=self.tools(), limits=Limits(steps=20))
        return App([agent], self.database, clock=FakeClock(auto=True))

    def play(self, first: list[object], then: list[object], from_step: int | None) -> tuple[Execution, list]:
        """Fail by one script, retry from a step by another: the execution and what the calls came to."""

        async def story() -> tuple[Execution, list]:
            async with self.app(*first) as app:
                execution = await app.run("clerk", "Go.", timeout_s=30)
                assert execution.status == "failed"
            self.line_dead = False
            async with self.app(*then) as app:
                await app.retry(execution.id, by="ada", from_step=from_step)
                execution = await app.resume(execution.id, timeout_s=30)
                return execution, await journal(app, execution.id)

        return asyncio.run(story())


@pytest.fixture
def shop(database: str) -> Shop:
    """A shop on each database."""
    return Shop(database)


def told(events: list) -> str:
    """What the model was told of the turns set aside."""
    return next(event.data["told"] for event in events if event.kind == "execution.retried")


def test_an_effect_that_happened_is_given_from_the_record(shop: Shop) -> None:
    """The model pays again: it gets the recorded result, and nothing is paid."""
    execution, events = shop.play([LOOK, PAY, END], [LOOK, PAY, Say("Paid.")], 1)
    assert execution.status == "completed"
    assert shop.done == ["look", "pay", "look"]
    last = ended(events)[-1]
    assert last["reused_from"] == f"{execution.id}:2:0"
    assert last["content"] == (
        '[pay happened before, and was not done again. What follows is its recorded result.]\n{"paid":5}'
    )
    assert execution.tool_calls[-1].tool_output == {"paid": 5}


def test_a_recorded_result_is_given_once(shop: Shop) -> None:
    """A second payment is a second payment."""
    shop.play([PAY, END], [PAY, PAY, Say("Paid.")], 1)
    assert shop.done == ["pay", "pay"]


def test_other_arguments_are_another_call(shop: Shop) -> None:
    """Only the very same call is the same."""
    shop.play([PAY, END], [Call("pay", {"amount": 6}), Say("Paid.")], 1)
    assert shop.done == ["pay", "pay"]


def test_the_model_is_told_what_happened(shop: Shop) -> None:
    """It learns of each effect behind the step, and of nothing else."""
    _, events = shop.play([LOOK, PAY, END], [Say("Paid.")], 2)
    assert told(events).splitlines()[1:] == ['- pay({"amount":5}) -> {"paid":5}']


def test_turns_without_effects_leave_nothing_to_tell(shop: Shop) -> None:
    """Reads are simply done again."""
    _, events = shop.play([LOOK, END], [LOOK, Say("Found.")], 1)
    assert told(events) is None
    assert shop.done == ["look", "look"]


def test_turns_before_the_step_stay_in_the_conversation(shop: Shop) -> None:
    """The script goes on behind the turns that stand: step 1 is not asked for again."""
    execution, _ = shop.play([LOOK, PAY, END], [LOOK, Say("Enough.")], 2)
    assert (execution.status, execution.result) == ("completed", "Enough.")
    assert shop.done == ["look", "pay"]


def test_steps_are_counted_on(shop: Shop) -> None:
    """Calls after a retry have ids and keys of their own: those of set-aside turns belong to what they did."""
    execution, _ = shop.play([LOOK, PAY, END], [Call("pay", {"amount": 9}), Say("Paid.")], 1)
    assert execution.step_count == 5
    assert [call.id.split(":", 1)[1] for call in execution.tool_calls] == ["1:0", "2:0", "3:0", "4:0"]


def test_a_second_retry_remembers_the_first_ones_effects(shop: Shop) -> None:
    """However often it is retried, what happened is not done again: reused or not asked for."""

    async def story() -> list:
        async with shop.app(LOOK, PAY, END) as app:
            execution = await app.run("clerk", "Go.", timeout_s=30)
        for script in ([LOOK, PAY, END], [LOOK, END], [LOOK, PAY, Say("Paid.")]):
            async with shop.app(*script) as app:
                await app.retry(execution.id, by="ada", from_step=(await steps(app, execution.id))[0])
                await app.resume(execution.id, timeout_s=30)
                events = await journal(app, execution.id)
        return ended(events)

    async def steps(app: App, execution_id: str) -> list[int]:
        standing = [event.data for event in await journal(app, execution_id) if event.kind == "execution.retried"]
        first = 1 if not standing else (4 if len(standing) == 1 else 7)
        return [first]

    ends = asyncio.run(story())
    assert shop.done.count("pay") == 1
    assert ends[-1]["reused_from"].endswith(":2:0")
    assert ends[-1]["content"].count("not done again") == 1


def test_an_idempotent_call_that_may_have_happened_runs_under_its_old_key(shop: Shop) -> None:
    """The service knows the key, so the seat is booked once."""
    shop.line_dead = True
    book = Call("book", {"seat": "1A"})
    execution, _ = shop.play([book, END], [book, Say("Booked.")], 1)
    assert shop.keys == [f"{execution.id}:1:0"] * 2


def test_a_step_that_is_not_there_is_refused_with_those_that_are(shop: Shop) -> None:
    """The message names the steps there are."""
    for step in (0, 4, 99):
        with pytest.raises(UsageError, match=f"no step {step} to go back to: its steps are 1 to 3"):
            Shop(shop.database).play([LOOK, PAY, END], [], step)


def test_only_what_failed_is_retried(shop: Shop) -> None:
    """A completed execution stays as it is."""

    async def story() -> None:
        async with shop.app(LOOK, Say("Found.")) as app:
            execution = await app.run("clerk", "Go.", timeout_s=30)
            with pytest.raises(IllegalTransition, match="only a failed one can be retried"):
                await app.retry(execution.id, from_step=1)

    asyncio.run(story())


def test_a_retry_without_a_step_goes_on_as_before(shop: Shop) -> None:
    """The conversation stands, and its effects with it."""
    execution, events = shop.play([LOOK, PAY, END], [LOOK, PAY, END, Say("So be it.")], None)
    assert (execution.status, execution.result) == ("completed", "So be it.")
    assert "from_step" not in next(event.data for event in events if event.kind == "execution.retried")


def test_an_effect_nobody_could_settle_is_not_done_again(shop: Shop) -> None:
    """Silence about a doubt is no leave to do it twice."""
    shop.line_dead = True

    async def story() -> Execution:
        clock = FakeClock(auto=True)
        agent = Agent(name="clerk", models=[ScriptedModel([PAY, END])], tools=shop.tools())
        async with App([agent], shop.database, clock=clock) as app:
            execution = await app.run("clerk", "Go.", timeout_s=30)
            assert execution.status_reason == "IN_DOUBT"
            clock.advance(365 * 86_400)
            execution = await until_ended(app, execution.id)
        shop.line_dead = False
        agent = Agent(name="clerk", models=[ScriptedModel([PAY, Say("Who knows.")])], tools=shop.tools())
        async with App([agent], shop.database, clock=clock) as app:
            await app.retry(execution.id, from_step=1)
            return await app.resume(execution.id, timeout_s=30)

    execution = asyncio.run(story())
    assert execution.status == "completed"
    assert shop.done == ["pay"]
    assert execution.tool_calls[-1].status == "failed"


async def until_ended(app: App, execution_id: str) -> Execution:
    """Work until the expiry was seen and obeyed."""
    async with asyncio.timeout(30), app.worker():
        async for _ in app.events(execution_id):
            pass
    return await app.get(execution_id)


def test_a_call_in_doubt_behind_the_step_blocks_it(shop: Shop) -> None:
    """The message says how to settle it; then the step can be done anew."""
    from holdfast.loop.retry import set_aside

    shop.line_dead = True

    async def story() -> None:
        async with shop.app(PAY, Say("So.")) as app:
            execution = await app.run("clerk", "Go.", timeout_s=30)
            with pytest.raises(UsageError, match=r"nobody knows whether pay of step 1 happened.*holdfast resolve"):
                set_aside(execution.id, await journal(app, execution.id), 1)

    asyncio.run(story())


def test_failures_are_listed_by_agent_reason_and_time(shop: Shop) -> None:
    """The newest first, with the step behind which a retry goes on."""

    async def story() -> None:
        async with shop.app(LOOK, END) as app:
            execution = await app.run("clerk", "Go.", timeout_s=30)
            (letter,) = await app.dead_letters(agent="clerk", reason="CANNOT_COMPLETE", since=execution.created_at)
            assert (letter.id, letter.step_count, letter.last_good_step) == (execution.id, 2, 2)
            assert letter.error is not None
            assert "It makes no sense" in letter.error
            assert not await app.dead_letters(since=letter.failed_at + timedelta(seconds=1))
            assert not await app.dead_letters(agent="nobody")

    asyncio.run(story())
