"""Approvals under attack: nobody gets more, or other, than was shown and agreed to."""

import sqlite3
from pathlib import Path

import pytest

from holdfast import Agent, App, Call, Context, Say, tool
from holdfast.errors import HoldfastError, InvalidArguments, JournalBroken, UsageError
from holdfast.testing import ScriptedModel
from holdfast.types import Decision, Execution
from tests.attacks.test_messages_stay_valid import decided, play

SECRET = "sk-abcdefghijklmnop1234567890"


def shop(path: Path, ran: list[str], *, review: object = None) -> App:
    """An app whose agent sends one message and ends."""

    @tool(effect="irreversible", review=review)
    async def send(ctx: Context, to: str) -> str:
        """Send."""
        ran.append(to)
        return "sent"

    model = ScriptedModel([Call("send", {"to": "bob"}), Say("done")])
    return App([Agent(name="clerk", models=[model], tools=[send])], str(path / "holdfast.db"))


def asked_and_answered(path: Path, answer: str, **words: object) -> tuple[Execution, list[str]]:
    ran: list[str] = []

    async def story(app: App) -> Execution:
        await app.run("clerk", "go", timeout_s=20)
        return await decided(app, answer, **words)

    return play(shop(path, ran), story), ran


def test_an_edit_with_a_secret_runs_as_it_is_recorded(tmp_path: Path) -> None:
    """What a person edits is redacted before it is agreed to, so that the agreement holds."""
    ended, ran = asked_and_answered(tmp_path, "approve", edit={"to": SECRET})
    assert (ended.status, ran) == ("completed", ["[redacted:api_key]"])


@pytest.mark.parametrize("edit", [[1], "x", 0, {}, {"to": 3, "cc": 1}, {"to": object()}, {"to": {}}])
def test_an_edit_that_does_not_fit_is_refused_and_decides_nothing(tmp_path: Path, edit: object) -> None:
    """The person is told, and the question stays open."""

    async def story(app: App) -> str:
        await app.run("clerk", "go", timeout_s=20)
        (question,) = await app.approvals()
        with pytest.raises(InvalidArguments):
            await app.decide(question.id, "approve", by="ann", edit=edit)
        return (await app.approvals())[0].status

    assert play(shop(tmp_path, []), story) == "open"


@pytest.mark.parametrize("by", [None, "", "  ", 5])
def test_nobody_decides_cancels_or_retries_anonymously(tmp_path: Path, by: object) -> None:
    """The record says who."""

    async def story(app: App) -> None:
        execution = await app.run("clerk", "go", timeout_s=20)
        (question,) = await app.approvals()
        for verb in (app.decide(question.id, "approve", by=by), app.cancel(execution.id, by=by),
                     app.retry(execution.id, by=by)):  # fmt: skip
            with pytest.raises(UsageError, match="names nobody"):
                await verb

    play(shop(tmp_path, []), story)


def test_a_changed_row_cannot_be_approved(tmp_path: Path) -> None:
    """What a person is shown is what was asked about: a row that somebody changed is refused."""
    ran: list[str] = []

    async def story(app: App) -> Execution:
        await app.run("clerk", "go", timeout_s=20)
        with sqlite3.connect(tmp_path / "holdfast.db") as database:
            database.execute("UPDATE agent_approvals SET arguments = replace(arguments, 'bob', 'bab')")
        with pytest.raises(JournalBroken, match="somebody changed"):
            await decided(app, "approve")
        return await decided(app, "reject", note="odd")

    assert play(shop(tmp_path, ran), story).status == "completed"
    assert ran == []


@pytest.mark.parametrize(
    "column", ["digest = '0'", "status = 'open'", "consumed_at = decided_at", "schema_hash = '0'", "edit_digest = '0'"]
)
def test_a_changed_answer_runs_nothing_that_was_not_agreed_to(tmp_path: Path, column: str) -> None:
    """An answer that somebody changed in the database is asked for again, or runs what the journal says."""
    ran: list[str] = []

    async def story(app: App) -> Execution:
        execution = await app.run("clerk", "go", timeout_s=20)
        (question,) = await app.approvals()
        await app.decide(question.id, "approve", by="ann", edit={"to": "carol"})
        with sqlite3.connect(tmp_path / "holdfast.db") as database:
            database.execute(f"UPDATE agent_approvals SET {column}")
        return await app.resume(execution.id, timeout_s=20)

    found = play(shop(tmp_path, ran), story)
    assert (found.status, ran) in [("awaiting_review", []), ("completed", ["carol"])]


@pytest.mark.parametrize("verdict", ["denied", "", None, "ALLOW"])
def test_a_verdict_that_is_none_asks(tmp_path: Path, verdict: object) -> None:
    """A rule that answers nonsense lets nothing through."""
    ran: list[str] = []
    app = shop(tmp_path, ran, review=lambda proposal: Decision(verdict=verdict, gate="mine"))
    assert app.run_sync("clerk", "go", timeout_s=20).status == "awaiting_review"
    assert ran == []


@pytest.mark.parametrize("risk", [float("nan"), float("inf"), -3, "high", None])
def test_a_risk_that_is_no_number_between_0_and_1_does_no_harm(tmp_path: Path, risk: object) -> None:
    """A rule's slip ends in a question, not in a broken activation."""
    app = shop(tmp_path, [], review=lambda proposal: Decision(verdict="review", gate="mine", risk=risk))
    assert app.run_sync("clerk", "go", timeout_s=20).status == "awaiting_review"


@pytest.mark.parametrize(("rewritten", "status", "sent"), [
    ({"to": "carol"}, "completed", ["carol"]), ({"cc": 1}, "awaiting_review", []), (None, "awaiting_review", []),
])  # fmt: skip
def test_what_a_rule_rewrites_is_what_runs(tmp_path: Path, rewritten: object, status: str, sent: list[str]) -> None:
    """A rewrite is checked like any call, and asked about if it does not fit."""
    ran: list[str] = []
    rule = lambda proposal: Decision(verdict="rewrite", gate="mine", rewritten=rewritten)  # noqa: E731
    found = shop(tmp_path, ran, review=rule).run_sync("clerk", "go", timeout_s=20)
    assert (found.status, ran) == (status, sent)
    if sent:
        assert found.tool_calls[0].tool_input == rewritten


def test_a_wrong_kind_of_answer_is_refused(tmp_path: Path) -> None:
    """Answers to other questions decide nothing."""

    async def story(app: App) -> None:
        await app.run("clerk", "go", timeout_s=20)
        (question,) = await app.approvals()
        for answer in ("answer", "happened", "run", "skip", "yes", None, True):
            with pytest.raises(HoldfastError, match="does not answer"):
                await app.decide(question.id, answer, by="ann", note="x")

    play(shop(tmp_path, []), story)
