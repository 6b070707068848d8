"""Incident 8: the arguments change after the approval."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from holdfast import Agent, App, Context, Conversation, tool
from holdfast.testing import Call, Say
from holdfast.types import Reply
from tests.incidents.desk import call, ledger_in, to_do
from tests.incidents.place import Place, events_of


def cashier(folder: Path, read: Callable[[int], int]) -> Agent:
    """Refunds 5, as the tool's validator reads that: of which there is no trace in the schema."""
    rounded = Annotated[int, AfterValidator(read)]

    @tool(effect="irreversible")
    def refund(ctx: Context[Path], amount: rounded) -> str:
        """Refund."""
        ledger_in(ctx.deps).record(ctx.idempotency_key, "refund", {"amount": amount})
        return "refunded"

    def ask(conversation: Conversation) -> Reply:
        return Say("done") if conversation.calls else Call("refund", {"amount": 5})

    return Agent(name="clerk", models=[ask], tools=[refund], deps=folder)


def test_a_deploy_that_reads_them_differently_asks_again(place: Place):
    """The arguments change after the approval: what would run now is shown, and only that yes counts."""

    async def approved(app: App) -> str:
        parked = await app.run("clerk", "refund it")
        [asked] = await app.approvals()
        assert asked.arguments == {"amount": 5}
        await app.decide(asked.id, "approve", by="Ada")
        return parked.id

    async def deployed(app: App) -> None:
        parked = await app.resume(identity)
        assert (parked.status, place.did()) == ("awaiting_review", [])
        [again] = await app.approvals()
        assert again.arguments == {"amount": 50}
        assert "not the ones that were approved" in again.reason
        await app.decide(again.id, "approve", by="Bob")
        assert (await app.resume(identity)).status == "completed"

    identity = place.play(approved, place.app(cashier(place.folder, lambda amount: amount)))
    place.play(deployed, place.app(cashier(place.folder, lambda amount: max(amount, 50))))
    assert [effect.args for effect in place.ledger.effects()] == [{"amount": 50}]


def test_arguments_that_change_at_each_reading_never_run(place: Place):
    """What is shown is what runs: a validator that changes its own output is refused before anybody is asked."""
    app = place.app(cashier(place.folder, lambda amount: amount * 100))
    ended = place.play(lambda app: app.run("clerk", "refund it"), app)
    assert (ended.status, ended.tool_calls[0].status, place.did()) == ("completed", "failed", [])
    assert "500" in ended.tool_calls[0].error
    assert "50000" in ended.tool_calls[0].error


def test_the_same_tool_with_other_arguments_is_another_question(place: Place):
    """The arguments change after the approval: a yes to one call is no yes to the next one."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", to_do(call("send", "1"), call("send", "2")))
        [first] = await app.approvals()
        await app.decide(first.id, "approve", by="Ada")
        assert (await app.resume(parked.id)).status == "awaiting_review"
        [second] = await app.approvals()
        assert (second.arguments["order"], place.did()) == ("2", ["send"])
        await app.decide(second.id, "reject", by="Ada")
        assert (await app.resume(parked.id)).status == "completed"

    place.play(story)
    assert place.did() == ["send"]


def test_an_approval_whose_row_was_changed_lets_nothing_run(place: Place):
    """The arguments change after the approval: a yes moved to other arguments in the database is not used."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", to_do(call("send")))
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="Ada")
        place.sql(f"UPDATE agent_approvals SET digest = '{'0' * 64}' WHERE id = '{asked.id}'")
        held = await app.resume(parked.id)
        assert (held.status, place.did()) == ("awaiting_review", [])
        [again] = await app.approvals()
        await app.decide(again.id, "approve", by="Ada")
        assert (await app.resume(parked.id)).status == "completed"
        assert "call.ended" in [event.kind for event in await events_of(app, parked.id)]

    place.play(story)
    assert place.did() == ["send"]
