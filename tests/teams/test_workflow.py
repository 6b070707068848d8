"""Deterministic workflows: named steps that are done once, through pauses, crashes and failures."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel

from holdfast import (
    Agent,
    App,
    Approved,
    Context,
    Conversation,
    Final,
    Flow,
    StepFailed,
    StepTimedOut,
    workflow,
)
from holdfast.errors import IllegalTransition
from holdfast.types import Event, Execution


class Customer(BaseModel):
    name: str
    credit: Decimal = Decimal(0)


class Outcome(BaseModel):
    customer: str
    score: int


@dataclass
class Deeds:
    """What steps really did, in order."""

    done: list[str] = field(default_factory=list)

    def do(self, what: str) -> str:
        self.done.append(what)
        return what


def assess(conversation: Conversation) -> Final:
    return Final(len(str(conversation.input)))


ASSESSOR = Agent(name="assessor", models=[assess], output=int)


def play(database: str, flows: list[Agent], story: Callable[[App], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with App(flows, database) as app:
            await story(app)

    asyncio.run(whole())


async def events(app: App, execution_id: str, kind: str) -> list[Event]:
    return [event async for event in app.events(execution_id, follow=False) if event.kind == kind]


async def parked(app: App, execution_id: str, reason: str) -> None:
    """Wait until it is parked for this reason."""
    async for event in app.events(execution_id):
        if event.kind == "execution.parked" and event.data["reason"] == reason:
            return


async def ended(app: App, flow: str, given: object = None, **options: object) -> Execution:
    return await app.run(flow, given, timeout_s=30, **options)


def test_a_workflow_runs_its_steps_and_gives_a_typed_result(database: str) -> None:
    """Input, results of steps and the outcome are values of their types; the record has them all."""

    def check(customer: Customer) -> Customer:
        return customer.model_copy(update={"credit": Decimal("5.50")})

    @workflow
    async def onboard(flow: Flow, customer: Customer) -> Outcome:
        checked = await flow.step("check", check, customer, effect="read")
        assert isinstance(checked.credit, Decimal)
        return Outcome(customer=checked.name, score=await flow.step("score", len, checked.name, effect="read"))

    async def story(app: App) -> None:
        done = await ended(app, "onboard", {"name": "Mia"})
        assert (done.status, done.result, done.step_count) == ("completed", {"customer": "Mia", "score": 3}, 2)
        rows = [(call.tool_name, call.status, call.tool_output) for call in (await app.get(done.id)).tool_calls]
        assert rows == [("check", "completed", {"name": "Mia", "credit": "5.50"}), ("score", "completed", 3)]

    play(database, [onboard], story)


def test_an_agent_step_is_a_child_execution(database: str) -> None:
    """The workflow waits for it as a row, and gets its result typed."""

    @workflow
    async def onboard(flow: Flow, name: str) -> int:
        return await flow.agent("assess", ASSESSOR, name) + 1

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("onboard", "Mia", user="ann")
            done = await app.wait(started.id, 30)
        (child,) = await app.list(agent="assessor")
        assert (done.result, child.parent_id, child.user_id) == (4, done.id, "ann")
        assert len(await events(app, done.id, "execution.claimed")) == 2

    play(database, [onboard], story)


def test_parts_of_a_workflow_run_side_by_side(database: str) -> None:
    """Steps and agents in parallel, and the same for many items a few at a time, come back in order."""
    at_once: list[int] = [0, 0]

    async def double(number: int) -> int:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0)
        at_once[0] -= 1
        return 2 * number

    @workflow
    async def many(flow: Flow) -> list[int]:
        a, b = await flow.parallel(flow.step("one", double, 1, effect="read"), flow.agent("assess", ASSESSOR, "four"))
        return [a, b, *await flow.map("each", double, range(5), at_once=2, effect="read")]

    async def story(app: App) -> None:
        async with app.worker():
            done = await app.wait((await app.start("many", None)).id, 30)
        assert done.result == [2, 4, 0, 2, 4, 6, 8]
        assert at_once == [0, 2]

    play(database, [many], story)


def test_people_decide_and_nothing_before_is_done_again(database: str) -> None:
    """The approval parks the execution; on the answer it goes on, with the finished step's result from the journal."""
    deeds = Deeds()

    @workflow
    async def onboard(flow: Flow) -> str:
        made = await flow.step("make", deeds.do, "account")
        answer = await flow.approve("sign off", question="May the account open?", about={"account": made})
        assert isinstance(answer, Approved)
        return f"{made} {'open' if answer else 'closed'} by {answer.by}: {answer.note}"

    async def story(app: App) -> None:
        waiting = await ended(app, "onboard")
        (asked,) = await app.approvals()
        assert (waiting.status, asked.question, asked.arguments) == (
            "awaiting_review",
            "May the account open?",
            {"account": "account"},
        )
        await app.decide(asked.id, "approve", by="ada", note="fine")
        done = await app.resume(waiting.id, timeout_s=30)
        assert (done.result, deeds.done) == ("account open by ada: fine", ["account"])

    play(database, [onboard], story)


def test_time_and_signals_are_waited_for_as_a_row(database: str) -> None:
    """Sleeping and waiting park; a signal wakes, once for each id, also one that came before the wait."""

    @workflow
    async def onboard(flow: Flow) -> list[object]:
        early = await flow.wait_for("early")
        await flow.sleep("cool down", 1.2)
        signed = await flow.wait_for("docs.signed", timeout_s=60)
        try:
            await flow.wait_for("never", timeout_s=0.01)
        except StepTimedOut:
            return [early, signed, "timed out"]
        return []

    async def story(app: App) -> None:
        started = await app.start("onboard", None)
        await app.send(started.id, "early", {"n": 1}, by="ann", id="e1")
        assert not await app.send(started.id, "early", {"n": 2}, by="ann", id="e1")
        async with app.worker():
            await parked(app, started.id, "WAITING")
            await app.send(started.id, "docs.signed", "by hand")
            done = await app.wait(started.id, 30)
        assert done.result == [{"n": 1}, "by hand", "timed out"]
        with pytest.raises(IllegalTransition, match="nothing can be sent"):
            await app.send(started.id, "late")

    play(database, [onboard], story)


def test_a_step_that_fails_is_tried_again_and_then_can_be_caught(database: str) -> None:
    """Retries with the same key; then the author's code goes another way, also when it is run again later."""
    keys: list[str] = []

    def call(ctx: Context) -> str:
        keys.append(ctx.idempotency_key)
        raise OSError("no line")

    @workflow
    async def onboard(flow: Flow) -> str:
        try:
            await flow.step("call", call, effect="idempotent", retries=1)
        except StepFailed as failed:
            await flow.sleep("a while", 1.1)
            return failed.error
        return "reached"

    async def story(app: App) -> None:
        done = await ended(app, "onboard")
        assert done.result == "OSError: no line"
        assert keys == [f"{done.id}:call"] * 2

    play(database, [onboard], story)


def test_a_check_judges_a_result_before_anything_builds_on_it(database: str) -> None:
    """A result that its check refuses is made again while there are tries; then the step has failed, with the words."""
    results = iter([1, 2, 3, 4])

    @workflow
    async def onboard(flow: Flow) -> int:
        three = await flow.step("three", lambda: next(results), effect="read", check=lambda n: n == 3, retries=2)
        return await flow.step("more", lambda: three, effect="read", check=lambda n: f"{n} is too few", retries=0)

    async def story(app: App) -> None:
        done = await ended(app, "onboard")
        assert (done.status, done.status_reason) == ("failed", "STEP_FAILED")
        assert done.error == "step 'more' failed: 3 is too few"
        (_, more) = await events(app, done.id, "step.ended")
        assert more.data["check"] == "3 is too few"

    play(database, [onboard], story)


def test_time_and_chance_are_the_same_each_time(database: str) -> None:
    """`flow.now` and `flow.random` come back from the journal after a pause."""
    seen: list[tuple[datetime, float]] = []

    @workflow
    async def onboard(flow: Flow) -> None:
        seen.append((flow.now(), flow.random()))
        await flow.agent("assess", ASSESSOR, "x")

    async def story(app: App) -> None:
        async with app.worker():
            await app.wait((await app.start("onboard", None)).id, 30)
        assert len(seen) == 2
        assert seen[0] == seen[1]

    play(database, [onboard], story)


def test_what_was_done_is_undone_in_reverse_when_it_fails_later(database: str) -> None:
    """Each undo is a step of its own with a key, gets the result, and the error says what was undone."""
    deeds = Deeds()

    def close(ctx: Context, account: str) -> None:
        deeds.do(f"close {account} {ctx.idempotency_key.rpartition(':')[2]}")

    def fail() -> None:
        raise OSError("no line")

    @workflow
    async def onboard(flow: Flow) -> None:
        await flow.step("open", deeds.do, "A1", undo=close)
        await flow.step("greet", deeds.do, "hello")
        await flow.step("grant", deeds.do, "rights", undo=lambda: deeds.do("revoke"))
        await flow.step("tell", fail, effect="read", retries=0)

    async def story(app: App) -> None:
        done = await ended(app, "onboard")
        assert (done.status, done.status_reason) == ("failed", "STEP_FAILED")
        assert done.error == "step 'tell' failed: OSError: no line Undone: grant, open."
        assert deeds.done == ["A1", "hello", "rights", "revoke", "close A1 undo open"]

    play(database, [onboard], story)


def test_an_undo_that_fails_goes_to_a_person(database: str) -> None:
    """The execution waits until somebody has done it by hand, or says to leave it."""
    deeds = Deeds()

    def broken(_: str) -> None:
        raise OSError("closed")

    @workflow
    async def onboard(flow: Flow) -> None:
        await flow.step("open", deeds.do, "A1", undo=broken)
        raise RuntimeError("no")

    async def story(app: App) -> None:
        waiting = await ended(app, "onboard")
        (asked,) = await app.approvals()
        assert (waiting.status, asked.kind, asked.tool_name) == ("awaiting_review", "doubt", "undo open")
        await app.decide(asked.id, "happened", by="ada")
        done = await app.resume(waiting.id, timeout_s=30)
        assert (done.status, done.error) == ("failed", "RuntimeError: no Undone: open.")

    play(database, [onboard], story)


@pytest.mark.parametrize("undoes", [True, False])
def test_cancelling_undoes_where_the_workflow_says_so(database: str, undoes: bool) -> None:
    """A cancelled workflow that waits is woken to undo what it did, and ends as cancelled."""
    deeds = Deeds()

    @workflow(undo_on_cancel=undoes)
    async def onboard(flow: Flow) -> None:
        await flow.step("open", deeds.do, "A1", undo=lambda: deeds.do("close"))
        await flow.wait_for("signed")

    async def story(app: App) -> None:
        started = await app.start("onboard", None)
        async with app.worker():
            await parked(app, started.id, "WAITING")
            await app.cancel(started.id, by="ada")
            done = await app.wait(started.id, 30)
        assert (done.status, deeds.done) == ("cancelled", ["A1", "close"] if undoes else ["A1"])

    play(database, [onboard], story)
