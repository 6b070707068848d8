"""Review rules over final results."""

import asyncio

import pytest
from pydantic import BaseModel

from holdfast import Agent, App, Conversation, Limits, ask_always, ask_below_confidence
from holdfast.errors import InvalidArguments
from holdfast.testing import Final, Say
from holdfast.trail import events as kinds
from holdfast.types import Execution, Reply
from tests.loop.desk import World


class Resolution(BaseModel):
    answer: str
    confidence: float


def unsure(conversation: Conversation) -> Reply:
    """Answers with little confidence, and better once it was told something."""
    told = [note for note in conversation.notes if "not accepted" in note]
    return Final({"answer": told[-1] if told else "maybe", "confidence": 0.9 if told else 0.4})


def app(world: World, model=unsure, **options) -> App:
    options = {"output": Resolution, "review": ask_below_confidence(0.7), "limits": Limits(steps=5)} | options
    return App([Agent(name="clerk", models=[model], **options)], str(world.path / "holdfast.db"))


async def parked(app: App) -> tuple[Execution, str]:
    execution = await app.run("clerk", "Is it so?", timeout_s=30)
    assert execution.status == "awaiting_review", execution
    [asked] = await app.approvals()
    assert (asked.kind, asked.tool_name, asked.arguments) == ("result", None, {"answer": "maybe", "confidence": 0.4})
    assert asked.reason == "confidence is 0.4, below 0.7"
    return execution, asked.id


def test_an_approved_result_completes(world: World):
    """What a person agreed to is the result, used once."""

    async def story(app: App):
        execution, asked = await parked(app)
        await app.decide(asked, "approve", by="Ada")
        ended = await app.resume(execution.id, timeout_s=30)
        assert (ended.status, ended.result) == ("completed", {"answer": "maybe", "confidence": 0.4})
        assert (await app.approvals(None))[0].consumed_at is not None

    world.play(app(world), story)


def test_a_corrected_result_is_the_result(world: World):
    """A person's own wording completes the execution, and stays as feedback."""

    async def story(app: App):
        execution, asked = await parked(app)
        with pytest.raises(InvalidArguments, match="confidence"):
            await app.decide(asked, "approve", by="Ada", edit={"answer": "yes"})
        await app.decide(asked, "approve", by="Ada", edit={"answer": "yes", "confidence": 1})
        ended = await app.resume(execution.id, timeout_s=30)
        assert (ended.status, ended.result) == ("completed", {"answer": "yes", "confidence": 1.0})
        [feedback] = await app.feedback()
        assert (feedback.kind, feedback.should_be) == ("result", {"answer": "yes", "confidence": 1.0})

    world.play(app(world), story)


def test_a_rejected_result_goes_back_to_the_model_with_the_note(world: World):
    """The model reads why, and its next result is judged anew."""

    async def story(app: App):
        execution, asked = await parked(app)
        await app.decide(asked, "reject", by="Ada", note="look it up")
        ended = await app.resume(execution.id, timeout_s=30)
        assert ended.status == "completed"
        assert ended.result["answer"] == "Your result was not accepted. Ada said no: look it up"

    world.play(app(world), story)


def test_silence_about_a_result_is_a_no_with_a_name(world: World):
    """Nobody answered: the execution fails, says so, and keeps what was proposed."""
    rule = ask_below_confidence(0.7, reviewers="finance", expires_s=0.2)

    async def story(app: App):
        execution, _ = await parked(app)
        async with app.worker():
            while (await app.get(execution.id)).status != "failed":  # noqa: ASYNC110 - time decides
                await asyncio.sleep(0.02)
        ended = await app.get(execution.id)
        assert (ended.status_reason, ended.result) == ("RESULT_REJECTED", {"answer": "maybe", "confidence": 0.4})
        assert "finance were asked" in ended.error
        retried = await app.retry(execution.id)
        assert (await app.resume(retried.id, timeout_s=30)).status == "completed"

    world.play(app(world, review=rule), story)


def test_a_no_between_the_yes_and_its_use_wins(world: World):
    """The yes is withdrawn before a worker came to it: the model hears the no."""

    async def story(app: App):
        execution, asked = await parked(app)
        await app.decide(asked, "approve", by="Ada")
        await app.decide(asked, "reject", by="Bob", note="wait")
        ended = await app.resume(execution.id, timeout_s=30)
        assert "Bob said no: wait" in ended.result["answer"]

    world.play(app(world), story)


def test_a_sure_result_needs_nobody_and_is_on_record(world: World):
    """The rule's answer stands in the journal also where it lets the result pass."""

    async def story(app: App):
        ended = await app.run("clerk", "Is it so?", timeout_s=30)
        assert ended.status == "completed"
        found = [event async for event in app.events(ended.id, follow=False) if event.kind == kinds.RESULT_PROPOSED]
        assert [event.data["decision"]["verdict"] for event in found] == ["allow"]

    def sure(_: Conversation) -> Reply:
        return Final({"answer": "yes", "confidence": 0.8})

    world.play(app(world, sure), story)


def test_the_words_of_a_text_agent_are_reviewed_too(world: World):
    """Plain text is asked about as it stands, and may be corrected as text."""

    async def story(app: App):
        execution = await app.run("clerk", "Write it.", timeout_s=30)
        [asked] = await app.approvals()
        assert asked.arguments == "Dear Sir"
        await app.decide(asked.id, "approve", by="Ada", edit="Dear Madam")
        assert (await app.resume(execution.id, timeout_s=30)).result == "Dear Madam"

    world.play(app(world, lambda _: Say("Dear Sir"), output=str, review=ask_always), story)


def test_a_model_that_never_learns_is_bounded(world: World):
    """Rejections go on only as long as the limits allow."""

    async def story(app: App):
        execution = await app.run("clerk", "Write it.", timeout_s=30)
        while execution.status == "awaiting_review":
            [asked] = await app.approvals()
            await app.decide(asked.id, "reject", by="Ada", note="no")
            execution = await app.resume(execution.id, timeout_s=30)
        assert (execution.status, execution.status_reason) == ("failed", "MAX_STEPS_EXCEEDED")

    world.play(app(world, lambda _: Say("Dear Sir"), output=str, review=ask_always, limits=Limits(steps=3)), story)


def test_a_crash_while_a_result_waits_changes_nothing(world: World):
    """Another process, which knows only the journal, completes with what was agreed to."""

    async def asking(app: App):
        execution, asked = await parked(app)
        await app.decide(asked, "approve", by="Ada")
        return execution.id

    identity = world.play(app(world), asking)
    ended = world.play(app(world), lambda app: app.resume(identity, timeout_s=30))
    assert (ended.status, ended.result["answer"]) == ("completed", "maybe")
