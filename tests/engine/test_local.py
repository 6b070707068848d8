"""The embedded engine: everything pending is worked on, within bounds, and nothing is lost or runs hot."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from holdfast.engine.backoff import REASON
from holdfast.errors import CancelRequested, NotFound, StaleFence
from holdfast.trail import events as kinds
from holdfast.trail.trail import Trail
from holdfast.types import Claimed
from tests.engine.kit import AGENT, engine, finish, kinds_of, opened, park, start, until, working

T = TypeVar("T")


def run(scenario: Coroutine[object, object, T]) -> T:
    return asyncio.run(asyncio.wait_for(scenario, 60))  # type: ignore[arg-type]


def test_what_is_pending_is_worked_on(database: str):
    """Executions started before and while a worker runs are brought to their end."""

    async def scenario() -> None:
        async with opened(database) as trail:
            before = await start(trail)
            async with working(trail, lambda claimed: finish(trail, claimed)):
                await until(trail, before, lambda e: e.ended)
                during = await start(trail)
                await until(trail, during, lambda e: e.ended)

    run(scenario())


def test_another_process_s_start_is_noticed(database: str):
    """A worker takes up what another process started."""

    async def scenario() -> None:
        async with (
            opened(database) as trail,
            opened(database) as elsewhere,
            working(trail, lambda claimed: finish(trail, claimed), lease_s=60),
        ):
            await until(trail, await start(trail), lambda e: e.ended)
            await until(elsewhere, await start(elsewhere), lambda e: e.ended, within_s=5)

    run(scenario())


def test_no_more_run_at_once_than_allowed(sqlite_database: str):
    """Concurrency is a bound, and a freed slot is filled."""
    most = 0

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:

            async def activate(claimed: Claimed) -> None:
                nonlocal most
                most = max(most, worker.running)
                await finish(trail, claimed)

            ids = [await start(trail) for _ in range(20)]
            worker = engine(trail, activate, concurrency=3)
            await worker.drain()
            assert [(await trail.get(i)).status for i in ids] == ["completed"] * 20

    run(scenario())
    assert most == 3


def test_higher_priority_goes_first(sqlite_database: str):
    """Among what waits, priority decides, then age."""
    order: list[str] = []

    async def scenario() -> list[str]:
        async with opened(sqlite_database) as trail:

            async def activate(claimed: Claimed) -> None:
                order.append(claimed.execution.id)
                await finish(trail, claimed)

            ids = [await start(trail, priority=priority) for priority in (0, 5, 0, 9)]
            await engine(trail, activate, concurrency=1).drain()
            return [ids[3], ids[1], ids[0], ids[2]]

    assert run(scenario()) == order


def test_draining_waits_for_what_is_due_soon(sqlite_database: str):
    """A drain works on what wakes within a minute, and leaves what wakes next week."""

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:
            soon, late = await start(trail), await start(trail)

            async def activate(claimed: Claimed) -> None:
                if len(claimed.events) > 2 and claimed.execution.id == soon:
                    await finish(trail, claimed)
                else:
                    delay = timedelta(seconds=0.3) if claimed.execution.id == soon else timedelta(days=7)
                    await park(trail, claimed, wake_at=datetime.now(UTC) + delay)

            await engine(trail, activate).drain()
            assert (await trail.get(soon)).status == "completed"
            assert (await trail.get(late)).status == "pending"

    run(scenario())


def test_other_agents_work_is_left_alone(sqlite_database: str):
    """A worker takes only executions of agents that it has."""

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:
            other = await start(trail, agent="other")
            await engine(trail, lambda claimed: finish(trail, claimed)).drain()
            assert (await trail.get(other)).status == "pending"

    run(scenario())


def test_only_one_execution_when_asked(sqlite_database: str):
    """An engine made for one execution leaves the others."""

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:
            mine, other = await start(trail), await start(trail)
            async with working(trail, lambda claimed: finish(trail, claimed), only=mine):
                await until(trail, mine, lambda e: e.ended)
            assert (await trail.get(other)).status == "pending"

    run(scenario())


class Odd(Exception):
    """Something nobody expected."""


@pytest.mark.parametrize("error", [Odd("boom"), SystemExit(3), asyncio.CancelledError(), CancelRequested()])
def test_a_broken_activation_is_tried_again(sqlite_database: str, error: BaseException):
    """Whatever escapes an activation, its execution is neither lost nor run hot."""
    attempts = 0

    async def scenario() -> list[str]:
        async with opened(sqlite_database) as trail:

            async def activate(claimed: Claimed) -> None:
                nonlocal attempts
                attempts += 1
                if attempts == 1:
                    raise error
                await finish(trail, claimed)

            broken = await start(trail)
            await engine(trail, activate).drain()
            events = await trail.events(broken)
            assert [e.data["reason"] for e in events if e.kind == kinds.PARKED] == [REASON]
            return await kinds_of(trail, broken)

    assert run(scenario())[-2:] == [kinds.CLAIMED, kinds.COMPLETED]
    assert attempts == 2


def test_a_lost_fence_just_ends_the_activation(sqlite_database: str):
    """An execution that belongs to another worker is dropped, not written to."""

    async def scenario() -> list[str]:
        async with opened(sqlite_database) as trail:
            dropped = asyncio.Event()

            async def activate(claimed: Claimed) -> None:
                await finish(trail, claimed)
                dropped.set()
                raise StaleFence

            mine = await start(trail)
            async with working(trail, activate):
                await dropped.wait()
            return await kinds_of(trail, mine)

    assert run(scenario()) == [kinds.STARTED, kinds.CLAIMED, kinds.COMPLETED]


def test_stopping_lets_a_turn_reach_its_commit(sqlite_database: str):
    """An activation that looks at `stopping` parks, and its worker ends without cancelling it."""

    async def scenario() -> list[str]:
        async with opened(sqlite_database) as trail:
            begun = asyncio.Event()

            async def activate(claimed: Claimed) -> None:
                begun.set()
                await worker.stopping.wait()
                await park(trail, claimed)

            mine = await start(trail)
            async with working(trail, activate) as worker:
                await begun.wait()
            assert (await trail.get(mine)).status == "pending"
            return await kinds_of(trail, mine)

    assert run(scenario())[-1] == kinds.PARKED


def test_after_the_grace_period_the_rest_is_given_back(sqlite_database: str):
    """An activation that does not end in time is cancelled, and claimable at once."""

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:
            begun = asyncio.Event()

            async def activate(claimed: Claimed) -> None:
                begun.set()
                await asyncio.Event().wait()

            mine = await start(trail)
            async with working(trail, activate, grace_s=0.1):
                await begun.wait()
            assert (await trail.get(mine)).status == "pending"
            assert await trail.workers() == []
            await engine(trail, lambda claimed: finish(trail, claimed)).drain()
            assert (await trail.get(mine)).status == "completed"

    run(scenario())


def test_several_engines_share_the_work(database: str):
    """Engines on one database never work on one execution together, and leave none."""
    claims: list[str] = []

    async def scenario() -> None:
        async with opened(database) as one, opened(database) as two:

            def activation(trail: Trail):
                async def activate(claimed: Claimed) -> None:
                    claims.append(claimed.execution.id)
                    await finish(trail, claimed)

                return activate

            ids = [await start(one) for _ in range(60)]
            engines = [engine(trail, activation(trail), concurrency=4) for trail in (one, two)]
            await asyncio.gather(*(worker.drain() for worker in engines))
            assert {(await one.get(i)).status for i in ids} == {"completed"}
            assert sorted(claims) == sorted(ids)

    run(scenario())


def test_a_lost_lease_stops_what_runs_and_begins_anew(sqlite_database: str):
    """A worker that was given up for dead cancels its activations and comes back under a new name."""

    async def scenario() -> None:
        async with opened(sqlite_database) as trail, opened(sqlite_database) as other:
            begun, cancelled = asyncio.Event(), asyncio.Event()

            async def activate(claimed: Claimed) -> None:
                if begun.is_set():
                    await finish(trail, claimed)
                    return
                begun.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.set()
                    raise

            mine = await start(trail)
            async with working(trail, activate, lease_s=1, worker_id="w") as worker:
                await begun.wait()
                await other.sweep(dead=["w"])
                await cancelled.wait()
                assert (await until(trail, mine, lambda e: e.ended)).fence == 2
                assert worker.worker_id == "w.2"

    run(scenario())


def test_a_worker_that_waits_asks_seldom(sqlite_database: str):
    """With nothing to do, a worker costs a few questions a second at most."""
    asked = 0

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:
            real = trail.claim

            async def claim(*args: object, **options: object):
                nonlocal asked
                asked += 1
                return await real(*args, **options)  # type: ignore[arg-type]

            trail.claim = claim  # type: ignore[method-assign]
            async with working(trail, lambda claimed: finish(trail, claimed), agents={AGENT: "1"}) as worker:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(worker.stopping.wait(), 1.5)

    run(scenario())
    assert asked < 12


def test_a_drained_worker_stops_and_stays_drained_under_its_next_name(sqlite_database: str):
    """Also one that lost its lease meanwhile: what was said of it holds."""

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:
            worker = engine(trail, lambda claimed: finish(trail, claimed), worker_id="w", lease_s=1)
            task = asyncio.create_task(worker.run())
            mine = await start(trail)
            await until(trail, mine, lambda e: e.ended)
            assert worker.caretaker() == "w"
            assert await trail.drain_worker("w", by="test")
            await asyncio.wait_for(task, 20)
            assert worker.caretaker() == ""
            late = await start(trail)
            assert await trail.claim("w", agents=[AGENT], limit=1) == ()
            assert (await trail.get(late)).status == "pending"
            await worker._register()
            assert [peer.drains for peer in (await trail.sweep()).peers] == [True]
            await worker._let_go()

    run(scenario())


def test_one_that_works_on_a_single_execution_is_not_drained(sqlite_database: str):
    """Its caller waits for that one."""

    async def scenario() -> None:
        async with opened(sqlite_database) as trail:
            mine = await start(trail)
            async with working(trail, lambda claimed: finish(trail, claimed), worker_id="w", only=mine):
                await until(trail, mine, lambda e: e.ended)
                with pytest.raises(NotFound, match="takes up work"):
                    await trail.drain_worker("w", by="test")

    run(scenario())
