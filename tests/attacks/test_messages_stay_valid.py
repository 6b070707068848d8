"""Whatever a model writes, what it is sent next is a conversation that providers take."""

import asyncio
from pathlib import Path

import pytest

from holdfast import Agent, App, Call, Limits, Say, tool
from holdfast.testing.script import Raw
from holdfast.types import Execution
from tests.attacks.chaos import ID_STYLES, Chaos


@tool(effect="read")
async def look(order: str) -> str:
    """Look."""
    return order


@tool(effect="read")
async def hang(order: str) -> str:
    """Take too long."""
    raise TimeoutError


def app_with(path: Path, model: Chaos, **options: object) -> App:
    agent = Agent(**{"name": "clerk", "models": [model], "tools": [look], **options})
    return App([agent], str(path / "holdfast.db"))


async def decided(app: App, answer: str, **words: object) -> Execution:
    """Answer the one open question, and go on."""
    (question,) = await app.approvals()
    await app.decide(question.id, answer, by="ann", **words)
    return await app.resume(question.execution_id, timeout_s=20)


def play(app: App, story: object) -> object:
    async def whole() -> object:
        async with app:
            return await story(app)

    return asyncio.run(whole())


@pytest.mark.parametrize("ids", ID_STYLES)
def test_calls_named_alike_get_names_of_their_own(tmp_path: Path, ids: str) -> None:
    """Some models repeat the ids of their calls; providers refuse that in a history."""
    twice = Raw(calls=[("look", '{"order": "1"}'), ("look", '{"order": "2"}')])
    model = Chaos([twice, Call("look", {"order": "3"}), Say("done")], ids=ids)
    ended = app_with(tmp_path, model).run_sync("clerk", "go", timeout_s=20)
    assert (ended.status, model.faults) == ("completed", [])


@pytest.mark.parametrize("name", ["", "functions.look", "\x00", "\ud800", "n" * 200])
def test_names_that_no_provider_takes_are_sent_back_in_another_spelling(tmp_path: Path, name: str) -> None:
    """A made-up tool name is answered, and does not poison the rest of the conversation."""
    model = Chaos([Raw(calls=[(name, "{}")]), Say("done")])
    ended = app_with(tmp_path, model).run_sync("clerk", "go", timeout_s=20)
    assert (ended.status, model.faults) == ("completed", [])


@pytest.mark.parametrize("on_failure", ["fail", "review"])
def test_retrying_one_that_gave_up_finds_a_whole_conversation(tmp_path: Path, on_failure: str) -> None:
    """An agent that said it cannot complete goes on when somebody retries it."""
    gave_up = Raw(calls=[("look", '{"order": "1"}'), ("cannot_complete", '{"reason": "no"}')])
    model = Chaos([gave_up, Say("done after all")])

    async def story(app: App) -> Execution:
        first = await app.run("clerk", "go", timeout_s=20)
        if first.status == "awaiting_review":
            first = await decided(app, "reject")
        assert (first.status, first.status_reason) == ("failed", "CANNOT_COMPLETE")
        await app.retry(first.id)
        return await app.resume(first.id, timeout_s=20)

    ended = play(app_with(tmp_path, model, on_failure=on_failure), story)
    assert (ended.status, ended.result, model.faults) == ("completed", "done after all", [])


def test_guidance_comes_after_the_results_of_the_calls_under_way(tmp_path: Path) -> None:
    """A person's words about a step that took too long do not stand between a call and its result."""

    @tool(effect="read", retries=0)
    async def slow() -> str:
        await asyncio.Event().wait()
        return "never"

    @tool(effect="idempotent")
    async def move() -> str:
        return "moved"

    model = Chaos([Raw(calls=[("slow", "{}"), ("move", "{}")]), Say("done")])

    async def story(app: App) -> Execution:
        assert (await app.run("clerk", "go", timeout_s=20)).status_reason == "STEP_TIMEOUT"
        return await decided(app, "approve", note="go on without it")

    limits = Limits(step_timeout_s=0.2)
    ended = play(app_with(tmp_path, model, tools=[slow, move], on_failure="review", limits=limits), story)
    assert (ended.status, model.faults) == ("completed", [])


@pytest.mark.parametrize("arguments", ['{"order": ' + "[" * 300 + "]" * 300 + "}", '{"order": 1' + "0" * 5000 + "}"])
def test_json_that_nobody_can_read_is_answered(tmp_path: Path, arguments: str) -> None:
    """Too deep, too many digits: the model is told, and the activation lives."""
    model = Chaos([Raw(calls=[("look", arguments)]), Say("done")])
    ended = app_with(tmp_path, model).run_sync("clerk", "go", timeout_s=20)
    assert (ended.status, ended.tool_calls[0].status) == ("completed", "failed")
