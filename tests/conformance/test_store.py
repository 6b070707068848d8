"""Starting, listing, cancelling, retrying, watching."""

import asyncio
from datetime import UTC
from decimal import Decimal

import pytest

from holdfast.errors import IdempotencyConflict, IllegalTransition, NotFound, UnknownRecord, UsageError
from holdfast.trail import events
from tests.conformance.world import World, event, kinds, new_id, outcomes, step


def test_a_new_execution_is_pending_with_its_first_event(world: World):
    """Row and event are one commit; everything is read back as it was given."""

    async def story(trail):
        started = await world.start(
            trail, user_id="u", thread_id="t", parent_id="p", priority=3, input_data={"n": 1.25, "s": "ß"}
        )
        assert (started.status, started.priority, started.input_data) == ("pending", 3, {"n": 1.25, "s": "ß"})
        assert (started.user_id, started.thread_id, started.parent_id) == ("u", "t", "p")
        assert started.created_at == world.clock.at
        assert started.created_at.tzinfo is UTC
        assert (started.cost_usd, started.fence, started.last_seq) == (Decimal(0), 0, 1)
        (first,) = await trail.events(started.id)
        assert (first.kind, first.seq, first.data) == (events.STARTED, 1, {"input": {"n": 1.25, "s": "ß"}})

    world.play(story)


@pytest.mark.parametrize(
    "given", ["text", 7, 7.5, True, None, [1, "a"], {"a": {"b": []}}, "x" * 50_000, {"$blob": "me"}]
)
def test_any_input_is_read_back(world: World, given):
    """Text, numbers, lists and large ones alike."""

    async def story(trail):
        started = await world.start(trail, input_data=given)
        assert started.input_data == given
        assert type(started.input_data) is type(given)

    world.play(story)


def test_the_same_request_twice_is_one_execution(world: World):
    """Also when both arrive at once, through two processes."""

    async def story(trail):
        async with world.trail() as other:
            came = await asyncio.gather(
                *(world.start((trail, other)[i % 2], idempotency_key="k") for i in range(20)),
                world.start(trail, idempotency_key="k2"),
                world.start(trail, agent_type="other", idempotency_key="k"),
            )
        assert len({e.id for e in came[:20]}) == 1
        assert len({e.id for e in came}) == 3
        assert len(await trail.list()) == 3

    world.play(story)


def test_a_secret_in_a_name_is_not_stored_and_the_name_still_counts(world: World):
    """User, thread and key lose their secrets; the same key is the same request, another one another."""
    secret = "sk-proj-" + "Ab1" * 10
    names = {"user_id": f"ann {secret}", "thread_id": f"t {secret}"}

    async def story(trail):
        first = await world.start(trail, idempotency_key=f"k {secret}", **names)
        again = await world.start(trail, idempotency_key=f"k {secret}", **names)
        other = await world.start(trail, idempotency_key=f"k {secret}x", **names)
        assert first.id == again.id != other.id
        assert secret not in f"{first}{other}{await trail.events(first.id)}"
        assert [e.id for e in await trail.list(user=names["user_id"], thread=names["thread_id"])] == [
            other.id,
            first.id,
        ]
        assert await trail.list(user=f"bob {secret}") == []

    world.play(story)


def test_executions_are_found_by_part_of_their_id(world: World):
    """By its start or its end, taken literally."""

    async def story(trail):
        for name in ("abc-1-xyz", "abd-2-xyz", "ab%-3-xy_"):
            await world.start(trail, id=name)
        assert await trail.ids_like("abc") == ["abc-1-xyz"]
        assert await trail.ids_like("xyz") == ["abd-2-xyz", "abc-1-xyz"]
        assert (await trail.ids_like("ab%"), await trail.ids_like("xy_")) == (["ab%-3-xy_"], ["ab%-3-xy_"])
        assert await trail.ids_like("-2-") == []

    world.play(story)


def test_a_used_key_with_another_input_is_refused(world: World):
    """It names the execution that has the key."""

    async def story(trail):
        first = await world.start(trail, idempotency_key="k", input_data={"big": "y" * 20_000})
        again = await world.start(trail, idempotency_key="k", input_data={"big": "y" * 20_000})
        assert again.id == first.id
        with pytest.raises(IdempotencyConflict, match=first.id):
            await world.start(trail, idempotency_key="k", input_data={"big": "z" * 20_000})

    world.play(story)


def test_in_one_batch_a_conflicting_start_fails_alone(world: World):
    """The first of two inputs wins; others are untouched."""

    async def story(trail):
        came = await outcomes(
            world.start(trail, idempotency_key="k", input_data=1),
            world.start(trail, idempotency_key="k", input_data=2),
            world.start(trail),
        )
        assert [type(o).__name__ for o in came] == ["Execution", "IdempotencyConflict", "Execution"]

    world.play(story)


def test_names_that_no_database_stores_are_refused(world: World):
    """With the name in the message."""

    async def story(trail):
        with pytest.raises(UsageError, match="NUL"):
            await world.start(trail, user_id="a\x00b")

    world.play(story)


def test_a_database_reads_what_it_wrote_at_once(world: World):
    """A start that returned is seen by every reader."""

    async def story(trail):
        for _ in range(20):
            started = await world.start(trail)
            assert (await trail.get(started.id)).id == (await trail.list(limit=1))[0].id

    world.play(story)


def test_executions_are_listed_newest_first_in_pages(world: World):
    """`after` is the last one seen; ties in time are no trouble."""

    async def story(trail):
        ids = [(await world.start(trail)).id for _ in range(3)]
        world.clock.advance(seconds=1)
        ids += [(await world.start(trail)).id for _ in range(4)]
        first = await trail.list(limit=4)
        rest = await trail.list(limit=10, after=first[-1].id)
        assert [e.id for e in [*first, *rest]] == ids[::-1]

    world.play(story)


def test_executions_are_listed_by_status_agent_user_and_thread(world: World):
    """Filters combine."""

    async def story(trail):
        a = await world.start(trail, user_id="u1", thread_id="t1")
        b = await world.start(trail, user_id="u1", agent_type="other")
        await trail.cancel(a.id, by="Ada")
        assert [e.id for e in await trail.list(user="u1")] == [b.id, a.id]
        assert [e.id for e in await trail.list(user="u1", status="cancelled")] == [a.id]
        assert [e.id for e in await trail.list(agent="other")] == [b.id]
        assert [e.id for e in await trail.list(thread="t1")] == [a.id]
        assert await trail.list(user="nobody") == []

    world.play(story)


def test_what_does_not_exist_is_named(world: World):
    """Executions and blobs alike."""

    async def story(trail):
        for asked in (trail.get("e1"), trail.cancel("e1", by="a"), trail.retry("e1", by="a"), trail.blob("e1")):
            with pytest.raises(NotFound, match="'e1'"):
                await asked

    world.play(story)


def test_a_pending_execution_is_cancelled_at_once(world: World):
    """It never runs, and cannot be cancelled twice."""

    async def story(trail):
        started = await world.start(trail)
        cancelled = await trail.cancel(started.id, by="Ada")
        assert (cancelled.status, cancelled.ended) == ("cancelled", True)
        assert (await trail.events(started.id))[-1].data == {"by": "Ada"}
        assert await world.claim(trail) == ()
        with pytest.raises(IllegalTransition, match="nothing to cancel"):
            await trail.cancel(started.id, by="Bob")

    world.play(story)


def test_asking_twice_to_cancel_is_asking_once(world: World):
    """A running execution gets one request, however often it is made."""

    async def story(trail):
        held = await world.running(trail)
        await asyncio.gather(*(trail.cancel(held.execution.id, by=str(i)) for i in range(3)))
        found = kinds(await trail.events(held.execution.id))
        assert found.count(events.CANCEL_REQUESTED) == 1
        await trail.append(step(held, event(events.CANCELLED, by="request"), status="cancelled"))

    world.play(story)


def test_a_failed_execution_can_be_retried(world: World):
    """It is claimable again, with its whole journal; the old end is cleared."""

    async def story(trail):
        held = await world.running(trail)
        await trail.append(step(held, status="failed", status_reason="MODEL_UNAVAILABLE", error="e", result={"p": 1}))
        retried = await trail.retry(held.execution.id, by="Ada")
        assert (retried.status, retried.status_reason, retried.error) == ("pending", None, None)
        assert (retried.result, retried.completed_at) == (None, None)
        (again,) = await world.claim(trail)
        assert kinds(again.events)[-2:] == [events.RETRIED, events.CLAIMED]
        with pytest.raises(IllegalTransition, match="only a failed one"):
            await trail.retry(held.execution.id, by="Ada")

    world.play(story)


def test_a_payload_is_stored_once(world: World):
    """By its SHA-256."""

    async def story(trail):
        digests = await asyncio.gather(*(trail.put_blob(b"\x00\xff" * 10, media_type="image/png") for _ in range(5)))
        assert len(set(digests)) == 1
        assert await trail.blob(digests[0]) == b"\x00\xff" * 10

    world.play(story)


def test_a_watcher_is_told_of_every_commit(world: World):
    """Also of those that another process makes."""

    async def story(trail):
        held = await world.running(trail)
        async with world.trail() as other:
            watching = other.watch(held.execution.id)
            seen = [1, 2]
            for number in range(3, 8):
                await (trail if number % 2 else other).append(step(held))
                while seen[-1] < number:
                    await asyncio.wait_for(anext(watching), 10)
                    seen += [e.seq for e in await other.events(held.execution.id, after=seen[-1])]
            await watching.aclose()
        assert seen == list(range(1, 8))

    world.play(story)


def test_closing_lets_watchers_go(world: World):
    """A watch ends with its trail instead of hanging."""

    async def story(trail):
        started = await world.start(trail)

        async def watch(other):
            async for _ in other.watch(started.id):
                pass

        async with world.trail() as other:
            watching = asyncio.create_task(watch(other))
            await asyncio.sleep(0)
        await asyncio.wait_for(watching, 10)

    world.play(story)


def test_an_unknown_record_is_refused_not_guessed(world: World):
    """A journal with an event of a newer Holdfast is not read, and not worked on."""

    async def story(trail):
        started = await world.start(trail)
        await world.start(trail, id=new_id())
        known, events.VERSIONS[events.STARTED] = events.VERSIONS[events.STARTED], 0
        try:
            with pytest.raises(UnknownRecord, match="upgrade"):
                await trail.events(started.id)
            assert await world.claim(trail) == []
        finally:
            events.VERSIONS[events.STARTED] = known
        now = await trail.get(started.id)
        assert (now.status, now.status_reason) == ("pending", "UNKNOWN_RECORD")
        assert await world.claim(trail) == ()
        world.clock.advance(minutes=2)
        assert len(await world.claim(trail)) == 2

    world.play(story)
