"""People in the loop: who may decide, standing yeses, what is learned from corrections."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast import Agent, App, Conversation, Limits, ask_above, tool
from holdfast.config import Settings
from holdfast.errors import AlreadyDecided, NotEntitled
from holdfast.testing import Call, Calls, Say
from holdfast.trail import events as kinds
from holdfast.types import Json, Reply

PEOPLE = {"ada": {"groups": ["finance"]}, "bob": {"groups": ["finance", "lead"]}, "eve": {"groups": ["support"]}}


class Desk:
    """An agent that refunds what its input says, one call after another."""

    def __init__(self, path: Path, **rule: object) -> None:
        self.path, self.paid = path, []

        @tool(effect="irreversible", review=ask_above(100, **rule))
        def refund(amount: Decimal, order: str = "7") -> str:
            """Refund."""
            self.paid.append(amount)
            return "refunded"

        self.tools = [refund]

    def app(self, people: dict | None = None, **options: object) -> App:
        settings = Settings(people=PEOPLE if people is None else people, **options.pop("settings", {}))
        agent = Agent(name="cashier", models=[self.model], tools=self.tools, limits=Limits(repeats=50), **options)
        return App([agent], str(self.path / "holdfast.db"), settings=settings)

    @staticmethod
    def model(conversation: Conversation) -> Reply:
        amounts = conversation.input["amounts"]
        done = len(conversation.calls)
        if done < len(amounts):
            return Calls([Call("refund", {"amount": amount}) for amount in amounts[done]])
        return Say(" / ".join([*conversation.notes, *(str(call.result) for call in conversation.calls)]))

    def play(self, story, app: App | None = None) -> object:
        async def whole() -> object:
            async with app or self.app() as opened, asyncio.timeout(60):
                return await story(opened)

        return asyncio.run(whole())


def asking(*amounts: int, words: str = "Refund it") -> Json:
    """An input with one call a turn."""
    return {"amounts": [[amount] for amount in amounts], "words": words}


async def kinds_of(app: App, identity: str) -> list[str]:
    return [event.kind async for event in app.events(identity, follow=False)]


# --- who may decide


def test_only_the_group_that_is_asked_may_decide(tmp_path: Path):
    """Somebody of another group is told who may; a member decides."""
    desk = Desk(tmp_path, reviewers="finance")

    async def story(app: App):
        parked = await app.run("cashier", asking(120))
        [asked] = await app.approvals()
        for answer in ("approve", "reject"):
            with pytest.raises(NotEntitled, match="eve is not in finance, which is asked: ada or bob may decide"):
                await app.decide(asked.id, answer, by="eve", note="no")
        await app.decide(asked.id, "approve", by="Ada")
        assert (await app.resume(parked.id)).status == "completed"

    desk.play(story)
    assert desk.paid == [120]


def test_without_configured_people_everybody_may_decide(tmp_path: Path):
    """On a laptop nobody has to configure anything."""
    desk = Desk(tmp_path, reviewers="finance")

    async def story(app: App):
        await app.run("cashier", asking(120))
        [asked] = await app.approvals()
        assert (await app.decide(asked.id, "approve", by="whoever")).status == "approved"

    desk.play(story, desk.app(people={}))


@pytest.mark.parametrize("by", ["mia", "Mia"])
def test_nobody_agrees_to_their_own_request(tmp_path: Path, by: str):
    """The user who asked may say no, but not yes; somebody else must."""
    desk = Desk(tmp_path)

    async def story(app: App):
        await app.run("cashier", asking(120), user="mia")
        [asked] = await app.approvals()
        assert asked.requested_by == "mia"
        with pytest.raises(NotEntitled, match="somebody else has to agree"):
            await app.decide(asked.id, "approve", by=by)
        assert (await app.decide(asked.id, "reject", by=by)).status == "rejected"

    desk.play(story)


def test_a_setting_lets_people_agree_to_their_own_requests(tmp_path: Path):
    """`allow_self_approval` is for those who work alone."""
    desk = Desk(tmp_path)

    async def story(app: App):
        await app.run("cashier", asking(120), user="mia")
        [asked] = await app.approvals()
        assert (await app.decide(asked.id, "approve", by="mia")).status == "approved"

    desk.play(story, desk.app(settings={"allow_self_approval": True}))


def test_a_late_answer_is_told_that_it_is_late(tmp_path: Path):
    """Who may not decide and comes late hears what happened, not about rights."""
    desk = Desk(tmp_path, reviewers="finance")

    async def story(app: App):
        await app.run("cashier", asking(120))
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="ada")
        with pytest.raises(AlreadyDecided, match="approved by ada"):
            await app.decide(asked.id, "approve", by="eve")

    desk.play(story)


def test_people_asked_again_are_the_same_people(tmp_path: Path):
    """Where rights were lost meanwhile, the new question goes to the same group with the same quorum."""
    desk = Desk(tmp_path, reviewers="finance", quorum=2, remind_s=600)

    async def agree(app: App):
        parked = await app.run("cashier", asking(120))
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="ada")
        await app.decide(asked.id, "approve", by="bob")
        return parked.id

    async def later(app: App):
        assert (await app.resume(identity)).status == "awaiting_review"
        [again] = await app.approvals()
        assert (again.reviewers, again.quorum, len(again.ladder)) == ("finance", 2, 1)
        assert "bob is not in finance" in again.reason

    identity = desk.play(agree)
    desk.play(later, desk.app(people={"ada": {"groups": ["finance"]}, "bob": {"groups": []}}))
    assert desk.paid == []


# --- standing yeses


def test_a_grant_lets_calls_within_its_bounds_run(tmp_path: Path):
    """Within bounds nobody is asked, each use is counted and on the record; beyond them people are asked."""
    desk = Desk(tmp_path)

    async def story(app: App):
        bounds = ["amount<=150"]
        grant = await app.grant("refund", by="ada", why="sale", for_s=60, uses=5, agent="cashier", bounds=bounds)
        parked = await app.run("cashier", asking(120, 150, 151))
        assert (parked.status, desk.paid) == ("awaiting_review", [120, 150])
        [left] = await app.grants()
        assert (left.id, left.used) == (grant.id, 2)
        decided = [e async for e in app.events(parked.id, follow=False) if e.kind == kinds.CALL_DECIDED]
        assert [event.data["decision"]["gate"] for event in decided] == ["grant", "grant", "review_rule"]
        assert grant.id in decided[0].data["decision"]["reason"]

    desk.play(story)


def test_a_grant_that_is_used_up_asks(tmp_path: Path):
    """The use after the last one is a question, although the grant was still shown as good a moment before."""
    desk = Desk(tmp_path)

    async def story(app: App):
        await app.grant("refund", by="ada", why="sale", for_s=60, uses=1)
        parked = await app.run("cashier", {"amounts": [[120, 130]]})
        assert (parked.status, desk.paid) == ("awaiting_review", [])
        asked = await app.approvals()
        assert [item.arguments["amount"] for item in asked] == ["120", "130"]
        assert all("used up" in item.reason for item in asked)
        for item in asked:
            await app.decide(item.id, "approve", by="bob")
        assert (await app.resume(parked.id)).status == "completed"
        assert [grant.used for grant in await app.grants()] == [0]

    desk.play(story)
    assert desk.paid == [120, 130]


def test_a_revoked_grant_covers_nothing(tmp_path: Path):
    """From then on people are asked again."""
    desk = Desk(tmp_path)

    async def story(app: App):
        grant = await app.grant("refund", by="ada", why="sale", for_s=60, uses=9)
        await app.revoke(grant.id, by="bob", why="enough")
        assert await app.grants() == []
        assert (await app.run("cashier", asking(120))).status == "awaiting_review"

    desk.play(story)


@pytest.mark.parametrize("rule", [{"reviewers": "lead"}, {"quorum": 2}], ids=["other group", "two people"])
def test_a_grant_is_no_more_than_its_givers_own_yes(tmp_path: Path, rule: dict):
    """It stands neither for a group its giver is not in, nor for two people."""
    desk = Desk(tmp_path, **rule)

    async def story(app: App):
        await app.grant("refund", by="ada", why="sale", for_s=60, uses=9)
        assert (await app.run("cashier", asking(120))).status == "awaiting_review"

    desk.play(story)


# --- alike


def test_alike_questions_are_decided_together_and_singly(tmp_path: Path):
    """One answer for all that ask the same sort of thing; what was decided meanwhile is reported, not undone."""
    desk = Desk(tmp_path)

    async def story(app: App):
        for amount in (120, 130, 140):
            await app.run("cashier", asking(amount))
        first, second, third = await app.approvals()
        assert [item.id for item in await app.alike(second.id)] == [first.id, second.id, third.id]
        await app.decide(third.id, "reject", by="bob")
        settled = await app.decide_all([first.id, second.id, third.id], "approve", by="ada", note="fine")
        assert [one.approval is not None for one in settled] == [True, True, False]
        assert "rejected by bob" in settled[2].refused

    desk.play(story)


# --- learning


def test_a_like_request_is_told_what_people_corrected(tmp_path: Path):
    """The next execution with such an input reads the correction once, and the record says which."""
    desk = Desk(tmp_path)

    async def story(app: App):
        parked = await app.run("cashier", asking(120, words="broken lamp, order 7"))
        [asked] = await app.approvals()
        edit = {"amount": "80", "order": "7"}
        await app.decide(asked.id, "approve", by="ada", edit=edit, note="lamps cost 80")
        await app.resume(parked.id)
        like = await app.run("cashier", asking(1, words="broken lamp, order 9"))
        assert "a call of refund: amount should have been 80. Why: lamps cost 80" in like.result
        assert (await kinds_of(app, like.id)).count(kinds.FEEDBACK_RECALLED) == 1
        other = await app.run("cashier", {"amounts": [], "x": "holiday greetings wanted"})
        assert "lamps" not in other.result

    desk.play(story)


def test_an_agent_may_not_want_to_learn(tmp_path: Path):
    """With `learn_from_feedback=False` nothing is told."""
    desk = Desk(tmp_path)

    async def story(app: App):
        await app.run("cashier", asking(120))
        [asked] = await app.approvals()
        await app.decide(asked.id, "reject", by="ada", note="never")
        like = await app.run("cashier", asking(1))
        assert "never" not in like.result

    desk.play(story, desk.app(learn_from_feedback=False))
