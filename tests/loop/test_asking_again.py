"""A deploy between an answer and its use: people are asked again, about what they agreed to."""

import asyncio
from pathlib import Path

import pytest

from holdfast import Agent, App, Call, Say, tool
from holdfast.testing import ScriptedModel
from holdfast.types import Approval, Execution, Json

MODEL = [Call("send", {"to": "bob"}), Say("done")]


def app_of(path: Path, send: object) -> App:
    return App([Agent(name="clerk", models=[ScriptedModel(MODEL)], tools=[send])], str(path / "holdfast.db"))


def before(path: Path) -> App:
    @tool(effect="irreversible")
    async def send(to: str) -> str:
        """Send."""
        raise AssertionError("it was asked about, and never agreed to")

    return app_of(path, send)


def after(path: Path, ran: list[tuple[str, bool]], *, on_change: str = "review") -> App:
    @tool(effect="irreversible", on_change=on_change)
    async def send(to: str, urgent: bool = False) -> str:
        """Send, perhaps at once."""
        ran.append((to, urgent))
        return "sent"

    return app_of(path, send)


async def edited(path: Path, edit: Json) -> str:
    """An execution whose call was approved with other arguments, before the deploy."""
    async with before(path) as app:
        asked = await app.run("clerk", "go", timeout_s=20)
        (question,) = await app.approvals()
        await app.decide(question.id, "approve", by="Ada", edit=edit)
        return asked.id


async def next_question(app: App, execution_id: str) -> Approval:
    """The question about the call, behind the one about the changed tool."""
    await app.resume(execution_id, timeout_s=20)
    (question,) = await app.approvals()
    if question.kind == "change":
        await app.decide(question.id, "approve", by="Ada")
        return await next_question(app, execution_id)
    return question


@pytest.mark.parametrize(("edit", "ran"), [(None, "carol"), ({"to": "dora"}, "dora")])
def test_an_edit_is_asked_about_again_as_it_was_edited(tmp_path: Path, edit: Json, ran: str):
    """The new question shows the edit as the new tool reads it; a yes to it runs exactly that, once."""
    did: list[tuple[str, bool]] = []

    async def story() -> Execution:
        execution_id = await edited(tmp_path, {"to": "carol"})
        async with after(tmp_path, did) as app:
            question = await next_question(app, execution_id)
            assert question.arguments == {"to": "carol", "urgent": False}
            await app.decide(question.id, "approve", by="Ada", edit=edit)
            return await app.resume(execution_id, timeout_s=20)

    ended = asyncio.run(story())
    assert (ended.status, did) == ("completed", [(ran, False)])
    assert ended.tool_calls[0].tool_input == {"to": ran, "urgent": False}


def test_an_edit_goes_on_where_a_change_does_not_matter(tmp_path: Path):
    """With `on_change="continue"` nobody is asked twice."""
    did: list[tuple[str, bool]] = []

    async def story() -> Execution:
        execution_id = await edited(tmp_path, {"to": "carol"})
        async with after(tmp_path, did, on_change="continue") as app:
            return await app.resume(execution_id, timeout_s=20)

    assert asyncio.run(story()).status == "completed"
    assert did == [("carol", False)]


def test_a_call_with_a_secret_for_a_key_can_be_agreed_to(tmp_path: Path):
    """What people are shown is what they are asked about, however often it was searched for secrets."""
    ran: list[object] = []

    @tool(effect="irreversible")
    async def send(to: dict[str, object]) -> str:
        """Send."""
        ran.append(to)
        return "sent"

    async def story() -> Execution:
        given = {"to": {"sk-proj-" + "Ab1" * 10: {"password": "hunter22"}}}
        agent = Agent(name="clerk", models=[ScriptedModel([Call("send", given), Say("done")])], tools=[send])
        async with App([agent], str(tmp_path / "holdfast.db")) as app:
            asked = await app.run("clerk", "go", timeout_s=20)
            (question,) = await app.approvals()
            await app.decide(question.id, "approve", by="Ada")
            return await app.resume(asked.id, timeout_s=20)

    ended = asyncio.run(story())
    assert ended.status == "completed"
    assert ran == [{"[redacted:api_key]": {"password": "[redacted:password]"}}]
