"""Incident 22: a tool changes under the agent: the pinned schema no longer matches."""

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast import Agent, App, Context, Conversation, tool
from holdfast.testing import Call, Say
from holdfast.types import OnChange, Reply
from tests.incidents.desk import ledger_in
from tests.incidents.place import Place


def asks(conversation: Conversation) -> Reply:
    """One e-mail, then the end."""
    return Say("done") if conversation.calls else Call("send", {"to": "a@b.c"})


def agent(folder: Path, function: Callable, policy: OnChange = "review") -> Agent:
    """The agent with this version of the tool."""
    send = tool(effect="irreversible", name="send", on_change=policy)(function)
    return Agent(name="clerk", models=[asks], tools=[send], deps=folder)


def before(ctx: Context[Path], to: str) -> str:
    """Send."""
    return note(ctx, to=to)


def with_default(ctx: Context[Path], to: str, copy_to: str = "boss@b.c") -> str:
    """Send, with a copy."""
    return note(ctx, to=to, copy_to=copy_to)


def with_required(ctx: Context[Path], to: str, subject: str) -> str:
    """Send, with a subject."""
    return note(ctx, to=to, subject=subject)


def note(ctx: Context[Path], **args: str) -> str:
    """The effect."""
    ledger_in(ctx.deps).record(ctx.idempotency_key, "send", args)
    return "sent"


def approved(place: Place, policy: OnChange = "review") -> str:
    """An execution whose call was approved before the deploy, and is parked still."""

    async def story(app: App) -> str:
        parked = await app.run("clerk", "write")
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="Ada")
        return parked.id

    return place.play(story, place.app(agent(place.folder, before, policy)))


def test_an_approved_call_is_asked_again(place: Place):
    """A tool changes under the agent: the old yes is not used; what would run now is asked, and runs once."""
    identity = approved(place)

    async def deployed(app: App) -> None:
        assert (await app.resume(identity)).status == "awaiting_review"
        [again] = await app.approvals()
        assert (again.kind, again.tool_name) == ("call", "send")
        assert again.arguments == {"to": "a@b.c", "copy_to": "boss@b.c"}
        assert (place.did(), "changed" in again.reason) == ([], True)
        await app.decide(again.id, "approve", by="Bob")
        assert (await app.resume(identity)).status == "completed"

    place.play(deployed, place.app(agent(place.folder, with_default)))
    assert [effect.args for effect in place.ledger.effects()] == [{"to": "a@b.c", "copy_to": "boss@b.c"}]


def test_arguments_that_no_longer_fit_need_an_edit(place: Place):
    """A tool changes under the agent: a call that does not fit it any more runs only as a person writes it."""
    identity = approved(place)

    async def deployed(app: App) -> None:
        for _ in range(2):  # a bare yes to it changes nothing
            assert (await app.resume(identity)).status == "awaiting_review"
            [again] = await app.approvals()
            assert "subject" in again.reason
            await app.decide(again.id, "approve", by="Bob")
        assert (await app.resume(identity)).status == "awaiting_review"
        [again] = await app.approvals()
        await app.decide(again.id, "approve", by="Bob", edit={"to": "a@b.c", "subject": "hello"})
        assert (await app.resume(identity)).status == "completed"

    place.play(deployed, place.app(agent(place.folder, with_required)))
    assert [effect.args for effect in place.ledger.effects()] == [{"to": "a@b.c", "subject": "hello"}]


@pytest.mark.parametrize(("policy", "status", "times"), [("continue", "completed", 1), ("fail", "failed", 0)])
def test_a_tool_may_declare_otherwise(place: Place, policy: OnChange, status: str, times: int):
    """A tool changes under the agent: `on_change` says whether the yes still holds or the execution ends."""
    identity = approved(place, policy)
    app = place.app(agent(place.folder, with_default, policy))
    ended = place.play(lambda app: app.resume(identity), app)
    assert (ended.status, len(place.did())) == (status, times)
    assert (ended.status_reason == "TOOL_CHANGED") == (policy == "fail")


def test_a_tool_that_is_gone_runs_nothing(place: Place):
    """A tool changes under the agent: one that a deploy removed is never run, and the execution does not get stuck."""
    identity = approved(place)
    app = place.app(Agent(name="clerk", models=[asks], deps=place.folder))

    async def deployed(app: App) -> str:
        parked = await app.resume(identity)
        for asked in await app.approvals():
            await app.decide(asked.id, "approve", by="Bob")
            parked = await app.resume(identity)
        return parked.status

    assert place.play(deployed, app) == "completed"
    assert place.did() == []
