"""Several people on one question: votes, a late no, reminders, the ladder, and what they corrected."""

from datetime import timedelta

import pytest

from holdfast.errors import AlreadyDecided, ApprovalUnusable, ApprovalWithdrawn
from holdfast.trail import events
from holdfast.types import Due, Routing
from tests.conformance.world import World, kinds, ruling, step, use


def two_of_finance(world: World, **changes) -> dict:
    """A question to finance, of whom two must agree."""
    return {"reviewers": "finance", "quorum": 2, "routing": Routing(reviewers="finance", quorum=2), **changes}


def test_two_different_people_make_a_quorum(world: World):
    """With a quorum of two the first yes leaves the question open, and the second wakes the execution."""

    async def story(trail):
        held, question_id = await world.asking(trail, **two_of_finance(world))
        first = await trail.decide(ruling(question_id, by="Ada"))
        assert (first.status, [vote.by for vote in first.votes]) == ("open", ["Ada"])
        assert (await trail.get(held.execution.id)).status == "awaiting_review"
        second = await trail.decide(ruling(question_id, by="Bob"))
        assert (second.status, second.decided_by) == ("approved", "Ada and Bob")
        assert (await trail.get(held.execution.id)).status == "pending"
        found = await trail.events(held.execution.id)
        assert kinds(found)[-2:] == [events.APPROVAL_VOTED, events.APPROVAL_DECIDED]
        assert (found[-2].data["yes"], found[-1].data["voters"]) == (1, ["Ada", "Bob"])

    world.play(story)


@pytest.mark.parametrize("again", ["Ada", "ada", " ADA "])
def test_the_same_person_counts_once(world: World, again: str):
    """Saying yes twice is one yes, however the name is written, and the person is told what is missing."""

    async def story(trail):
        _, question_id = await world.asking(trail, **two_of_finance(world))
        await trail.decide(ruling(question_id, by="Ada"))
        with pytest.raises(AlreadyDecided, match="counts once: 1 more yes of somebody else is needed"):
            await trail.decide(ruling(question_id, by=again))
        assert (await trail.approval(question_id)).status == "open"

    world.play(story)


def test_yes_to_different_wordings_is_no_quorum(world: World):
    """Who edits agrees to the edit: only two yes to the very same arguments are two."""

    async def story(trail):
        held, question_id = await world.asking(trail, **two_of_finance(world))
        edit = {"edit": {"amount": 80}, "edit_digest": "digest-80"}
        await trail.decide(ruling(question_id, by="Ada"))
        assert (await trail.decide(ruling(question_id, by="Bob", **edit))).status == "open"
        decided = await trail.decide(ruling(question_id, by="Ada", **edit))
        assert (decided.status, decided.edit, len(decided.votes)) == ("approved", {"amount": 80}, 2)
        (again,) = await world.claim(trail)
        await trail.append(step(again, uses=(use(question_id, digest="digest-80"),)))
        assert again.execution.id == held.execution.id

    world.play(story)


def test_one_no_is_enough(world: World):
    """A no decides at once, whatever the quorum and whoever agreed before."""

    async def story(trail):
        held, question_id = await world.asking(trail, **two_of_finance(world))
        await trail.decide(ruling(question_id, by="Ada"))
        decided = await trail.decide(ruling(question_id, "reject", by="Bob", note="too much"))
        assert (decided.status, decided.decided_by) == ("rejected", "Bob")
        assert (await trail.get(held.execution.id)).status == "pending"

    world.play(story)


@pytest.mark.parametrize("kind", ["call", "result"])
def test_a_no_takes_back_a_yes_until_it_is_used(world: World, kind: str):
    """Also while a worker holds the execution: its use of the yes is refused, and says who said no."""

    async def story(trail):
        held, question_id = await world.approved(trail, kind=kind)
        taken_back = await trail.decide(ruling(question_id, "reject", by="Bob", note="wait"))
        assert (taken_back.status, taken_back.decided_by) == ("rejected", "Bob")
        with pytest.raises(ApprovalWithdrawn) as refused:
            await trail.append(step(held, uses=(use(question_id),)))
        assert (refused.value.by, refused.value.note) == ("Bob", "wait")
        with pytest.raises(AlreadyDecided, match="rejected by Bob"):
            await trail.decide(ruling(question_id, by="Ada"))

    world.play(story)


def test_a_no_comes_too_late_once_it_has_begun(world: World):
    """After dispatch the person who says no is told that it has begun."""

    async def story(trail):
        held, question_id = await world.approved(trail)
        await trail.append(step(held, uses=(use(question_id),)))
        with pytest.raises(AlreadyDecided, match=r"approved by Ada .* and it has begun"):
            await trail.decide(ruling(question_id, "reject", by="Bob"))

    world.play(story)


def test_a_result_is_approved_for_exactly_what_it_says(world: World):
    """As with calls, the yes to a result covers no other one."""

    async def story(trail):
        held, question_id = await world.approved(trail, kind="result")
        with pytest.raises(ApprovalUnusable, match="ask again"):
            await trail.append(step(held, uses=(use(question_id, digest="other"),)))
        await trail.append(step(held, uses=(use(question_id),), status="completed"))

    world.play(story)


def laddered(world: World) -> dict:
    """A question with a reminder after half an hour, two rungs and an end."""
    now = world.clock.at
    ladder = (
        Due(at=now + timedelta(minutes=30)),
        Due(at=now + timedelta(hours=1), to="lead"),
        Due(at=now + timedelta(hours=4), to="on-call"),
    )
    return two_of_finance(world, ladder=ladder, expires_at=now + timedelta(hours=8))


def test_silence_reminds_escalates_and_ends_as_no(world: World):
    """Each rung comes at its time and once; the journal says whom it went to; at the end silence is a no."""

    async def story(trail):
        held, question_id = await world.asking(trail, **laddered(world))
        seen = []
        for minutes in (29, 1, 1, 29, 179, 1, 200, 40):
            world.clock.advance(minutes=minutes)
            await trail.sweep()
            seen.append(((await trail.approval(question_id)).groups, kinds(await trail.events(held.execution.id))[-1]))
        reminded, escalated = events.APPROVAL_REMINDED, events.APPROVAL_ESCALATED
        assert [kind for _, kind in seen[1:]] == [
            reminded, reminded, escalated, escalated, escalated, escalated, events.APPROVAL_EXPIRED,
        ]  # fmt: skip
        assert seen[2][0] == ("finance",)
        assert seen[3][0] == ("finance", "lead")
        assert seen[5][0] == ("finance", "lead", "on-call")
        last = (await trail.events(held.execution.id))[-1].data
        assert (last["groups"], last["yes"], last["quorum"]) == (["finance", "lead", "on-call"], 0, 2)
        assert (await trail.get(held.execution.id)).status == "pending"

    world.play(story)


def test_a_sweep_that_comes_late_does_everything_that_is_due(world: World):
    """After five hours without a worker the reminder and both rungs come at once, in order."""

    async def story(trail):
        held, _ = await world.asking(trail, **laddered(world))
        world.clock.advance(hours=5)
        await trail.sweep()
        found = await trail.events(held.execution.id)
        assert kinds(found)[-3:] == [events.APPROVAL_REMINDED, events.APPROVAL_ESCALATED, events.APPROVAL_ESCALATED]
        assert [event.data.get("to") for event in found[-2:]] == ["lead", "on-call"]
        before = len(found)
        await trail.sweep()
        assert len(await trail.events(held.execution.id)) == before

    world.play(story)


def test_workers_know_when_to_look_next(world: World):
    """The engine is woken for the reminder, then for each rung, then for the end: no polling."""

    async def story(trail):
        await world.asking(trail, **laddered(world))
        start, due = world.clock.at, []
        for _ in range(4):
            due.append(await trail.next_due(["clerk"]))
            world.clock.at = due[-1]
            await trail.sweep()
        assert [(at - start).total_seconds() / 60 for at in due] == [30, 60, 240, 480]
        assert await trail.next_due(["clerk"]) is None

    world.play(story)


def test_an_answered_question_reminds_nobody(world: World):
    """Once decided, what was still to come never happens."""

    async def story(trail):
        held, question_id = await world.asking(trail, **(laddered(world) | {"quorum": 1}))
        await trail.decide(ruling(question_id, by="Ada"))
        world.clock.advance(hours=9)
        await trail.sweep()
        assert kinds(await trail.events(held.execution.id))[-1] == events.APPROVAL_DECIDED

    world.play(story)


def test_corrections_are_kept_in_the_commit_of_the_decision(world: World):
    """An edit and a reason for a no become feedback, with what was asked, what it was and what it should be."""

    async def story(trail):
        held, edited = await world.asking(trail)
        await trail.decide(ruling(edited, edit={"amount": 80}, edit_digest="d80", note="the limit is 80"))
        other, rejected = await world.asking(trail, tool_name="send", arguments={"to": "all"})
        await trail.decide(ruling(rejected, "reject", by="Bob", note="never to all"))
        _, silent = await world.asking(trail)
        await trail.decide(ruling(silent, "reject"))
        no, edit = await trail.feedback(agent="clerk")
        assert (edit.kind, edit.was, edit.should_be) == ("arguments", {"amount": 120}, {"amount": 80})
        assert (edit.asked, edit.execution_id, edit.given_by) == ({"ask": "hello"}, held.execution.id, "Ada")
        assert (no.kind, no.tool_name, no.was, no.should_be) == ("rejection", "send", {"to": "all"}, None)
        assert (no.why, no.given_by, no.execution_id) == ("never to all", "Bob", other.execution.id)
        assert await trail.feedback(agent="somebody else") == []

    world.play(story)


def test_a_corrected_result_is_feedback_about_the_result(world: World):
    """The person's result stands beside the agent's."""

    async def story(trail):
        _, question_id = await world.asking(trail, kind="result", tool_name=None, arguments={"answer": "maybe"})
        await trail.decide(ruling(question_id, edit={"answer": "yes"}, edit_digest="d"))
        (found,) = await trail.feedback()
        assert (found.kind, found.tool_name, found.was) == ("result", None, {"answer": "maybe"})
        assert found.should_be == {"answer": "yes"}

    world.play(story)
