"""What a workflow may be declared as, what its steps may not do, and how its limits hold."""

import asyncio

import pytest
from pydantic import BaseModel

from holdfast import Agent, App, Call, Context, Conversation, Final, Flow, Limits, StepFailed, tool, workflow
from holdfast.errors import DeclarationError, UsageError
from holdfast.types import Execution


class Customer(BaseModel):
    name: str
    age: int = 30


def run(database: str, flow: Agent, given: object = None, *, answer: str | None = None) -> Execution:
    async def whole() -> Execution:
        async with App(workflows=[flow], database=database) as app:
            started = await app.start(flow.name, given)
            async with app.worker():
                ended = await app.wait(started.id, 30)
                if answer and ended.status == "awaiting_review":
                    (asked,) = await app.approvals()
                    await app.decide(asked.id, answer, by="ada", edit="by hand" if answer == "happened" else None)
                    await app.wait(started.id, 30)
            return await app.get(started.id)

    return asyncio.run(whole())


def test_a_workflow_is_an_async_function_of_a_flow_and_one_input() -> None:
    """A wrong declaration says so where it is written."""
    with pytest.raises(DeclarationError, match="decorate an async function"):
        workflow(lambda flow: None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DeclarationError, match=r"takes \(flow\) or \(flow, input\)"):

        @workflow
        async def onboard(flow: Flow, name: str, age: int) -> None: ...


def test_an_input_that_does_not_fit_is_refused_at_the_door(sqlite_database: str) -> None:
    """Nothing begins, and the message says where; text is taken as JSON where that fits, as from a command line."""

    @workflow
    async def onboard(flow: Flow, customer: Customer) -> str:
        return f"{customer.name} {customer.age}"

    with pytest.raises(UsageError, match="takes a Customer: name: Field required"):
        run(sqlite_database, onboard, {"age": 3})
    assert run(sqlite_database, onboard, '{"name": "Mia"}').result == "Mia 30"


def test_a_result_that_does_not_fit_fails_it(sqlite_database: str) -> None:
    """What the annotation promises is checked."""

    @workflow
    async def onboard(flow: Flow) -> Customer:
        return {"age": 3}  # pyright: ignore[reportReturnType]

    assert run(sqlite_database, onboard).status_reason == "INVALID_OUTPUT"


def test_two_steps_of_one_name_are_refused(sqlite_database: str) -> None:
    """A step is found by its name, so the second one ends the workflow, with a word about the fix."""

    @workflow
    async def onboard(flow: Flow) -> None:
        for number in range(2):
            await flow.step("look", abs, number, effect="read")

    ended = run(sqlite_database, onboard)
    assert (ended.status_reason, ended.error) == (
        "WORKFLOW_ERROR",
        "two steps are named 'look': give each its own name",
    )


def test_steps_and_time_are_limited(sqlite_database: str) -> None:
    """`limits.steps` are steps of the workflow; `total_timeout_s` its time of activity."""

    @workflow(limits=Limits(steps=2))
    async def many(flow: Flow) -> None:
        await flow.map("look", abs, range(3), effect="read")

    @workflow(limits=Limits(total_timeout_s=0.2))
    async def long(flow: Flow) -> None:
        await asyncio.sleep(20)

    assert run(sqlite_database, many).status_reason == "MAX_STEPS_EXCEEDED"
    assert run(sqlite_database, long).status_reason == "TOTAL_TIMEOUT"


@pytest.mark.parametrize(
    ("answer", "result", "runs"), [("happened", "by hand", 1), ("run", "paid", 2), ("skip", "skipped", 1)]
)
def test_a_step_whose_outcome_is_unknown_goes_to_a_person(
    sqlite_database: str, answer: str, result: str, runs: int
) -> None:
    """An irreversible step that broke off is never run again unless somebody says that it did not happen."""
    tries: list[str] = []

    def pay(ctx: Context) -> str:
        tries.append(ctx.idempotency_key)
        if len(tries) == 1:
            raise OSError("no line")
        return "paid"

    @workflow
    async def onboard(flow: Flow) -> str:
        try:
            return await flow.step("pay", pay)
        except StepFailed as failed:
            return "skipped" if "is not to be run" in failed.error else failed.error

    ended = run(sqlite_database, onboard, answer=answer)
    assert (ended.status, ended.result, len(tries)) == ("completed", result, runs)
    assert len(set(tries)) == 1


def test_a_tool_is_a_step_on_its_own_terms(sqlite_database: str) -> None:
    """Effect, retries and probe are the tool's; declaring another effect is refused."""

    @tool(effect="irreversible")
    def refund(ctx: Context, order: str) -> str:
        """Refund."""
        raise OSError("no line")

    @refund.probe
    def refunded(order: str) -> str:
        return f"refunded {order}"

    @workflow
    async def onboard(flow: Flow) -> str:
        return await flow.step("refund", refund, "1042")

    @workflow
    async def wrong(flow: Flow) -> str:
        return await flow.step("refund", refund, "1042", effect="read")

    assert run(sqlite_database, onboard).result == "refunded 1042"
    assert "is declared 'irreversible'" in str(run(sqlite_database, wrong).error)


def test_a_supervisor_may_give_work_to_a_workflow(sqlite_database: str) -> None:
    """A workflow in a team is called with its input, checked, and comes back as any specialist."""

    @workflow
    async def onboard(flow: Flow, customer: Customer) -> str:
        """Open an account."""
        return f"account of {customer.name}"

    def lead(conversation: Conversation) -> Call | Final:
        if not conversation.calls:
            return Call("delegate_to_onboard", {"input": {"name": "Mia"}})
        return Final(conversation.calls[0].result["result"])

    boss = Agent(name="boss", models=[lead], team=[onboard])
    assert run(sqlite_database, boss, "go").result == "account of Mia"


def test_an_agent_that_the_app_does_not_have_is_named(sqlite_database: str) -> None:
    """The error says which step, which agent and the fix."""

    @workflow
    async def onboard(flow: Flow) -> object:
        return await flow.agent("assess", "assessor", "x")

    assert "which this App does not have: App(agents=[...])" in str(run(sqlite_database, onboard).error)


def test_large_results_are_kept_whole(sqlite_database: str) -> None:
    """They go to a blob, and come back in full after a pause."""

    @workflow
    async def onboard(flow: Flow) -> int:
        text = await flow.step("read", lambda: "x" * 300_000, effect="read")
        await flow.sleep("a while", 1.1)
        return len(text)

    assert run(sqlite_database, onboard).result == 300_000


def test_a_paused_workflow_begins_nothing(sqlite_database: str) -> None:
    """The kill switch of agents holds for workflows: what runs ends, and the rest waits."""
    done: list[str] = []

    async def story() -> None:
        @workflow
        async def onboard(flow: Flow) -> None:
            await flow.step("one", done.append, "one")
            await app.control.pause("agent", "onboard", by="ada", why="wrong")
            await flow.step("two", done.append, "two")

        async with App([onboard], sqlite_database) as app, app.worker():
            started = await app.start("onboard", None)
            async for event in app.events(started.id):
                if event.kind == "execution.parked":
                    break
            assert (done, event.data["reason"]) == (["one"], "PAUSED")

    asyncio.run(story())
