"""Handovers: a whole conversation goes to another agent, which ends it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import BaseModel

from holdfast import (
    Agent,
    App,
    Call,
    Calls,
    Context,
    Conversation,
    Final,
    Limits,
    Reply,
    Say,
    ask_always,
    never_ask,
    tool,
    workflow,
)
from holdfast.errors import DeclarationError
from holdfast.testing import ScriptedModel
from holdfast.types import Event, Execution

HAND_OVER = Call("transfer_to_billing", {"reason": "It is about an invoice."})


@tool(effect="read")
def find_customer(name: str) -> str:
    """Find a customer."""
    return f"{name} is customer 7"


def triage_for(*others: Agent | str, **options: object) -> Agent:
    """An agent that looks the customer up and then gives the conversation away."""
    steps = [Call("find_customer", {"name": "Mia"}), HAND_OVER]
    defaults = {"name": "triage", "models": [ScriptedModel(steps)], "tools": [find_customer], "handover": others}
    return Agent(**{**defaults, **options})


def billing_with(*steps: object, after: int = 2, **options: object) -> Agent:
    """Its script begins behind the messages of the agent before it, which are part of the conversation."""
    script = [*([Say("")] * after), *(steps or [Say("Paid.")])]
    return Agent(**{"name": "billing", "models": [ScriptedModel(script)], **options})


def play(database: str, agents: list[Agent], story: Callable[[App], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with App(agents, database) as app:
            await story(app)

    asyncio.run(whole())


async def worked(app: App, said: str = "My invoice is wrong.", **options: object) -> Execution:
    async with app.worker():
        started = await app.start("triage", said, **options)
        return await app.wait(started.id, 30)


async def events(app: App, execution: Execution, kind: str) -> list[Event]:
    return [event async for event in app.events(execution.id, follow=False) if event.kind == kind]


async def taken_over(app: App, execution_id: str) -> str:
    """The execution that has the conversation, once its first one waits for it."""
    async for event in app.events(execution_id):
        if event.kind == "execution.parked":
            break
    return next(child.id for child in await app.list(agent="billing") if child.parent_id == execution_id)


def test_the_other_agent_sees_everything_and_its_result_is_the_end(database: str) -> None:
    """It reads what was asked, said and done, and the reason; user and thread go with it."""
    seen: list[list[object]] = []

    def answer(messages: list[object]) -> Say:
        seen.append(messages)
        return Say("Your invoice is corrected.")

    billing = Agent(name="billing", models=[ScriptedModel(answer)])

    async def story(app: App) -> None:
        ended = await worked(app, user="mia", thread="t1")
        assert (ended.status, ended.result) == ("completed", "Your invoice is corrected.")
        (child,) = await app.list(agent="billing")
        assert (child.parent_id, child.user_id, child.thread_id) == (ended.id, "mia", "t1")
        assert ended.state == {"handed_over_to": "billing", "execution": child.id}
        (moved,) = await events(app, ended, "conversation.transferred")
        assert (moved.data["from"], moved.data["to"], moved.data["child_id"]) == ("triage", "billing", child.id)
        whole = str(seen)
        for said in ("My invoice is wrong.", "Mia is customer 7", "It is about an invoice.", "You are billing now"):
            assert said in whole

    play(database, [triage_for(billing)], story)


@pytest.mark.parametrize(("window", "whole"), [(None, True), (4_000, False)])
def test_a_long_conversation_goes_over_whole(database: str, window: int | None, *, whole: bool) -> None:
    """What is too large for a row is stored apart; where it is too large for the other model, it is compacted there."""
    seen: list[str] = []

    def answer(messages: list[object]) -> Say:
        seen.append(str(messages))
        return Say("Read.")

    reads = Agent(name="billing", models=[ScriptedModel(answer)], context_window=window)

    async def story(app: App) -> None:
        ended = await worked(app, f"My invoice is wrong. {'really ' * 3_000}The end.")
        assert (ended.result, seen[0].count("really") == 3_000) == ("Read.", whole)
        for kept in ("My invoice is wrong.", "The end.", "Mia is customer 7", "It is about an invoice."):
            assert kept in seen[0]

    play(database, [triage_for(reads)], story)


def test_a_rule_sees_the_calls_that_were_made_before_it(sqlite_database: str) -> None:
    """What the agents before it did is part of the conversation, the handover included."""

    def answer(conversation: Conversation) -> Reply:
        return Final(", ".join(f"{call.tool} {call.status}" for call in conversation.calls))

    async def story(app: App) -> None:
        ended = await worked(app)
        assert ended.result == "find_customer completed, transfer_to_billing completed"

    play(sqlite_database, [triage_for(Agent(name="billing", models=[answer]))], story)


def test_a_failure_of_the_other_agent_is_the_end_too(sqlite_database: str) -> None:
    """The same status and the same reason."""

    async def story(app: App) -> None:
        ended = await worked(app)
        (child,) = await app.list(agent="billing")
        assert (ended.status, ended.status_reason, ended.error) == ("failed", child.status_reason, child.error)
        assert ended.status_reason == "CANNOT_COMPLETE"

    gives_up = Call("cannot_complete", {"reason": "no such invoice"})
    play(sqlite_database, [triage_for(billing_with(gives_up))], story)


def test_cancelling_goes_both_ways(database: str) -> None:
    """Who has the conversation ends it; who gave it away takes it along."""

    async def story(app: App) -> None:
        await app.control.pause("agent", "billing", by="ada", why="to see what waits")
        async with app.worker():
            ids = [(await app.start("triage", "Hello.")).id for _ in range(2)]
            below = {one: await taken_over(app, one) for one in ids}
            await app.cancel(ids[0], by="ada")
            await app.cancel(below[ids[1]], by="ada")
            ended = [await app.wait(one, 30) for one in (ids[1], below[ids[0]])]
        assert [one.status for one in ended] == ["cancelled", "cancelled"]

    play(database, [triage_for(billing_with())], story)


def test_tools_and_approval_rules_are_those_of_the_agent_that_has_the_conversation(sqlite_database: str) -> None:
    """People are asked by its rules; the tools of the one before are gone."""
    paid: list[str] = []

    @tool(effect="irreversible", review=ask_always)
    def pay(ctx: Context, amount: int) -> str:
        """Pay."""
        paid.append(ctx.execution.agent_type)
        return "paid"

    steps = [Call("find_customer", {"name": "Max"}), Call("pay", {"amount": 5}), Say("Done.")]

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("triage", "Pay me.")
            await app.wait(await taken_over(app, started.id), 30)
            (asked,) = await app.approvals()
            await app.decide(asked.id, "approve", by="ada")
            ended = await app.wait(started.id, 30)
        (child,) = await app.list(agent="billing")
        calls = [(call.tool_name, call.status) for call in (await app.get(child.id)).tool_calls]
        assert (calls, paid) == ([("find_customer", "failed"), ("pay", "completed")], ["billing"])
        assert ended.result == "Done."

    play(sqlite_database, [triage_for(billing_with(*steps, tools=[pay]))], story)


def test_it_goes_back_and_forth_until_the_depth_is_used_up(sqlite_database: str) -> None:
    """Two agents that name each other end in a clear no, and one of them goes on."""

    def over(to: str) -> Callable[[Conversation], Reply]:
        def hand(conversation: Conversation) -> Reply:
            refused = [call for call in conversation.calls if call.status == "denied"]
            return Final(str(refused[0].result)) if refused else Calls([Call(f"transfer_to_{to}", {"reason": "You."})])

        return hand

    billing = Agent(name="billing", models=[over("triage")], handover=["triage"])

    async def story(app: App) -> None:
        ended = await worked(app)
        assert "as often as it may be (limits.depth)" in ended.result
        assert (len(await app.list(agent="triage")), len(await app.list(agent="billing"))) == (2, 2)
        assert ended.descendants == 3

    play(sqlite_database, [triage_for("billing", models=[over("billing")]), billing], story)


def test_a_conversation_is_given_away_alone(sqlite_database: str) -> None:
    """Beside other calls it is refused: the other agent would not see what they came to."""
    both = Calls([Call("find_customer", {"name": "Mia"}), HAND_OVER])

    def steps(conversation: Conversation) -> Reply:
        return Calls([HAND_OVER]) if conversation.calls else both

    async def story(app: App) -> None:
        ended = await worked(app)
        calls = [(call.tool_name, call.status) for call in (await app.get(ended.id)).tool_calls]
        assert ("transfer_to_billing", "denied") in calls
        assert (ended.result, len(await app.list(agent="billing"))) == ("Paid.", 1)

    play(sqlite_database, [triage_for(billing_with(), models=[steps])], story)


def test_the_other_agent_has_what_is_left_of_the_limits(sqlite_database: str) -> None:
    """Tokens that were used before the handover are used."""

    async def story(app: App) -> None:
        ended = await worked(app)
        (start,) = await events(app, ended, "child.started")
        own = sum(e.data["gen_ai.usage.input_tokens"] for e in await events(app, ended, "model.responded"))
        assert start.data["ceiling"]["tokens"] <= 9_000 - own
        assert start.data["ceiling"]["depth"] == 2

    play(sqlite_database, [triage_for(billing_with(), limits=Limits(tokens=10_000))], story)


def test_later_messages_of_the_thread_see_who_has_the_conversation(sqlite_database: str) -> None:
    """Each exchange is told once, with the name of the agent that answered."""
    heard: list[str] = []

    def listens(conversation: Conversation) -> Reply:
        heard.extend(conversation.notes)
        return Calls([HAND_OVER]) if not conversation.calls else Final("?")

    async def story(app: App) -> None:
        await worked(app, thread="t1")
        heard.clear()
        await worked(app, "And now?", thread="t1")
        (note,) = heard
        assert "My invoice is wrong." in note
        assert "[billing, to whom the conversation was handed over, answered:] Paid." in note
        newest = (await app.list(thread="t1", limit=1))[0]
        assert newest.agent_type == "billing"

    billing = Agent(name="billing", models=[lambda _: Final("Paid.")])
    play(sqlite_database, [triage_for(billing, models=[listens])], story)


def test_a_failed_conversation_that_is_retried_comes_back(sqlite_database: str) -> None:
    """The agent that gave it away learns what happened, and goes on itself."""
    gives_up = Call("cannot_complete", {"reason": "no such invoice"})
    steps = [HAND_OVER, Say("Then I will do it.")]

    async def story(app: App) -> None:
        ended = await worked(app)
        await app.retry(ended.id, by="ada")
        async with app.worker():
            again = await app.wait(ended.id, 30)
        assert (again.status, again.result) == ("completed", "Then I will do it.")

    play(sqlite_database, [triage_for(billing_with(gives_up, after=1), models=[ScriptedModel(steps)])], story)


def test_what_happened_before_a_retry_is_not_done_again_by_the_other_agent(sqlite_database: str) -> None:
    """The record of effects goes over with the conversation, those of turns that were set aside included."""
    paid: list[int] = []

    @tool(effect="irreversible", review=never_ask)
    def pay(amount: int) -> str:
        """Pay."""
        paid.append(amount)
        return "paid"

    turns = iter([Call("pay", {"amount": 5}), Call("cannot_complete", {"reason": "?"}), HAND_OVER])
    said = iter([Call("cannot_complete", {"reason": "?"}), Call("pay", {"amount": 5}), Say("It was paid.")])
    billing = Agent(name="billing", models=[lambda _: reply(next(said))], tools=[pay])

    async def story(app: App) -> None:
        failed = await worked(app)
        await app.retry(failed.id, by="ada", from_step=1)
        async with app.worker():
            await app.wait(failed.id, 30)
            (child,) = await app.list(agent="billing")
            await app.retry(child.id, by="ada", from_step=1)
            ended = await app.wait(child.id, 30)
        assert (ended.status, ended.result, paid) == ("completed", "It was paid.", [5])

    play(sqlite_database, [triage_for(billing, models=[lambda _: reply(next(turns))], tools=[pay])], story)


def reply(step: Call | Say) -> Reply:
    return Calls([step]) if isinstance(step, Call) else step


class Ticket(BaseModel):
    answer: str


class Paid(Ticket):
    amount: int


@workflow
async def flows(flow: object) -> str:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: triage_for(billing_with(output=int)), "ends with str, and 'billing', .* with int: declare output=str"),
        (
            lambda: triage_for(Agent(name="billing", models=["test:x"], output=Ticket), output=Paid),
            "declare output=Paid",
        ),
        (lambda: triage_for(7), "give agents, or names of agents"),
        (lambda: triage_for("triage"), "its own name"),
        (lambda: triage_for(handover="billing"), "give a list"),
        (lambda: triage_for(billing_with(), billing_with()), "two tools named 'transfer_to_billing'"),
        (lambda: App([triage_for("billing")]), r"does not have: App\(agents=\[..., billing\]\)"),
        (lambda: App([triage_for("billing"), billing_with(output=int)]), "declare output=str"),
        (lambda: App([triage_for(flows)]), "reads no conversation"),
    ],
)
def test_a_handover_that_cannot_work_says_so_where_it_is_declared(declare: Callable[[], object], said: str) -> None:
    """The message names the fix."""
    with pytest.raises(DeclarationError, match=said):
        declare()


def test_a_result_of_a_narrower_type_fits() -> None:
    """A subclass, or a part of a union, is a result of the agent that hands over."""
    triage_for(Agent(name="billing", models=[lambda _: Final("x")], output=Paid), output=Ticket)
    triage_for(Agent(name="billing", models=[lambda _: Final("x")], output=Paid), output=Ticket | str)
