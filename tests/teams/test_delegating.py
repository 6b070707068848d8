"""A supervisor and its specialists: child executions, from the delegation to what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from pydantic import BaseModel

from holdfast import Agent, App, Call, Calls, Context, Conversation, Final, Limits, Price, Reply, Say, ask_always, tool
from holdfast.errors import DeclarationError
from holdfast.testing import Metered, ScriptedModel
from holdfast.types import Event, Execution, Usage


class Found(BaseModel):
    facts: str
    confidence: float


def research(conversation: Conversation) -> Final:
    return Final(Found(facts=f"all about {conversation.input}", confidence=0.8))


def hopeless(_: Conversation) -> Say:
    return Say("")


RESEARCHER = Agent(name="researcher", models=[research], output=Found, description="Looks facts up.")
HOPELESS = Agent(name="hopeless", models=[hopeless])


def asks(*calls: Call) -> Callable[[Conversation], Reply]:
    """A supervisor that asks all of these at once, and says what came back."""

    def lead(conversation: Conversation) -> Reply:
        if not conversation.calls:
            return Calls(list(calls))
        return Final("; ".join(f"{call.status} {call.result}" for call in conversation.calls))

    return lead


def task(name: str, task: str = "cats", **more: object) -> Call:
    return Call(f"delegate_to_{name}", {"task": task, **more})


def boss(*calls: Call, team: list[Agent], **options: object) -> Agent:
    return Agent(**{"name": "boss", "models": [asks(*calls)], "team": team, **options})


def play(database: str, agent: Agent, story: Callable[[App], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with App([agent], database) as app:
            await story(app)

    asyncio.run(whole())


async def worked(app: App, **options: object) -> Execution:
    """The supervisor's execution, once it has ended or waits for a person."""
    async with app.worker():
        started = await app.start("boss", "Compare.", **options)
        return await app.wait(started.id, 30)


async def events(app: App, execution: Execution, kind: str) -> list[Event]:
    return [event async for event in app.events(execution.id, follow=False) if event.kind == kind]


async def idle(app: App, agent: str) -> None:
    """Let nobody work for an agent."""
    await app.control.pause("agent", agent, by="ada", why="to see what waits")


async def reached(app: App, execution_id: str, reason: str) -> None:
    """Wait until it is parked for this reason."""
    async for event in app.events(execution_id):
        if event.kind == "execution.parked" and event.data["reason"] == reason:
            return


async def children(app: App, parent: Execution, agent: str) -> list[Execution]:
    """The parent's children, once it waits for them."""
    await reached(app, parent.id, "CHILDREN")
    return [child for child in await app.list(agent=agent) if child.parent_id == parent.id]


def test_specialists_work_side_by_side_and_their_results_come_back_typed(database: str) -> None:
    """Delegations of one message are executions at the same time; the supervisor gets each result with its figures."""
    team = [RESEARCHER]

    async def story(app: App) -> None:
        ended = await worked(app, user="mia")
        assert (ended.status, ended.descendants, ended.waits_for) == ("completed", 2, 0)
        calls = [call.tool_output for call in (await app.get(ended.id)).tool_calls]
        assert [call["result"]["facts"] for call in calls] == ["all about cats", "all about dogs"]
        assert [call["confidence"] for call in calls] == [0.8, 0.8]
        children = await app.list(agent="researcher")
        assert {(child.parent_id, child.user_id) for child in children} == {(ended.id, "mia")}
        assert len(await events(app, ended, "execution.claimed")) == 2

    play(database, boss(task("researcher"), task("researcher", "dogs"), team=team), story)


def test_what_is_passed_on_reaches_the_specialist_and_nothing_else(database: str) -> None:
    """A specialist sees its task and the context that it was given, not its supervisor's conversation."""

    async def story(app: App) -> None:
        await worked(app)
        (child,) = await app.list(agent="researcher")
        assert child.input_data == {"task": "cats", "context": {"colour": "red"}}

    play(database, boss(task("researcher", context={"colour": "red"}), team=[RESEARCHER]), story)


def test_a_specialist_that_fails_is_reported_with_its_reason(database: str) -> None:
    """The supervisor learns why, and goes on without it."""

    async def story(app: App) -> None:
        ended = await worked(app)
        assert ended.status == "completed"
        assert "failed hopeless failed: MALFORMED_OUTPUT" in str(ended.result)
        assert "completed {" in str(ended.result)

    play(database, boss(task("hopeless"), task("researcher"), team=[HOPELESS, RESEARCHER]), story)


def test_a_supervisor_that_waits_is_a_row_and_nothing_more(database: str) -> None:
    """While specialists work, the parent is parked with a reason and a time."""

    async def story(app: App) -> None:
        await idle(app, "researcher")
        started = await app.start("boss", "Compare.")
        async with app.worker():
            await reached(app, started.id, "CHILDREN")
        parent = await app.get(started.id)
        assert (parent.status, parent.waits_for, parent.wake_at is not None) == ("pending", 1, True)

    play(database, boss(task("researcher"), team=[RESEARCHER]), story)


def test_an_approval_rule_of_a_specialist_holds_under_a_supervisor(database: str) -> None:
    """A call that asks people asks them, whoever gave the task; the parent waits for it."""
    paid: list[str] = []

    @tool(effect="irreversible", review=ask_always)
    def pay(ctx: Context, amount: int) -> str:
        """Pay."""
        paid.append(ctx.idempotency_key)
        return "paid"

    cashier = Agent(name="cashier", models=[ScriptedModel([Call("pay", {"amount": 5}), Say("done")])], tools=[pay])

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("boss", "Pay.")
            (child,) = await children(app, started, "cashier")
            await app.wait(child.id, 30)
            asked = await app.approvals()
            assert paid == []
            await app.decide(asked[0].id, "approve", by="ada")
            ended = await app.wait(started.id, 30)
        assert (ended.status, len(paid)) == ("completed", 1)

    play(database, boss(task("cashier"), team=[cashier]), story)


def test_cancelling_a_supervisor_cancels_what_it_started_and_what_that_started(database: str) -> None:
    """Nothing below a cancelled execution begins or goes on."""
    lead = Agent(name="lead", models=[asks(task("researcher"))], team=[RESEARCHER])

    async def story(app: App) -> None:
        await idle(app, "researcher")
        started = await app.start("boss", "Compare.")
        async with app.worker():
            (below,) = await children(app, started, "lead")
            await reached(app, below.id, "CHILDREN")
        await app.cancel(started.id, by="ada")
        assert {one.agent_type: one.status for one in await app.list()} == dict.fromkeys(
            ("boss", "lead", "researcher"), "cancelled"
        )

    play(database, boss(task("lead"), team=[lead]), story)


def test_cancelling_a_specialist_is_told_to_its_supervisor(database: str) -> None:
    """The parent wakes, learns it, and goes on."""

    async def story(app: App) -> None:
        await idle(app, "researcher")
        started = await app.start("boss", "Compare.")
        async with app.worker():
            (child,) = await children(app, started, "researcher")
            await app.cancel(child.id, by="ada")
            ended = await app.wait(started.id, 30)
        assert ended.status == "completed"
        assert "failed researcher cancelled" in str(ended.result)

    play(database, boss(task("researcher"), team=[RESEARCHER]), story)


DEAR = Price(input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(100))


def spender(**limits: object) -> Agent:
    """A specialist whose model writes 400 tokens at each answer, for four cents, and never comes to an end."""

    @tool(effect="read")
    def look(number: int) -> str:
        """Look."""
        return f"nothing at {number}"

    def step(messages: list[object]) -> Metered:
        return Metered(Call("look", {"number": len(messages)}), Usage(input_tokens=0, output_tokens=400))

    return Agent(name="spender", models=[ScriptedModel(step, price=DEAR)], tools=[look], limits=Limits(**limits))


def test_children_reserve_from_their_parents_remainder(database: str) -> None:
    """However many ask for money at once, all of them together stay within what their parent has left."""
    spends = spender(steps=1000, tokens=1_000_000, cost_usd=10)
    calls = [task("spender", f"part {number}") for number in range(4)]

    async def story(app: App) -> None:
        ended = await worked(app)
        assert ended.family_usd + ended.cost_usd <= Decimal(1)
        assert ended.family_usd > Decimal("0.3")
        spent = await app.list(agent="spender")
        assert {child.status_reason for child in spent} == {"MAX_COST_EXCEEDED"}
        assert all(child.cost_usd <= Decimal("0.25") for child in spent)

    play(database, boss(*calls, team=[spends], limits=Limits(cost_usd=1, tokens=1_000_000)), story)


def test_delegation_has_an_end_in_depth(database: str) -> None:
    """Below the limit there is nobody left to ask, and the specialist is told so."""
    low = Agent(name="low", models=[asks(task("researcher"))], team=[RESEARCHER])
    middle = Agent(name="middle", models=[asks(task("low"))], team=[low])

    async def story(app: App) -> None:
        ended = await worked(app)
        assert "as deep as delegation may go" in str(ended.result)
        assert await app.list(agent="researcher") == []

    play(database, boss(task("middle"), team=[middle], limits=Limits(depth=2)), story)


def test_delegation_has_an_end_in_breadth_and_number(database: str) -> None:
    """More than may work at once wait for their turn; more than may be started in all are refused."""
    calls = [task("researcher", str(number)) for number in range(6)]

    async def story(app: App) -> None:
        ended = await worked(app)
        statuses = [call.status for call in (await app.get(ended.id)).tool_calls]
        assert (statuses.count("completed"), statuses.count("denied")) == (4, 2)

    play(database, boss(*calls, team=[RESEARCHER], limits=Limits(children=2, descendants=4)), story)


def test_a_team_is_made_of_agents() -> None:
    """A wrong declaration says so where it is written."""
    with pytest.raises(DeclarationError, match="give agents"):
        Agent(name="boss", models=[research], team=["researcher"])
    with pytest.raises(DeclarationError, match="two agents have the same name, 'researcher'"):
        App([boss(team=[RESEARCHER]), Agent(name="researcher", models=[hopeless])])


def test_running_a_supervisor_alone_works_on_its_specialists_too(database: str) -> None:
    """Without a worker, `app.run` does the whole of it, and leaves executions of others alone."""
    lead = Agent(name="lead", models=[asks(task("researcher"))], team=[RESEARCHER])

    async def story(app: App) -> None:
        other = await app.start("researcher", "other")
        ended = await app.run("boss", "Compare.", timeout_s=30)
        assert (ended.status, (await app.get(other.id)).status) == ("completed", "pending")

    play(database, boss(task("lead"), team=[lead]), story)
