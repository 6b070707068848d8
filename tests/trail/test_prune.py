"""What is old enough goes, in small steps; who decided what stays if that is wanted, and a cut is not a pruning."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from holdfast.errors import IllegalTransition, Pruned
from holdfast.trail import events as kinds
from holdfast.trail import prune_plan
from holdfast.trail.audit import Report, verify_database
from holdfast.trail.place import locate
from holdfast.trail.trail import Trail
from holdfast.types import PruneBatch, PruneRule
from tests.conformance.world import World, event, new_execution, outcomes, ruling, step, use

LARGE = "x" * 20_000


@pytest.fixture
def world(database: str) -> World:
    """A database with nothing in it, and a clock."""
    return World(database)


async def completed(world: World, trail: Trail, *, approved: bool = False, **changes: object) -> str:
    """An execution that has ended, maybe with a yes of a person's on the way."""
    claimed = await world.running(trail, **changes)
    if approved:
        question = world.question()
        intent = event(kinds.CALL_DECIDED, call_id="c1", arguments={"a": 1})
        asked = event(kinds.APPROVAL_OPENED, approval_id=question.id)
        await trail.append(step(claimed, intent, asked, approvals=(question,)))
        await trail.decide(ruling(question.id))
        await trail.append(step(claimed, event(kinds.CALL_DISPATCHED, call_id="c1"), uses=(use(question.id),)))
    done = event(kinds.COMPLETED, result="done", rung=0)
    await trail.append(step(claimed, done, status="completed", result="done"))
    return claimed.execution.id


def older_than(world: World, days: float, **how: object) -> PruneRule:
    return PruneRule(before=world.clock.at - timedelta(days=days), **how)


async def prune(trail: Trail, rule: PruneRule) -> PruneBatch:
    """Prune to the end; what it came to."""
    steps = [done async for done in trail.prune(rule, by="ann", why="rule")]
    return PruneBatch(
        executions=sum(one.executions for one in steps),
        events=sum(one.events for one in steps),
        spared=sum(one.spared for one in steps),
    )


def checked(world: World) -> Report:
    return asyncio.run(verify_database(world.database))


def tamper(world: World, *statements: str) -> None:
    """What somebody with access to the database may do."""
    engine = create_engine(locate(world.database).sqlalchemy_url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def count(world: World, table: str) -> int:
    engine = create_engine(locate(world.database).sqlalchemy_url)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return found


OWNED = ("executions", "events", "tool_calls", "approvals", "model_usage", "feedback", "subscriptions", "outbox")


def test_without_the_audit_nothing_stays_but_that_it_was_pruned(world: World):
    """Every row of an old execution goes; the young one stays, and the record verifies."""

    async def story(trail: Trail) -> None:
        old = await completed(world, trail, approved=True)
        world.clock.advance(days=100)
        young = await completed(world, trail)
        assert (await prune(trail, older_than(world, 90))).executions == 1
        assert (await trail.get(young)).status == "completed"
        with pytest.raises(Pruned, match="nothing of it stays"):
            await trail.get(old)

    world.play(story)
    assert [count(world, f"agent_{name}") for name in OWNED] == [1, 3, 0, 0, 0, 0, 0, 0]
    assert (checked(world).ok, checked(world).pruned) == (True, 1)


def test_with_the_audit_who_decided_what_stays_and_verifies(world: World):
    """Input, result and payloads go; the yes, what it was for and who gave it are there, hash by hash."""

    async def story(trail: Trail) -> None:
        old = await completed(world, trail, approved=True)
        world.clock.advance(days=100)
        assert (await prune(trail, older_than(world, 90, keep_audit=True))).executions == 1
        found = await trail.get(old)
        assert (found.input_data, found.result, found.pruned_at) == (None, None, world.clock.at)
        left = [one.kind for one in await trail.remains(old)]
        decisions = ["call.decided", "approval.opened", "approval.decided", "call.dispatched"]
        assert left == ["journal.pruned", *decisions, "journal.pruned"]
        (approval,) = await trail.approvals(status=None, execution_id=old)
        assert (approval.decided_by, approval.arguments) == ("Ada", {"amount": 120})

    world.play(story)
    assert checked(world).ok


def test_the_operators_record_says_who_pruned_what_by_which_rule(world: World):
    """An entry with the rule, how much went, and a digest over it."""

    async def story(trail: Trail) -> None:
        await completed(world, trail)
        world.clock.advance(days=100)
        await prune(trail, older_than(world, 90, agents=("clerk",)))
        (entry,) = await trail.audit()
        assert entry.kind == "executions.pruned"
        told = entry.data
        assert (told["by"], told["why"], told["executions"], told["events"]) == ("ann", "rule", 1, 3)
        assert told["rule"]["agents"] == ["clerk"]
        assert len(told["removed"]) == 64

    world.play(story)


MARK = "UPDATE agent_executions SET pruned_at = created_at WHERE id = '{young}'"
EMPTY = "DELETE FROM agent_events WHERE execution_id = '{young}'"
NOTE = """INSERT INTO agent_pruned (execution_id, entry, last_seq, last_hash, remains)
    SELECT id, {entry}, last_seq, last_hash, NULL FROM agent_executions WHERE id = '{young}'"""
REMOVE = "DELETE FROM agent_executions WHERE id = '{young}'"
YES = "WHERE execution_id = '{old}' AND kind = 'approval.decided'"
GAP = "WHERE execution_id = '{old}' AND kind = 'journal.pruned'"
CUTS: dict[str, Sequence[str]] = {
    "marked by hand": [MARK],
    "marked and emptied by hand": [MARK, EMPTY],
    "marked, emptied and noted under a real pruning": [MARK, EMPTY, NOTE.replace("{entry}", "1")],
    "removed and noted under a real pruning": [EMPTY, NOTE.replace("{entry}", "1"), REMOVE],
    "removed and noted under no pruning": [EMPTY, NOTE.replace("{entry}", "9"), REMOVE],
    "a decision removed": [f"DELETE FROM agent_events {YES}"],
    "a decision made a gap": [f"UPDATE agent_events SET kind = 'journal.pruned', data = '{{{{\"events\":1}}}}' {YES}"],
    "a decision rewritten": [f'UPDATE agent_events SET data = \'{{{{"by":"bob"}}}}\' {YES}'],
    "a gap moved in time": [f"UPDATE agent_events SET at = '2026-11-21T09:00:00.000000+00:00' {GAP}"],
    "its mark removed": ["UPDATE agent_executions SET pruned_at = NULL WHERE id = '{old}'"],
    "its row removed": ["DELETE FROM agent_events", "DELETE FROM agent_approvals", "DELETE FROM agent_executions"],
    "its note removed": ["DELETE FROM agent_pruned"],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_cut_is_not_taken_for_a_pruning(sqlite_database: str, cut: Sequence[str]):
    """Whoever removes or changes events and calls it pruned is found out."""
    world, made = World(sqlite_database), dict[str, str]()

    async def story(trail: Trail) -> None:
        made["old"] = await completed(world, trail, approved=True)
        world.clock.advance(days=100)
        made["young"] = await completed(world, trail)
        await prune(trail, older_than(world, 90, keep_audit=True))

    world.play(story)
    assert checked(world).ok
    tamper(world, *(statement.format(**made) for statement in cut))
    assert not checked(world).ok


def test_a_family_goes_together_or_not_at_all(world: World):
    """While one of those that an execution started is too young, all of them stay."""

    async def story(trail: Trail) -> None:
        head = await completed(world, trail)
        child = new_execution(parent_id=head)
        await trail.start(child)
        world.clock.advance(days=100)
        assert (await prune(trail, older_than(world, 90))).executions == 0
        (claimed,) = await world.claim(trail)
        await trail.append(step(claimed, event(kinds.COMPLETED), status="completed"))
        assert (await prune(trail, older_than(world, 90))).executions == 0
        world.clock.advance(days=100)
        assert (await prune(trail, older_than(world, 90))).executions == 2

    world.play(story)
    assert checked(world).ok


def test_a_living_thread_keeps_what_it_is_told(world: World, monkeypatch: pytest.MonkeyPatch):
    """Of a conversation that goes on the newest that are told stay; of one that is over everything goes."""
    monkeypatch.setattr(prune_plan, "TOLD_FROM", 4)

    async def story(trail: Trail) -> None:
        for _ in range(5):
            await completed(world, trail, thread_id="alive")
            world.clock.advance(seconds=1)
        await completed(world, trail, thread_id="over")
        world.clock.advance(days=100)
        await completed(world, trail, thread_id="alive")
        done = await prune(trail, older_than(world, 90))
        assert (done.executions, done.spared) == (3, 3)

    world.play(story)


def test_beside_an_execution_that_waits_its_thread_stays_whole(world: World):
    """It may have begun before all that came since, and be told what was before it."""

    async def story(trail: Trail) -> None:
        await completed(world, trail, thread_id="t")
        await world.start(trail, thread_id="t")
        world.clock.advance(days=100)
        assert await prune(trail, older_than(world, 90)) == PruneBatch(spared=1)

    world.play(story)


def test_filters_choose_by_agent_and_status(world: World):
    """Only failed ones of one agent go, if that is the rule."""

    async def story(trail: Trail) -> None:
        await completed(world, trail)
        failing = await world.running(trail)
        await trail.append(step(failing, event(kinds.FAILED), status="failed", error="x", status_reason="X"))
        world.clock.advance(days=100)
        assert (await prune(trail, older_than(world, 90, agents=("other",)))).executions == 0
        assert (await prune(trail, older_than(world, 90, statuses=("failed",)))).executions == 1
        with pytest.raises(Pruned):
            await trail.get(failing.execution.id)

    world.play(story)


def test_looking_first_changes_nothing(world: World):
    """What would be pruned is counted, and is still there."""

    async def story(trail: Trail) -> None:
        old = await completed(world, trail)
        world.clock.advance(days=100)
        would = await trail.would_prune(older_than(world, 90))
        assert (would.executions, would.events) == (1, 3)
        assert (await trail.get(old)).ended

    world.play(story)


def test_pruning_that_was_broken_off_goes_on(world: World):
    """After any step the record verifies, and the next run does what was left to do."""

    async def story(trail: Trail) -> None:
        for _ in range(6):
            await completed(world, trail)
        world.clock.advance(days=100)
        steps = trail.prune(older_than(world, 90, keep_audit=True), by="ann")
        await anext(steps)
        await anext(steps)
        await steps.aclose()
        rest = await prune(trail, older_than(world, 90, keep_audit=True))
        assert rest.executions < 6
        assert (await prune(trail, older_than(world, 90, keep_audit=True))).executions == 0

    world.play(story)
    assert (checked(world).ok, checked(world).pruned) == (True, 6)


def test_what_is_left_of_the_audit_goes_by_a_second_rule(world: World):
    """First the payloads, after years the rest; the record tells of both."""

    async def story(trail: Trail) -> None:
        old = await completed(world, trail, approved=True)
        world.clock.advance(days=100)
        await prune(trail, older_than(world, 90, keep_audit=True))
        assert (await prune(trail, older_than(world, 90))).executions == 1
        with pytest.raises(Pruned, match="nothing of it stays"):
            await trail.get(old)

    world.play(story)
    assert (checked(world).ok, checked(world).pruned) == (True, 1)


def test_the_reader_of_a_pruned_journal_is_told_so(world: World):
    """From its beginning, from the middle and at its end: never an empty journal, never a part of one."""

    async def story(trail: Trail) -> None:
        old = await completed(world, trail, approved=True)
        last = (await trail.get(old)).last_seq
        world.clock.advance(days=100)
        await prune(trail, older_than(world, 90, keep_audit=True))
        asked: list[Callable[[], Awaitable[object]]] = [
            lambda: trail.events(old),
            lambda: trail.events(old, after=1),
            lambda: trail.outline(old),
            lambda: trail.stretch(old, after=0, until=3),
            lambda: trail.changes_of(old),
            lambda: trail.retry(old, by="ann"),
        ]
        found = await outcomes(*(ask() for ask in asked))
        assert [type(one) for one in found] == [Pruned] * len(asked), found
        assert str(await trail.pruned(old)) == str(found[0])
        assert last == 7

    world.play(story)


def test_a_key_still_stands_for_what_was_pruned(world: World):
    """With the audit kept, asking again under an idempotency key starts nothing anew; without, it does."""

    async def story(trail: Trail) -> None:
        old = await completed(world, trail, idempotency_key="k")
        world.clock.advance(days=100)
        await prune(trail, older_than(world, 90, keep_audit=True))
        assert (await trail.start(new_execution(idempotency_key="k"))).id == old
        await prune(trail, older_than(world, 90))
        assert (await trail.start(new_execution(idempotency_key="k"))).id != old

    world.play(story)


def test_payloads_go_when_nobody_refers_to_them(world: World):
    """What another execution refers to, or somebody stored within a day, stays."""

    async def story(trail: Trail) -> None:
        await completed(world, trail, input_data=LARGE)
        world.clock.advance(days=100)
        await completed(world, trail, input_data=LARGE * 2)
        await prune(trail, older_than(world, 90))
        world.clock.advance(days=2)
        forgotten = sum([one.payloads async for one in trail.forget_payloads()])
        assert forgotten == 1 or not world.sqlite  # PostgreSQL goes by its own clock
        (kept,) = [one for one in await trail.list() if one.result == "done"]
        assert (await trail.get(kept.id)).input_data == LARGE * 2

    world.play(story)
    assert checked(world).ok


def test_a_failed_execution_that_is_retried_meanwhile_stays(world: World):
    """What was planned is looked at again in the transaction that takes it away."""

    async def story(trail: Trail) -> None:
        failing = await world.running(trail)
        await trail.append(step(failing, event(kinds.FAILED), status="failed", error="x", status_reason="X"))
        world.clock.advance(days=100)
        steps = trail.prune(older_than(world, 90), by="ann")
        await anext(steps)  # planned
        await trail.retry(failing.execution.id, by="bob")
        assert [one.executions async for one in steps] == [0]
        with pytest.raises(IllegalTransition):
            await trail.retry(failing.execution.id, by="bob")

    world.play(story)
