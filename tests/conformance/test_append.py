"""Appends: fenced, atomic, ordered, and refused one by one."""

import asyncio
from decimal import Decimal

import pytest

from holdfast.errors import CancelRequested, IllegalTransition, NotFound, StaleFence, StoreError, UsageError
from holdfast.trail import events
from holdfast.trail.codec import canonical
from holdfast.types import CallChange
from tests.conformance.world import World, event, kinds, outcomes, step


def test_an_append_is_read_back_as_it_was_written(world: World):
    """Events keep their order, their data and their time, and get numbers without gaps."""

    async def story(trail):
        held = await world.running(trail)
        done = await trail.append(
            step(held, event(step=1, text="ö\u2028 'quoted' \\ %s"), event(step=2, n=[1.5, None]))
        )
        found = await trail.events(held.execution.id)
        assert [e.seq for e in found] == [1, 2, 3, 4]
        assert found[2].data == {"step": 1, "text": "ö\u2028 'quoted' \\ %s"}
        assert found[3].data == {"step": 2, "n": [1.5, None]}
        assert (done.seq, found[3].at) == (4, world.clock.at)
        assert kinds(await trail.events(held.execution.id, after=2, limit=1)) == [events.MODEL_RESPONDED]

    world.play(story)


def test_an_append_updates_the_execution(world: World):
    """Counters are the new values; costs are exact; what is not named stays."""

    async def story(trail):
        held = await world.running(trail)
        cost = Decimal("0.1000000000001")
        await trail.append(step(held, step_count=3, token_count=10**10, cost_usd=cost, state={"at": "lookup"}))
        await trail.append(step(held, reserved_tokens=7, reserved_usd=Decimal("0.2"), deadline=world.clock.at))
        now = await trail.get(held.execution.id)
        assert (now.step_count, now.token_count, now.cost_usd, now.state) == (3, 10**10, cost, {"at": "lookup"})
        assert (now.reserved_tokens, now.reserved_usd, now.deadline) == (7, Decimal("0.2"), world.clock.at)
        assert (now.status, now.lease_owner, now.last_seq) == ("running", "ada", 4)

    world.play(story)


def test_a_stale_worker_is_refused(world: World):
    """A worker whose execution was taken over can write nothing more."""

    async def story(trail):
        held = await world.running(trail)
        await trail.sweep(dead=["ada"])
        with pytest.raises(StaleFence):
            await trail.append(step(held))
        (again,) = await world.claim(trail, "bob")
        with pytest.raises(StaleFence):
            await trail.append(step(held, status="completed"))
        await trail.append(step(again))
        assert again.execution.fence == held.execution.fence + 1

    world.play(story)


def test_a_parked_execution_takes_no_append(world: World):
    """Leaving `running` gives up the lease; the old holder is refused at once."""

    async def story(trail):
        held = await world.running(trail)
        await trail.append(step(held, status="pending", status_reason="RETRY_LATER", wake_at=world.clock.at))
        with pytest.raises(StaleFence):
            await trail.append(step(held))
        now = await trail.get(held.execution.id)
        assert (now.status, now.status_reason, now.lease_owner) == ("pending", "RETRY_LATER", None)
        assert now.wake_at == world.clock.at

    world.play(story)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_nothing_follows_an_end(world: World, status: str):
    """An ended execution is dated, and refuses further steps."""

    async def story(trail):
        held = await world.running(trail)
        await trail.append(step(held, status=status, result={"a": 1}, error="why"))
        with pytest.raises(IllegalTransition):
            await trail.append(step(held, status="running"))
        now = await trail.get(held.execution.id)
        assert (now.status, now.completed_at, now.result, now.error) == (status, world.clock.at, {"a": 1}, "why")
        assert now.ended

    world.play(story)


def test_running_cannot_be_asked_for(world: World):
    """Only a claim makes an execution `running`."""

    async def story(trail):
        held = await world.running(trail)
        with pytest.raises(IllegalTransition, match="running cannot follow running"):
            await trail.append(step(held, status="running"))

    world.play(story)


def test_a_refused_append_leaves_no_trace_and_hurts_no_neighbour(world: World):
    """In one batch, the stale and the illegal are refused and everything else is stored."""

    async def story(trail):
        held = [await world.running(trail) for _ in range(20)]
        await trail.append(step(held[3], status="completed"))
        lost = step(held[5])
        object.__setattr__(lost, "fence", 99)
        asked = [step(h, event(step=i)) for i, h in enumerate(held)]
        asked[5] = lost
        came = await outcomes(*(trail.append(a) for a in asked))
        refused = {i: type(o) for i, o in enumerate(came) if isinstance(o, Exception)}
        assert refused == {3: IllegalTransition, 5: StaleFence}
        assert [len(await trail.events(h.execution.id)) for h in held] == [3 if i != 5 else 2 for i in range(20)]

    world.play(story)


def test_two_appends_of_one_execution_in_one_batch_see_each_other(world: World):
    """What is sent together is stored in order; after a parking the rest is refused."""

    async def story(trail):
        held = await world.running(trail)
        asked = [step(held, event(step=i), step_count=i) for i in range(5)]
        asked.insert(3, step(held, event(step=9), status="pending"))
        came = await outcomes(*(trail.append(a) for a in asked))
        assert [type(o) for o in came[4:]] == [StaleFence, StaleFence]
        assert [e.data.get("step") for e in await trail.events(held.execution.id, after=2)] == [0, 1, 2, 9]
        assert (await trail.get(held.execution.id)).step_count == 2

    world.play(story)


def test_a_value_the_database_rejects_fails_alone(world: World):
    """A poisoned request gets an error; its neighbours and its successors are stored."""

    async def story(trail):
        held = [await world.running(trail) for _ in range(5)]
        asked = [step(h, token_count=2**70 if i == 2 else 1) for i, h in enumerate(held)]
        came = await outcomes(*(trail.append(a) for a in asked))
        assert [isinstance(o, StoreError) for o in came] == [False, False, True, False, False]
        await trail.append(step(held[2], token_count=5))
        assert trail.health().ok

    world.play(story)


def test_an_unknown_execution_or_a_step_without_a_fact_is_refused(world: World):
    """A mistake is told with its fix."""

    async def story(trail):
        held = await world.running(trail)
        stranger = step(held)
        object.__setattr__(stranger, "execution_id", "nobody")
        with pytest.raises(NotFound):
            await trail.append(stranger)
        empty = step(held)
        object.__setattr__(empty, "events", ())
        with pytest.raises(UsageError, match="needs an event"):
            await trail.append(empty)
        with pytest.raises(UsageError, match="VERSIONS"):
            await trail.append(step(held, event("made.up")))

    world.play(story)


def test_tool_calls_keep_what_a_change_does_not_name(world: World):
    """A call's row is made by its intent and completed by its outcome."""

    async def story(trail):
        held = await world.running(trail)
        call_id = f"{held.execution.id}:1:0"

        def change(status, **more):
            return CallChange(
                id=call_id, status=status, step_number=1, tool_name="pay", effect="irreversible",
                idempotency_key=call_id, **more,
            )  # fmt: skip

        called = world.clock.at
        await trail.append(step(held, calls=(change("running", tool_input={"a": 1}, attempt=1, called_at=called),)))
        await trail.append(
            step(held, calls=(change("completed", tool_output=[1, 2], latency_ms=1.5, finished_at=called),))
        )
        (call,) = (await trail.get(held.execution.id)).tool_calls
        assert (call.status, call.tool_input, call.tool_output, call.attempt) == ("completed", {"a": 1}, [1, 2], 1)
        assert (call.latency_ms, call.called_at, call.finished_at, call.error) == (1.5, called, called, None)

    world.play(story)


def test_a_call_whose_text_is_known_reads_like_any_other(world: World):
    """What a call was given and gave comes back in full where its text came with it, large values too."""

    async def story(trail):
        held = await world.running(trail)
        call_id, given, gave = f"{held.execution.id}:1:0", {"a": 1, "$blob": "no reference"}, ["x" * 20_000, None]
        change = CallChange(
            id=call_id, status="completed", step_number=1, tool_name="pay", effect="read", idempotency_key=call_id,
            tool_input=given, input_text=canonical(given), tool_output=gave, output_text=canonical(gave),
        )  # fmt: skip
        await trail.append(step(held, calls=(change,)))
        (call,) = (await trail.get(held.execution.id)).tool_calls
        assert (call.tool_input, call.tool_output) == (given, gave)

    world.play(story)


def test_calls_are_listed_in_the_order_they_were_made(world: World):
    """The tenth call of a step comes after the second."""

    async def story(trail):
        held = await world.running(trail)
        ids = [f"{held.execution.id}:1:{i}" for i in range(11)]
        calls = tuple(
            CallChange(id=i, status="pending", step_number=1, tool_name="t", effect="read", idempotency_key=i)
            for i in reversed(ids)
        )
        await trail.append(step(held, calls=calls))
        assert [c.id for c in (await trail.get(held.execution.id)).tool_calls] == ids

    world.play(story)


def test_a_cancel_request_stops_new_beginnings_but_not_outcomes(world: World):
    """After a cancel request, a step that would start something is refused; results are still recorded."""

    async def story(trail):
        held = await world.running(trail)
        asked = await trail.cancel(held.execution.id, by="Ada")
        assert (asked.status, asked.cancel_requested_at) == ("running", world.clock.at)
        with pytest.raises(CancelRequested):
            await trail.append(step(held, refuse_if_cancelled=True))
        done = await trail.append(step(held))
        assert done.cancel_requested
        found = await trail.events(held.execution.id)
        assert kinds(found)[2:] == [events.CANCEL_REQUESTED, events.MODEL_RESPONDED]

    world.play(story)


def test_large_values_are_stored_once_and_read_back_in_full(world: World):
    """A ten-megabyte result is a blob; events, calls and the execution show it whole."""

    async def story(trail):
        held = await world.running(trail)
        large = {"rows": ["x" * 100] * 2_000}
        call = CallChange(
            id="c",
            status="completed",
            step_number=1,
            tool_name="t",
            effect="read",
            idempotency_key="c",
            tool_output=large,
        )
        await trail.append(step(held, event(content=large), calls=(call,), status="completed", result=large))
        now = await trail.get(held.execution.id)
        assert now.result == now.tool_calls[0].tool_output == large
        assert (await trail.events(held.execution.id))[-1].data == {"content": large}

    world.play(story)


def test_secrets_never_reach_the_database(world: World):
    """Whatever the caller hands over, redaction comes first."""

    async def story(trail):
        held = await world.running(trail)
        secret = "sk-" + "a1" * 20
        await trail.append(
            step(held, event(text=f"key {secret}"), status="failed", error=f"no {secret}", result=secret)
        )
        now = await trail.get(held.execution.id)
        assert secret not in repr((now, await trail.events(now.id)))
        assert "[redacted:api_key]" in (now.error or "")

    world.play(story)


def test_a_full_line_makes_callers_wait(world: World):
    """With room for four, a hundred appends wait their turn: all are stored, and memory stays bounded."""

    async def story(trail):
        held = await world.running(trail)
        longest = 0

        async def one(number):
            nonlocal longest
            await trail.append(step(held, event(step=number)))
            longest = max(longest, trail._parts.writer._inbox._items.qsize())

        await asyncio.gather(*(one(i) for i in range(100)))
        assert longest <= 4
        assert len(await trail.events(held.execution.id)) == 102

    world.play(story, capacity=4)
