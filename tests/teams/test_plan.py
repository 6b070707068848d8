"""Plans: made, sent back, agreed to, carried out in order and side by side, made anew, stopped at limits."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from holdfast import Agent, App, Call, Calls, Context, Conversation, Final, Flow, Limits, Planner, Reply, tool, workflow
from holdfast.testing.rehearsal import LeapingClock
from holdfast.types import Execution
from tests.teams.plan_kit import (
    WRITER,
    asked,
    carried_out,
    data,
    journal,
    plan,
    play,
    task,
    trip,
)

AT = {"$from": "facts", "path": "facts"}


def test_a_plan_is_made_and_its_results_passed_along(database: str) -> None:
    """Tasks begin when what they refer to is there, and the last one's result is the result."""
    planner = trip(plan(
        task("text", "writer", [AT, {"$from": "price", "path": "usd"}]),
        task("facts", "researcher", "Rome"),
        task("price", "price_of", {"city": "Rome", "nights": 2}),
    ))  # fmt: skip
    ended, told = carried_out(database, planner)
    assert (ended.status, ended.result) == ("completed", "text of ['about Rome', 200.0]")
    (made,) = data(told, "plan.made")
    assert [one["id"] for one in made["tasks"]] == ["text", "facts", "price"]
    assert [one["name"] for one in data(told, "step.started")] == ["plan 1", "facts", "price", "text"]


def test_the_result_is_what_the_plan_says(sqlite_database: str) -> None:
    """With references filled in, and of the planner's output type."""

    class Offer(BaseModel):
        text: str
        usd: float

    made = plan(
        task("text"),
        task("price", "price_of", {"city": "Rome"}),
        result={"text": {"$from": "text"}, "usd": {"$from": "price", "path": "usd"}},
    )
    ended, _ = carried_out(sqlite_database, trip(made, output=Offer))
    assert ended.result == {"text": "text of it", "usd": 100.0}


def test_a_result_that_does_not_fit_is_planned_anew(sqlite_database: str) -> None:
    """Nothing is done again for it: the next plan may say only what the result is."""
    planner = trip(plan(task("text")), plan(result={"length": 7}), output=dict[str, int], replans=1)
    ended, told = carried_out(sqlite_database, planner)
    assert ended.result == {"length": 7}
    assert [one["name"] for one in data(told, "step.started")] == ["plan 1", "text", "plan 2"]
    ended, _ = carried_out(sqlite_database, trip(plan(task("text")), output=dict[str, int], replans=0))
    assert ended.status_reason == "INVALID_OUTPUT"


def test_a_plan_that_cannot_be_carried_out_goes_back(sqlite_database: str) -> None:
    """All that is wrong with it is said at once, with the plan; nothing begins before it is right."""
    wrong = plan(task("a", "nobody"), task("b", asked={"$from": "zz"}))
    planner = trip(wrong, plan(task("a")))
    ended, told = carried_out(sqlite_database, planner)
    assert ended.status == "completed"
    (refused,) = data(told, "plan.refused")
    assert len(refused["reasons"]) == 2
    again = planner.asked[1]
    assert again["problems"] == refused["reasons"]
    assert [one["id"] for one in again["refused_plan"]["tasks"]] == ["a", "b"]


def test_a_planner_that_never_learns_is_stopped(sqlite_database: str) -> None:
    """So many plans in a row that cannot be carried out end it, with what was wrong with the last."""
    ended, told = carried_out(sqlite_database, trip(plan(task("a", "nobody")), corrections=1))
    assert (ended.status_reason, len(data(told, "plan.refused"))) == ("PLAN_INVALID", 2)
    assert "'nobody', which there is not" in str(ended.error)


# --- approval


def test_people_agree_before_anything_begins(database: str) -> None:
    """They see the tasks as they are; the record says who agreed."""

    async def story(app: App) -> None:
        started = await app.start("trip", "go")
        async with app.worker():
            question = await asked(app, started.id)
            assert "this plan of 1 task" in question.question
            assert question.arguments == {"goal": "go", "tasks": [{"id": "text", "use": "writer", "input": "it"}]}
            assert not data(await journal(app, started.id), "plan.approved")
            await app.decide(question.id, "approve", by="mia")
            ended = await app.wait(started.id, 30)
        (approved,) = data(await journal(app, started.id), "plan.approved")
        assert (ended.result, approved["by"], approved["edited"]) == ("text of it", "mia", False)

    play(database, trip(plan(task("text")), approve=True), story)


def test_a_no_plans_anew_with_the_note(sqlite_database: str) -> None:
    """The person's words go to the planning agent, and the next plan is asked about, too."""
    planner = trip(plan(task("long")), plan(task("short")), approve={"quorum": 1})

    async def story(app: App) -> None:
        started = await app.start("trip", "go")
        async with app.worker():
            await app.decide((await asked(app, started.id)).id, "reject", by="mia", note="too long")
            await app.decide((await asked(app, started.id)).id, "approve", by="mia")
            ended = await app.wait(started.id, 30)
        assert ended.result == "text of it"
        told = await journal(app, started.id)
        (revised,) = data(told, "plan.revised")
        assert revised["because"] == {"refused_by": "mia", "note": "too long"}
        assert [one["name"] for one in data(told, "step.started") if one["kind"] == "agent"] == [
            "plan 1", "plan 2", "short",
        ]  # fmt: skip

    play(sqlite_database, planner, story)
    assert planner.asked[1]["note"] == "too long"


@pytest.mark.parametrize(("options", "note"), [({"on_refusal": "end"}, "no"), ({"replans": 0}, "no")])
def test_a_no_may_end_it(sqlite_database: str, options: dict[str, Any], note: str) -> None:
    """Where that is declared, or nothing is left of the plans that may be made."""

    async def story(app: App) -> None:
        started = await app.start("trip", "go")
        async with app.worker():
            await app.decide((await asked(app, started.id)).id, "reject", by="mia", note=note)
            ended = await app.wait(started.id, 30)
        assert (ended.status, ended.status_reason) == ("failed", "PLAN_REJECTED")

    play(sqlite_database, trip(plan(task("text")), approve=True, **options), story)


def test_a_plan_may_be_changed_by_people(sqlite_database: str) -> None:
    """What they make of it is checked as any plan; what does not work is asked about again, with why."""

    async def story(app: App) -> None:
        started = await app.start("trip", "go")
        async with app.worker():
            edit = {"tasks": [{"id": "text", "use": "nobody", "input": "that"}]}
            await app.decide((await asked(app, started.id)).id, "approve", by="mia", edit=edit)
            question = await asked(app, started.id)
            assert "Your changes do not work: task 'text' uses 'nobody'" in question.question
            edit = {"tasks": [{"id": "text", "use": "writer", "input": "that"}]}
            await app.decide(question.id, "approve", by="mia", edit=edit)
            ended = await app.wait(started.id, 30)
        (approved,) = data(await journal(app, started.id), "plan.approved")
        assert (ended.result, approved["edited"]) == ("text of that", True)

    play(sqlite_database, trip(plan(task("text")), approve=True), story)


# --- failures


def test_only_what_failed_is_planned_anew(database: str) -> None:
    """Finished tasks stay, are not done again, and the new ones use their results."""
    first = plan(
        task("facts", "researcher", "Rome"),
        task("odd", "researcher", "impossible"),
        task("text", asked=[AT, {"$from": "odd"}]),
    )
    second = plan(task("text", asked=AT))
    planner = trip(first, second)
    ended, told = carried_out(database, planner)
    assert ended.result == "text of about Rome"
    states = {one["id"]: one["state"] for one in planner.asked[1]["tasks"]}
    assert states == {"facts": "finished", "odd": "failed", "text": "not begun"}
    names = [one["name"] for one in data(told, "step.started")]
    assert sorted(names) == ["facts", "odd", "odd (2)", "plan 1", "plan 2", "text"]
    (revised,) = data(told, "plan.revised")
    assert (revised["kept"], list(revised["because"]["failed"])) == (["facts"], ["odd"])


def test_what_can_change_something_is_not_tried_twice(sqlite_database: str) -> None:
    """A task that failed is repeated by itself only where nothing it can call changes anything."""
    runs: list[str] = []

    @tool(effect="idempotent", retries=0)
    def pay(ctx: Context) -> None:
        """Pay."""
        runs.append(ctx.execution.id)
        raise OSError("no line")

    ended, _ = carried_out(sqlite_database, trip(plan(task("pay", "pay", {})), tools=[pay], replans=0))
    assert (ended.status_reason, len(runs)) == ("TASK_FAILED", 1)


def test_a_failed_plan_keeps_what_is_done(sqlite_database: str) -> None:
    """The partial result has the finished tasks by id; the error says what failed and what did not begin."""
    made = plan(task("text"), task("odd", "researcher", "impossible"), task("last", asked={"$from": "odd"}))
    ended, _ = carried_out(sqlite_database, trip(made, replans=0))
    assert (ended.status_reason, ended.result) == ("TASK_FAILED", {"text": "text of it"})
    assert "task 'odd'" in str(ended.error)
    assert str(ended.error).endswith("Not begun: last")


def test_a_retry_by_hand_does_what_failed_anew(sqlite_database: str) -> None:
    """The finished tasks stay; those that failed begin again under keys of their own."""
    works: list[bool] = []

    def moody(conversation: Conversation) -> Reply:
        return Final("fine") if works else Call("cannot_complete", {"reason": "in a mood"})

    async def story(app: App) -> None:
        failed = await app.run("trip", "go", timeout_s=30)
        assert failed.status_reason == "TASK_FAILED"
        works.append(True)
        await app.retry(failed.id)
        ended = await app.resume(failed.id, timeout_s=30)
        assert ended.result == {"text": "text of it", "a": "fine", "b": "fine"}

    made = plan(task("text"), task("a", "moody"), task("b", "moody"))
    agents = [WRITER, Agent(name="moody", models=[moody])]
    play(sqlite_database, trip(made, agents=agents, tools=[], replans=0, retries=0), story)


def test_results_are_judged_before_anything_builds_on_them(sqlite_database: str) -> None:
    """By conditions of the plan, then by the author's function; what was said is recorded."""
    cheap = {"test": "at most", "path": "usd", "value": 150}
    dear = plan(task("price", "price_of", {"city": "Rome", "nights": 2}, checks=[cheap]), task("x", after=["price"]))
    ended, told = carried_out(sqlite_database, trip(dear, replans=0, retries=0))
    assert ended.result is None
    assert data(told, "task.judged")[0]["objection"] == "usd is 200.0, and was to be: at most 150"

    def check(task: Any, result: Any) -> str | None:
        return "too short" if task.use == "writer" else None

    ended, _ = carried_out(sqlite_database, trip(plan(task("text")), check=check, replans=0, retries=0))
    assert "task 'text': its result was refused: too short" in str(ended.error)


def test_a_reference_that_comes_to_nothing_fails_its_task(sqlite_database: str) -> None:
    """What the shape of a result does not say shows when it is there; the task does not begin."""
    made = plan(task("facts", "researcher", "Rome"), task("text", asked={"$from": "facts", "path": "sources.3"}))
    ended, told = carried_out(sqlite_database, trip(made, replans=0))
    assert "in the result of task 'facts' there is no 'sources.3': sources is a list of 1" in str(ended.error)
    assert "text" not in [one["name"] for one in data(told, "step.started")]


# --- limits


def limited(database: str, limits: Limits, **options: Any) -> Execution:
    made = plan(task("a"), task("b", after=["a"]), task("c", after=["b"]))
    return carried_out(database, trip(made, limits=limits, **options))[0]


def test_it_stops_at_limits_with_what_is_done(sqlite_database: str) -> None:
    """The reason is the limit, and the finished tasks are the partial result."""
    ended = limited(sqlite_database, Limits(steps=3))
    assert (ended.status_reason, ended.result) == ("MAX_STEPS_EXCEEDED", {"a": "text of it", "b": "text of it"})
    ended = limited(sqlite_database, Limits(steps=50, descendants=2))
    assert (ended.status_reason, ended.result) == ("MAX_DESCENDANTS_EXCEEDED", {"a": "text of it"})
    ended = limited(sqlite_database, Limits(steps=50, depth=0))
    assert (ended.status_reason, ended.result) == ("MAX_DEPTH_EXCEEDED", None)


def test_tasks_wait_for_what_others_hold(sqlite_database: str) -> None:
    """Where what is left is too little to be shared, one begins, and the others when it gives back what it held."""
    made = plan(*(task(name) for name in "abcdef"))
    ended, _ = carried_out(sqlite_database, trip(made, parallel=6, limits=Limits(steps=50, tokens=500)))
    assert (ended.status, len(ended.result)) == ("completed", 6)


# --- tools, teams, workflows


def test_a_task_that_is_a_tool_is_asked_about_as_any_call(database: str) -> None:
    """Its review rule, effect and key are those of a call; what people change is what runs."""
    booked: list[tuple[str, int]] = []

    @tool(effect="irreversible")
    def book(ctx: Context, city: str, nights: int) -> str:
        """Book it."""
        booked.append((city, nights))
        return f"{city} for {nights}"

    async def story(app: App) -> None:
        started = await app.start("trip", "go")
        async with app.worker():
            child = await child_of(app, started.id, "trip-book")
            question = await asked(app, child)
            assert (question.tool_name, question.arguments) == ("book", {"city": "Rome", "nights": 3})
            await app.decide(question.id, "approve", by="mia", edit={"city": "Rome", "nights": 2})
            ended = await app.wait(started.id, 30)
        assert (ended.result, booked) == ("Rome for 2", [("Rome", 2)])

    play(database, trip(plan(task("book", "book", {"city": "Rome", "nights": 3})), tools=[book]), story)


def test_a_refused_call_fails_its_task(sqlite_database: str) -> None:
    """The planning agent is told who refused it and why, and plans without."""

    @tool(effect="irreversible")
    def book(city: str) -> str:
        """Book it."""
        return city

    planner = trip(plan(task("book", "book", {"city": "Rome"})), plan(task("text")), tools=[book])

    async def story(app: App) -> None:
        started = await app.start("trip", "go")
        async with app.worker():
            question = await asked(app, await child_of(app, started.id, "trip-book"))
            await app.decide(question.id, "reject", by="mia", note="not Rome")
            ended = await app.wait(started.id, 30)
        assert ended.result == "text of it"

    play(sqlite_database, planner, story)
    assert "not Rome" in planner.asked[1]["tasks"][0]["error"]


async def child_of(app: App, execution_id: str, agent: str) -> str:
    """The execution of a task, once it has begun."""
    async for event in app.events(execution_id):
        if event.kind == "child.started" and event.data["agent"] == agent:
            return str(event.data["child_id"])
    raise AssertionError(agent)


def test_a_planner_works_wherever_an_agent_does(sqlite_database: str) -> None:
    """A supervisor gives it a task, a workflow a step, and another planner's plan uses it."""
    planner = trip(plan(task("text")))

    def lead(conversation: Conversation) -> Reply:
        if not conversation.calls:
            return Calls([Call("delegate_to_trip", {"input": "go"})])
        return Final(str(conversation.calls[0].result["result"]))

    @workflow
    async def flow(flow: Flow) -> str:
        return str(await flow.agent("plan it", planner, "go"))

    boss = Agent(name="boss", models=[lead], team=[planner])
    outer = Planner(name="outer", models=[lambda _: Final(plan(task("whole", "trip")))], agents=[planner])
    for agent, given in ((boss, "go"), (flow, None), (outer, "go")):
        ended, _ = carried_out(sqlite_database, agent, given)
        assert (ended.status, ended.result) == ("completed", "text of it"), agent.name


def test_cancelling_stops_all_of_it(sqlite_database: str) -> None:
    """What has not begun never does, and what works is cancelled with it."""

    @tool(effect="irreversible")
    def book() -> None:
        """Book it."""

    async def story(app: App) -> None:
        started = await app.start("trip", "go")
        async with app.worker():
            child = await child_of(app, started.id, "trip-book")
            await app.wait(child, 30)
            await app.cancel(started.id)
            ended = await app.wait(started.id, 30)
            assert (ended.status, (await app.wait(child, 30)).status) == ("cancelled", "cancelled")
        assert "text" not in [one["name"] for one in data(await journal(app, started.id), "step.started")]

    play(sqlite_database, trip(plan(task("b", "book", {}), task("text", after=["b"])), tools=[book]), story)


def test_a_planner_is_given_back_when_all_that_is_left_waits_for_people(database: str) -> None:
    """Whoever runs it hears of the questions below it, and goes on when they are answered."""

    @tool(effect="irreversible")
    def book(city: str) -> str:
        """Book it."""
        return city

    async def story(app: App) -> None:
        waiting = await app.run("trip", "go", timeout_s=30)
        assert (waiting.status, waiting.status_reason) == ("pending", "AGENTS")
        (question,) = await app.approvals(execution_id=waiting.id, below=True)
        await app.decide(question.id, "approve", by="mia")
        assert (await app.resume(waiting.id, timeout_s=30)).result == "text of it"

    play(
        database, trip(plan(task("book", "book", {"city": "Rome"}), task("text", after=["book"])), tools=[book]), story
    )


def test_a_call_holds_next_to_nothing_of_what_is_left(sqlite_database: str) -> None:
    """While people are asked about it, what may be spent is there for the other tasks."""
    made = plan(task("price", "price_of", {"city": "Rome"}), task("text"))
    _, told = carried_out(sqlite_database, trip(made, limits=Limits(steps=50, tokens=10_000, cost_usd=2)))
    held = {one["agent"]: one["ceiling"]["cost_usd"] for one in data(told, "child.started")}
    assert float(held["trip-price_of"]) == 0.001
    assert float(held["writer"]) > 0.8


def test_silence_is_a_no_that_ends_it(sqlite_database: str) -> None:
    """Nobody is there whose note could be planned with."""
    clock = LeapingClock()

    async def whole() -> None:
        async with App([trip(plan(task("text")), approve={"expires_s": 3_600})], sqlite_database, clock=clock) as app:
            waiting = await app.run("trip", "go", timeout_s=30)
            clock.leap(clock.now() + timedelta(hours=2))
            async with app.worker():
                told = [event async for event in app.events(waiting.id)]
            ended = await app.get(waiting.id)
        assert (ended.status_reason, data(told, "plan.refused")[0]["by"]) == ("PLAN_REJECTED", "nobody")
        assert ended.error == "The plan was not agreed to. Nobody answered in time."

    asyncio.run(whole())
