"""When work begins at the earliest, and by when it must have ended."""

from datetime import timedelta

import pytest

from holdfast.errors import DeadlineExceeded
from holdfast.trail import events
from holdfast.types import Rate
from tests.conformance.world import World, event, intact, kinds, new_execution, step


def test_nothing_begins_before_its_time(world: World):
    """And then it does; `next_due` tells when."""

    async def story(trail):
        later = world.clock.at + timedelta(hours=1)
        started = await world.start(trail, start_at=later)
        assert (started.status, started.status_reason, started.wake_at) == ("pending", "SCHEDULED", later)
        assert await world.claim(trail) == ()
        assert await trail.next_due(["clerk"]) == later
        world.clock.advance(hours=1)
        assert [one.execution.id for one in await world.claim(trail)] == [started.id]

    world.play(story)


def test_what_has_not_begun_by_its_deadline_ends_failed(world: World):
    """The sweep ends it, and says why."""

    async def story(trail):
        started = await world.start(trail, due_by=world.clock.at + timedelta(minutes=5))
        await trail.sweep()
        assert (await trail.get(started.id)).status == "pending"
        world.clock.advance(minutes=5)
        await trail.sweep()
        now = await trail.get(started.id)
        assert (now.status, now.status_reason, now.ended) == ("failed", "DEADLINE_EXCEEDED", True)
        assert kinds(await trail.events(started.id)) == [events.STARTED, events.FAILED]

    world.play(story)


def test_a_claim_passes_over_what_is_too_late(world: World):
    """It is ended there and then, and the next one is claimed."""

    async def story(trail):
        late = await world.start(trail, due_by=world.clock.at + timedelta(minutes=5))
        world.clock.advance(minutes=5)
        good = await world.start(trail)
        found = [*await world.claim(trail, limit=1), *await world.claim(trail, limit=1)]
        assert [one.execution.id for one in found] == [good.id]
        assert (await trail.get(late.id)).status_reason == "DEADLINE_EXCEEDED"

    world.play(story)


def test_what_runs_may_begin_nothing_new_after_its_deadline(world: World):
    """Facts are still stored, and so is its end."""

    async def story(trail):
        held = await world.running(trail, due_by=world.clock.at + timedelta(minutes=5))
        world.clock.advance(minutes=6)
        await trail.append(step(held))
        with pytest.raises(DeadlineExceeded):
            await trail.append(step(held, refuse_if_cancelled=True))
        await trail.append(step(held, status="failed", status_reason="DEADLINE_EXCEEDED", refuse_if_cancelled=True))

    world.play(story)


def test_a_question_that_nobody_answers_does_not_outlast_a_deadline(world: World):
    """The execution ends, and the question is withdrawn."""

    async def story(trail):
        held = await world.running(trail, due_by=world.clock.at + timedelta(minutes=5))
        question = world.question()
        await trail.append(step(held, status="awaiting_review", status_reason="APPROVAL", approvals=(question,)))
        world.clock.advance(minutes=5)
        await trail.sweep()
        assert (await trail.get(held.execution.id)).status_reason == "DEADLINE_EXCEEDED"
        assert (await trail.approval(question.id)).status == "withdrawn"

    world.play(story)


def test_a_sweep_that_comes_after_a_deadline_and_the_end_of_a_question_does_both(world: World):
    """Of the execution and of what it started: what ends takes its questions back."""

    async def story(trail):
        held = await world.running(trail, due_by=world.clock.at + timedelta(minutes=5))
        child = new_execution(parent_id=held.execution.id, parent_call="c9")
        await trail.append(step(held, children=(child,)))
        (below,) = await world.claim(trail, only=child.id)
        for claimed in (below, held):
            asked = world.question(expires_at=world.clock.at + timedelta(minutes=4))
            await trail.append(step(claimed, status="awaiting_review", status_reason="APPROVAL", approvals=(asked,)))
        world.clock.advance(minutes=6)
        await trail.sweep()
        now = [await trail.get(claimed.execution.id) for claimed in (held, below)]
        assert [(one.status, one.status_reason) for one in now] == [
            ("failed", "DEADLINE_EXCEEDED"),
            ("cancelled", "CANCELLED"),
        ]
        await intact(trail)

    world.play(story)


def test_the_children_of_what_is_too_late_are_cancelled(world: World):
    """Nobody works on for a result that nobody waits for."""

    async def story(trail):
        held = await world.running(trail, due_by=world.clock.at + timedelta(minutes=5))
        child = await world.start(trail, parent_id=held.execution.id)
        await trail.append(step(held, event(events.PARKED, reason="X", wake_at=None), status="pending"))
        world.clock.advance(minutes=5)
        await trail.sweep()
        assert (await trail.get(child.id)).status == "cancelled"

    world.play(story)


def test_what_cannot_be_done_in_time_is_refused_at_once(world: World):
    """Its deadline has passed, or a rate lets it begin only after that."""

    async def story(trail):
        with pytest.raises(DeadlineExceeded):
            await world.start(trail, due_by=world.clock.at)
        rate = Rate(name="slow", scope="global", unit="requests", limit=1, per_s=600)
        await trail.set_rate(rate, by="Ada")
        await world.start(trail)
        with pytest.raises(DeadlineExceeded, match="RATE_LIMITED"):
            await world.start(trail, due_by=world.clock.at + timedelta(minutes=5))

    world.play(story)


def test_a_retry_has_no_deadline(world: World):
    """A person wants it done late rather than not at all."""

    async def story(trail):
        started = await world.start(trail, due_by=world.clock.at + timedelta(minutes=5))
        world.clock.advance(minutes=5)
        await trail.sweep()
        await trail.retry(started.id, by="Ada")
        assert len(await world.claim(trail)) == 1

    world.play(story)
