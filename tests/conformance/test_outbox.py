"""The outbox on both databases: promised with what it tells, handed out once, never lost."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from holdfast.errors import NotFound
from holdfast.trail.controls import tell
from holdfast.trail.trail import Trail
from holdfast.types import Address, Card, Closed, Outgoing
from tests.conformance.world import World, ruling, step

ROUTES = {
    None: [Address(channel="slack"), *[Address(channel="email", to=to) for to in ("Ada", "Bob")]],
    "leads": [Address(channel="slack"), Address(channel="email", to="Bob")],
}


async def opened(trail: Trail, *names: str) -> None:
    """Channels, and a courier's worker."""
    for name in names or ("slack",):
        await trail.set_channel(name, tell.as_data(ROUTES, name, updates=name != "email"), by="configuration")
    for worker in ("w1", "w2"):
        await trail.register(worker, host="here", pid=1, lease_s=365 * 86_400)


async def due(trail: Trail, worker: str = "w1", channel: str = "slack", **changes) -> Sequence[Outgoing]:
    return await trail.due(worker, channel=channel, **({"limit": 10, "hold_s": 90} | changes))


def test_a_question_leaves_a_delivery_on_each_registered_channel(world: World):
    """It is there as soon as the question is, with everything a person needs."""

    async def story(trail):
        await opened(trail, "slack", "email")
        _, question = await world.asking(trail)
        (slack,) = await due(trail)
        mails = await due(trail, channel="email")
        assert [one.address.to for one in mails] == ["Ada", "Bob"] or [one.address.to for one in mails] == [
            "Bob",
            "Ada",
        ]
        assert isinstance(slack.delivery, Card)
        assert (slack.delivery.approval_id, slack.delivery.arguments) == (question, {"amount": 120})
        assert (slack.attempts, slack.queued_at) == (1, world.clock.at)

    world.play(story)


def test_without_a_channel_nothing_is_written(world: World):
    """Who configured nothing pays nothing."""

    async def story(trail):
        await world.asking(trail)
        assert await trail.letters() == []

    world.play(story)


def test_only_the_group_that_is_asked_gets_mail(world: World):
    """A question to the leads goes to Bob."""

    async def story(trail):
        await opened(trail, "email")
        await world.asking(trail, reviewers="leads")
        assert [one.address.to for one in await due(trail, channel="email")] == ["Bob"]

    world.play(story)


def test_a_refused_append_promises_nothing(world: World):
    """The delivery is in the commit of what it tells, or nowhere."""

    async def story(trail):
        await opened(trail)
        held = await world.running(trail, lease_s=0)
        await trail.sweep(dead=["ada"])
        with pytest.raises(Exception, match="no longer held"):
            await trail.append(step(held, status="awaiting_review", approvals=(world.question(),)))
        assert await trail.letters() == []

    world.play(story)


def test_two_couriers_never_hold_one_delivery(world: World):
    """Taken at the same instant in two processes, it is handed out once."""

    async def story(trail):
        async with world.trail() as other:
            await opened(trail)
            for _ in range(6):
                await world.asking(trail)
            found = await asyncio.gather(*(due(t, w, limit=1) for t, w in [(trail, "w1"), (other, "w2")] * 6))
            ids = [one.id for some in found for one in some]
            assert len(ids) == len(set(ids))
            rest = [*await due(trail), *ids]
            assert len(rest) == 6

    world.play(story)


def test_what_was_sent_is_done(world: World):
    """Its reference is what updates need."""

    async def story(trail):
        await opened(trail)
        _, question = await world.asking(trail)
        (one,) = await due(trail)
        await trail.sent(one.id, worker_id="w1", ref="ref-1")
        assert await trail.refs(question, channel="slack") == ["ref-1"]
        assert await due(trail) == ()

    world.play(story)


def test_what_failed_comes_again_at_its_time(world: World):
    """Not sooner; the second attempt says that it is one."""

    async def story(trail):
        await opened(trail)
        await world.asking(trail)
        (one,) = await due(trail)
        await trail.failed(one.id, worker_id="w1", error="no", next_at=world.clock.at + timedelta(seconds=60))
        assert await due(trail) == ()
        world.clock.advance(seconds=60)
        (again,) = await due(trail)
        assert (again.id, again.attempts) == (one.id, 2)

    world.play(story)


def test_a_hold_that_runs_out_makes_it_due_again(world: World):
    """Its courier died or hangs; what it says later has no effect."""

    async def story(trail):
        await opened(trail)
        _, question = await world.asking(trail)
        (one,) = await due(trail, "w1", hold_s=90)
        assert await due(trail, "w2") == ()
        world.clock.advance(seconds=90)
        assert [again.id for again in await due(trail, "w2")] == [one.id]
        await trail.sent(one.id, worker_id="w1", ref="late")
        assert await trail.refs(question, channel="slack") == []

    world.play(story)


def test_what_a_dead_worker_held_is_due_at_the_next_sweep(world: World):
    """Nobody waits for the end of a hold whose holder is known to be gone."""

    async def story(trail):
        await opened(trail)
        await world.asking(trail)
        (one,) = await due(trail, "w1")
        await trail.sweep(dead=["w1"])
        assert [again.id for again in await due(trail, "w2")] == [one.id]

    world.play(story)


def test_what_a_sweep_frees_is_announced(world: World):
    """The couriers of this worker look at once: nothing else would tell them for half a minute."""

    async def story(trail):
        await opened(trail)
        await world.asking(trail)
        await due(trail, "w1")
        before = trail._parts.bell.mails  # nobody waits yet, so that only the sweep can ring
        await trail.sweep()
        assert trail._parts.bell.mails == before
        await trail.sweep(dead=["w1"])
        assert trail._parts.bell.mails == before + 1

    world.play(story)


def test_who_is_no_live_worker_gets_nothing(world: World):
    """Else a sweep would take it away again while it is delivered."""

    async def story(trail):
        await opened(trail)
        await world.asking(trail)
        assert await due(trail, "stranger") == ()

    world.play(story)


def test_a_card_of_a_closed_question_is_never_handed_out(world: World):
    """Nobody is asked what is decided."""

    async def story(trail):
        await opened(trail)
        _, question = await world.asking(trail)
        await trail.decide(ruling(question))
        found = await due(trail)
        assert [type(one.delivery) for one in found] == [Closed]
        assert sorted(letter.status for letter in await trail.letters()) == ["queued", "withdrawn"]

    world.play(story)


def test_the_end_waits_for_a_card_that_is_being_delivered(world: World):
    """Else its message would keep its buttons for ever."""

    async def story(trail):
        await opened(trail)
        _, question = await world.asking(trail)
        (card,) = await due(trail, "w1")
        await trail.decide(ruling(question, by="Ada", note="fine"))
        assert await due(trail, "w2") == ()
        await trail.sent(card.id, worker_id="w1", ref="ref-1")
        (closed,) = await due(trail, "w2")
        assert isinstance(closed.delivery, Closed)
        assert (closed.delivery.status, closed.delivery.by, closed.delivery.note) == ("approved", "Ada", "fine")

    world.play(story)


def test_a_mail_is_not_told_how_it_ended(world: World):
    """It cannot be changed any more, so there is nothing to do."""

    async def story(trail):
        await opened(trail, "email")
        _, question = await world.asking(trail)
        await trail.decide(ruling(question))
        assert await due(trail, channel="email") == ()

    world.play(story)


def test_a_question_that_expires_says_so(world: World):
    """Silence is told as well."""

    async def story(trail):
        await opened(trail)
        await world.asking(trail, expires_at=world.clock.at + timedelta(hours=1))
        (card,) = await due(trail)
        await trail.sent(card.id, worker_id="w1", ref="r")
        world.clock.advance(hours=2)
        await trail.sweep()
        (closed,) = await due(trail)
        assert (closed.delivery.status, closed.delivery.by) == ("expired", None)

    world.play(story)


def test_a_dead_delivery_stays_with_its_reason_and_can_be_tried_again(world: World):
    """An operator set right what was wrong; that is on the record."""

    async def story(trail):
        await opened(trail)
        await world.asking(trail)
        (one,) = await due(trail)
        await trail.failed(one.id, worker_id="w1", error="channel_not_found", next_at=None)
        (dead,) = await trail.letters(status="dead")
        assert (dead.error, dead.attempts) == ("channel_not_found", 1)
        await trail.resend(one.id, by="Ada")
        (again,) = await due(trail)
        assert again.attempts == 2  # the service is asked first whether it has it already
        assert (await trail.audit())[-1].kind == "outbox.retried"

    world.play(story)


def test_only_what_was_given_up_can_be_tried_again(world: World):
    """An id that is none says where to look."""

    async def story(trail):
        with pytest.raises(NotFound, match="outbox --dead"):
            await trail.resend("nothing", by="Ada")

    world.play(story)


def test_what_is_done_is_forgotten_after_thirty_days(world: World):
    """The table does not grow for ever; what waits stays."""

    async def story(trail):
        await opened(trail)
        await world.asking(trail, expires_at=world.clock.at + timedelta(days=90))
        (one,) = await due(trail)
        await trail.sent(one.id, worker_id="w1", ref="r")
        await world.asking(trail, expires_at=world.clock.at + timedelta(days=90))
        world.clock.advance(days=31)
        await trail.sweep()
        assert [letter.status for letter in await trail.letters()] == ["queued"]

    world.play(story)


def test_waiting_ends_when_a_delivery_arrives(world: World):
    """Also one that came between the last look and the wait."""

    async def story(trail):
        await opened(trail)
        assert await due(trail) == ()
        await world.asking(trail)
        await trail.wait_for_mail("slack", timeout_s=50)
        assert len(await due(trail)) == 1

    world.play(story)


def test_waiting_ends_when_another_process_asks(world: World):
    """A courier in one process delivers what another one promised."""

    async def story(trail):
        async with world.trail() as other:
            await opened(trail)
            assert await due(trail) == ()
            waiting = asyncio.create_task(trail.wait_for_mail("slack", timeout_s=50))
            await world.asking(other)
            await waiting
            assert len(await due(trail)) == 1

    world.play(story)


def test_an_answer_is_remembered_until_it_would_be_too_old(world: World):
    """A recorded one cannot be played again; the memory of it is swept."""

    async def story(trail):
        assert not await trail.was_used("slack:v0=abc")
        await trail.use("slack:v0=abc", until=world.clock.at + timedelta(minutes=10))
        await trail.use("slack:v0=abc", until=world.clock.at + timedelta(minutes=10))
        assert await trail.was_used("slack:v0=abc")
        world.clock.advance(hours=2)
        await trail.sweep()
        assert not await trail.was_used("slack:v0=abc")

    world.play(story)


def test_no_end_overtakes_its_card_while_couriers_and_people_race(world: World):
    """Two couriers and two people at once: no card is handed out after its question's end was, and no end is lost."""

    async def story(trail):
        async with world.trail() as other:
            await opened(trail)
            asked = [(await world.asking(trail))[1] for _ in range(24)]
            handed: list[tuple[str, str]] = []

            async def deliver(at: Trail, worker: str) -> None:
                while decisions or any(letter.status == "queued" for letter in await at.letters(limit=500)):
                    for one in await due(at, worker, limit=1):
                        about = one.delivery if isinstance(one.delivery, Card) else one.delivery.card
                        handed.append((type(one.delivery).__name__, about.approval_id))
                        await at.sent(one.id, worker_id=worker, ref=f"ref of {about.approval_id}")

            async def decide(at: Trail, ids: list[str]) -> None:
                for question in ids:
                    await at.decide(ruling(question))
                decisions.discard(at)

            decisions = {trail, other}
            await asyncio.gather(
                deliver(trail, "w1"), deliver(other, "w2"), decide(trail, asked[::2]), decide(other, asked[1::2])
            )
            ends = [about for kind, about in handed if kind == "Closed"]
            assert sorted(ends) == sorted(asked)
            for question in asked:
                assert [kind for kind, about in handed if about == question] in (["Card", "Closed"], ["Closed"])

    world.play(story)
