"""Whoever waits for a supervisor learns when nothing below it can go on without people."""

import asyncio
from pathlib import Path

import pytest

from holdfast import Agent, App, Call, Conversation, Flow, Say, ask_always, tool, workflow
from holdfast.errors import StoreUnavailable
from holdfast.testing import ScriptedModel
from tests.teams.test_delegating import RESEARCHER, boss, children, idle, play, task


@tool(effect="irreversible", review=ask_always)
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


def pays(conversation: Conversation) -> Call | Say:
    return Say("done") if conversation.calls else Call("pay", {"amount": 5})


CASHIER = Agent(name="cashier", models=[pays], tools=[pay])
CLERK = Agent(
    name="clerk", models=[ScriptedModel([Call("delegate_to_cashier", {"task": "it"}), Say("done")])], team=[CASHIER]
)


def test_a_supervisor_is_given_back_when_all_that_is_left_below_waits_for_people(database: str) -> None:
    """However deep they are asked; after the answer it can be waited for again, to its end."""

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("boss", "Pay.")
            waiting = await app.wait(started.id, 30)
            assert (waiting.status, waiting.status_reason) == ("pending", "CHILDREN")
            assert await app.approvals(execution_id=started.id) == []
            (asked,) = await app.approvals(execution_id=started.id, below=True)
            await app.decide(asked.id, "approve", by="ada")
            assert (await app.wait(started.id, 30)).status == "completed"

    play(database, boss(task("clerk"), team=[CLERK]), story)


def test_a_supervisor_is_waited_for_while_one_below_can_go_on(database: str) -> None:
    """A question of one specialist is no end while another one has work to do."""

    async def story(app: App) -> None:
        await idle(app, "researcher")
        async with app.worker():
            started = await app.start("boss", "Pay, and look.")
            (cashier,) = await children(app, started, "cashier")
            await app.wait(cashier.id, 30)
            with pytest.raises(TimeoutError):
                await app.wait(started.id, 0.1)
            await app.control.resume("agent", "researcher", by="ada", why="seen")
            assert (await app.wait(started.id, 30)).status_reason == "CHILDREN"
            (asked,) = await app.approvals(execution_id=started.id, below=True)
            assert asked.execution_id == cashier.id

    play(database, boss(task("cashier"), task("researcher"), team=[CASHIER, RESEARCHER]), story)


def test_whoever_waits_is_told_when_the_app_closes(tmp_path: Path) -> None:
    """Rather than waiting for ever for what nobody watches any more."""

    async def story() -> None:
        async with App([CASHIER], f"{tmp_path}/a.db") as app:
            started = await app.start("cashier", "Pay.")
            waiting = asyncio.create_task(app.wait(started.id))
            await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="closed"):
            await waiting

    asyncio.run(story())


def test_a_workflow_is_given_back_when_its_agent_waits_for_people(database: str) -> None:
    """As a supervisor is."""

    @workflow
    async def boss(flow: Flow, _: str) -> str:
        return await flow.agent("pay", CASHIER, "Pay.")

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("boss", "Pay.")
            assert (await app.wait(started.id, 30)).status == "pending"
            (asked,) = await app.approvals(execution_id=started.id, below=True)
            await app.decide(asked.id, "approve", by="ada")
            assert (await app.wait(started.id, 30)).status == "completed"

    play(database, boss, story)
