"""Approvals: answered once, used once, for exactly what was shown, and never waited for in vain."""

import asyncio
from datetime import timedelta

import pytest

from holdfast.errors import AlreadyDecided, ApprovalUnusable, ApprovalWithdrawn, NotFound, UsageError
from holdfast.trail import events
from tests.conformance.world import World, kinds, outcomes, ruling, step, use


def test_an_answer_wakes_the_execution(world: World):
    """The last answer, its event and the waking are one commit."""

    async def story(trail):
        held, question_id = await world.asking(trail)
        assert (await trail.get(held.execution.id)).status == "awaiting_review"
        decided = await trail.decide(ruling(question_id, note="fine"))
        assert (decided.status, decided.answer, decided.decided_by, decided.note) == (
            "approved",
            "approve",
            "Ada",
            "fine",
        )
        assert (decided.arguments, decided.decided_at) == ({"amount": 120}, world.clock.at)
        now = await trail.get(held.execution.id)
        assert (now.status, now.status_reason) == ("pending", "ANSWERED")
        last = (await trail.events(now.id))[-1]
        assert (last.kind, last.data["by"], last.data["answer"]) == (events.APPROVAL_DECIDED, "Ada", "approve")
        assert await trail.approvals() == []

    world.play(story)


def test_an_execution_waits_for_its_last_question(world: World):
    """With two questions open, the first answer does not wake it."""

    async def story(trail):
        held = await world.running(trail)
        first, second = world.question(), world.question(call_id="c2")
        await trail.append(step(held, status="awaiting_review", approvals=(first, second)))
        await trail.decide(ruling(first.id))
        assert (await trail.get(held.execution.id)).status == "awaiting_review"
        await trail.decide(ruling(second.id, "reject"))
        assert (await trail.get(held.execution.id)).status == "pending"

    world.play(story)


def test_a_second_answer_is_told_who_was_first(world: World):
    """The loser learns what happened, by whom and when."""

    async def story(trail):
        _, question_id = await world.asking(trail)
        world.clock.advance(minutes=32)
        await trail.decide(ruling(question_id))
        with pytest.raises(AlreadyDecided, match="already decided: approved by Ada at 2026-11-21 10:32 UTC"):
            await trail.decide(ruling(question_id, by="Bob"))
        assert (await trail.approval(question_id)).decided_by == "Ada"

    world.play(story)


def test_of_fifty_answers_at_once_one_wins(world: World):
    """Two trails (two processes' worth of writers), fifty people, one decision, one event."""

    async def story(trail):
        held, question_id = await world.asking(trail)
        async with world.trail() as other:
            people = [(trail if i % 2 else other).decide(ruling(question_id, by=f"p{i}")) for i in range(50)]
            came = await outcomes(*people)
        winners = [o for o in came if not isinstance(o, Exception)]
        assert len(winners) == 1
        assert sum(isinstance(o, AlreadyDecided) for o in came) == 49
        found = kinds(await trail.events(held.execution.id))
        assert found.count(events.APPROVAL_DECIDED) == 1

    world.play(story)


def test_an_approval_is_used_once(world: World):
    """The commit that uses it stores when; a second use is refused with everything else in it."""

    async def story(trail):
        held, question_id = await world.approved(trail)
        await trail.append(step(held, uses=(use(question_id),)))
        assert (await trail.approval(question_id)).consumed_at == world.clock.at
        before = (await trail.get(held.execution.id)).last_seq
        with pytest.raises(ApprovalUnusable, match="was used"):
            await trail.append(step(held, uses=(use(question_id),), step_count=9))
        now = await trail.get(held.execution.id)
        assert (now.last_seq, now.step_count) == (before, 0)

    world.play(story)


def test_of_two_uses_at_once_one_wins(world: World):
    """Also inside one batch, and inside one append."""

    async def story(trail):
        held, question_id = await world.approved(trail)
        with pytest.raises(ApprovalUnusable, match="twice"):
            await trail.append(step(held, uses=(use(question_id), use(question_id))))
        came = await outcomes(*(trail.append(step(held, uses=(use(question_id),))) for _ in range(10)))
        assert sum(isinstance(o, ApprovalUnusable) for o in came) == 9

    world.play(story)


@pytest.mark.parametrize("changed", [{"digest": "digest-2"}, {"schema_hash": "schema-2"}, {"digest": ""}])
def test_an_approval_covers_only_what_was_shown(world: World, changed: dict):
    """Other arguments or another version of the tool must be asked again."""

    async def story(trail):
        held, question_id = await world.approved(trail)
        with pytest.raises(ApprovalUnusable, match="ask again"):
            await trail.append(step(held, uses=(use(question_id, **changed),)))
        await trail.append(step(held, uses=(use(question_id),)))

    world.play(story)


def test_an_edited_approval_covers_the_edit_alone(world: World):
    """The person's arguments are what may run, not the model's."""

    async def story(trail):
        held = await world.running(trail)
        question = world.question()
        await trail.append(step(held, approvals=(question,)))
        decided = await trail.decide(ruling(question.id, edit={"amount": 90}, edit_digest="digest-90"))
        assert (decided.edit, decided.arguments) == ({"amount": 90}, {"amount": 120})
        with pytest.raises(ApprovalUnusable):
            await trail.append(step(held, uses=(use(question.id),)))
        await trail.append(step(held, uses=(use(question.id, digest="digest-90"),)))

    world.play(story)


def test_an_open_a_foreign_or_an_absent_approval_is_unusable(world: World):
    """Only this execution's decided approvals count."""

    async def story(trail):
        _held, question_id = await world.approved(trail)
        other = await world.running(trail)
        open_one = world.question()
        await trail.append(step(other, approvals=(open_one,)))
        for wanted in (open_one.id, question_id, "nobody's"):
            with pytest.raises(ApprovalUnusable):
                await trail.append(step(other, uses=(use(wanted),)))

    world.play(story)


def test_silence_expires_and_wakes(world: World):
    """Past its time an open question is closed as expired, and the execution goes on to say so."""

    async def story(trail):
        held, question_id = await world.asking(trail)
        world.clock.advance(days=6)
        assert (await trail.sweep()).expired == 0
        world.clock.advance(days=1)
        assert (await trail.sweep()).expired == 1
        expired = await trail.approval(question_id)
        assert (expired.status, expired.answer) == ("expired", None)
        now = await trail.get(held.execution.id)
        assert (now.status, now.status_reason) == ("pending", "APPROVAL_EXPIRED")
        assert kinds(await trail.events(now.id))[-1] == events.APPROVAL_EXPIRED

    world.play(story)


def test_an_answer_after_its_time_is_too_late(world: World):
    """Even before a sweep noticed."""

    async def story(trail):
        held, question_id = await world.asking(trail)
        world.clock.advance(days=8)
        with pytest.raises(AlreadyDecided, match="already decided: expired at 2026-11-28 10:00 UTC"):
            await trail.decide(ruling(question_id))
        await trail.sweep()
        with pytest.raises(AlreadyDecided, match="expired"):
            await trail.decide(ruling(question_id))
        (again,) = await world.claim(trail)
        with pytest.raises(ApprovalUnusable, match="expired"):
            await trail.append(step(again, uses=(use(question_id),)))
        assert again.execution.id == held.execution.id

    world.play(story)


def test_an_answer_between_question_and_parking_is_not_lost(world: World):
    """Answered while it still runs, the execution that then parks is claimable at once."""

    async def story(trail):
        held, _ = await world.approved(trail)
        await trail.append(step(held, status="awaiting_review"))
        assert (await trail.get(held.execution.id)).status == "pending"

    world.play(story)


def test_cancelling_withdraws_the_question(world: World):
    """A cancelled execution asks nobody anything."""

    async def story(trail):
        held, question_id = await world.asking(trail)
        cancelled = await trail.cancel(held.execution.id, by="Ada")
        assert (cancelled.status, cancelled.completed_at) == ("cancelled", world.clock.at)
        assert (await trail.approval(question_id)).status == "withdrawn"
        assert kinds(await trail.events(cancelled.id))[-2:] == [events.APPROVAL_WITHDRAWN, events.CANCELLED]
        with pytest.raises(AlreadyDecided, match="withdrawn"):
            await trail.decide(ruling(question_id))

    world.play(story)


def test_an_end_withdraws_open_questions(world: World):
    """Whatever ends an execution, no question stays open behind it."""

    async def story(trail):
        held = await world.running(trail)
        question = world.question()
        await trail.append(step(held, approvals=(question,)))
        await trail.append(step(held, status="failed", status_reason="STEP_TIMEOUT"))
        assert (await trail.approval(question.id)).status == "withdrawn"

    world.play(story)


@pytest.mark.parametrize(
    ("kind", "answer", "more", "status"),
    [
        ("call", "approve", {}, "approved"),
        ("call", "reject", {"note": "no"}, "rejected"),
        ("question", "answer", {"note": "42"}, "answered"),
        ("question", "approve", {"note": "42"}, "answered"),
        ("question", "reject", {}, "rejected"),
        ("doubt", "happened", {"edit": {"receipt": 7}}, "answered"),
        ("doubt", "run", {}, "answered"),
        ("doubt", "skip", {}, "answered"),
        ("change", "approve", {}, "approved"),
        ("change", "reject", {}, "rejected"),
        ("escalation", "approve", {"note": "try B", "edit": {"done": True}}, "approved"),
        ("escalation", "reject", {}, "rejected"),
    ],
)
def test_each_kind_takes_its_answers(world: World, kind: str, answer: str, more: dict, status: str):
    """What a person may say depends on what was asked."""

    async def story(trail):
        held, question_id = await world.asking(trail, kind=kind)
        decided = await trail.decide(ruling(question_id, answer, **more))
        assert (decided.status, decided.edit) == (status, more.get("edit"))
        (again,) = await world.claim(trail)
        if (kind, status) == ("call", "rejected"):
            with pytest.raises(ApprovalWithdrawn):
                await trail.append(step(again, uses=(use(question_id),)))
        else:
            await trail.append(step(again, uses=(use(question_id),)))
        assert again.execution.id == held.execution.id

    world.play(story)


@pytest.mark.parametrize(
    ("kind", "answer", "more", "hint"),
    [
        ("call", "run", {}, "'approve' or 'reject'"),
        ("call", "approve", {"edit": {"a": 1}}, "edit_digest"),
        ("call", "reject", {"edit": {"a": 1}}, "takes no edit"),
        ("question", "approve", {}, "with a note"),
        ("question", "answer", {}, "as the note"),
        ("doubt", "approve", {}, "'happened' or 'run' or 'skip'"),
        ("change", "answer", {}, "'approve' or 'reject'"),
    ],
)
def test_an_answer_that_does_not_fit_names_the_ones_that_do(world: World, kind, answer, more, hint):
    """The mistake changes nothing: the right answer still counts."""

    async def story(trail):
        _, question_id = await world.asking(trail, kind=kind)
        with pytest.raises(UsageError, match=hint):
            await trail.decide(ruling(question_id, answer, **more))
        assert (await trail.approval(question_id)).status == "open"

    world.play(story)


def test_nobody_answers_what_was_never_asked(world: World):
    """An unknown approval is named."""

    async def story(trail):
        with pytest.raises(NotFound, match="'x1'"):
            await trail.decide(ruling("x1"))
        with pytest.raises(NotFound, match="'x1'"):
            await trail.approval("x1")

    world.play(story)


def test_approvals_are_listed_oldest_first(world: World):
    """By status and by execution."""

    async def story(trail):
        first = await world.asking(trail)
        world.clock.advance(minutes=1)
        second = await world.asking(trail, expires_at=world.clock.at + timedelta(hours=1))
        assert [a.id for a in await trail.approvals()] == [first[1], second[1]]
        assert [a.id for a in await trail.approvals(execution_id=second[0].execution.id)] == [second[1]]
        await trail.decide(ruling(first[1]))
        assert [a.id for a in await trail.approvals(status=None)] == [first[1], second[1]]
        assert [a.id for a in await trail.approvals(status="approved")] == [first[1]]

    world.play(story)


def test_a_thousand_questions_expire_in_one_sweep(world: World):
    """A sweep goes on until nothing is left to expire."""

    async def story(trail):
        held = await world.running(trail)
        soon = world.clock.at + timedelta(minutes=1)
        asked = tuple(world.question(expires_at=soon, call_id=str(i)) for i in range(1_500))
        await trail.append(step(held, status="awaiting_review", approvals=asked))
        world.clock.advance(minutes=2)
        assert (await trail.sweep()).expired == 1_500
        assert (await trail.get(held.execution.id)).status == "pending"

    world.play(story)


def test_answers_from_two_processes_to_two_questions_wake_once(world: World):
    """Each sees one question left or none; somebody must wake it."""

    async def story(trail):
        held = await world.running(trail)
        questions = [world.question(call_id=str(i)) for i in range(10)]
        await trail.append(step(held, status="awaiting_review", approvals=tuple(questions)))
        async with world.trail() as other:
            await asyncio.gather(*((trail, other)[i % 2].decide(ruling(q.id)) for i, q in enumerate(questions)))
        assert (await trail.get(held.execution.id)).status == "pending"

    world.play(story)
