"""Any sequence of starts, claims, steps, questions, answers, cancels, retries, expiries and crashes leaves the trail
as a small model in memory says it must be."""

import asyncio
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast.errors import (
    AlreadyDecided,
    ApprovalUnusable,
    CancelRequested,
    IdempotencyConflict,
    IllegalTransition,
    Refused,
    StaleFence,
)
from holdfast.types import Append
from tests.conformance.world import World, event, intact, new_execution, ruling, use
from tests.postgres import Postgres

WORKERS = ("ada", "bob")
ENDED = ("completed", "failed", "cancelled")
picks = st.integers(0, 3)


@dataclass
class Asked:
    """A question in the model."""

    execution: "Modelled"
    expires_at: datetime
    status: str = "open"
    used: bool = False


@dataclass
class Modelled:
    """An execution in the model."""

    id: str
    input: int
    created: int
    status: str = "pending"
    fence: int = 0
    seq: int = 1
    owner: str | None = None
    wake_at: datetime | None = None
    cancelling: bool = False
    asked: dict[str, Asked] = field(default_factory=dict)

    def open_questions(self) -> list[Asked]:
        return [a for a in self.asked.values() if a.status == "open"]

    def leave(self, status: str, wake_at: datetime | None = None) -> None:
        self.status, self.owner, self.wake_at = status, None, wake_at if status == "pending" else None
        if status in ENDED:
            for question in self.open_questions():
                question.status = "withdrawn"
                self.seq += 1
        self.wake_if_answered()

    def wake_if_answered(self) -> None:
        if self.status == "awaiting_review" and not self.open_questions():
            self.status = "pending"


class Machine(RuleBasedStateMachine):
    """The trail beside the model."""

    database: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World(self.make_database())
        self.executions: dict[str, Modelled] = {}
        self.keys: dict[str, str] = {}
        self.questions: dict[str, Asked] = {}
        self.open()

    @staticmethod
    def make_database() -> str:
        raise NotImplementedError

    def open(self) -> None:
        self.staging = self.world.trail()
        self.trail = self.run(self.staging.__aenter__())
        for worker in WORKERS:
            self.run(self.trail.register(worker, host="h", pid=1, lease_s=10**6))

    def run(self, asked):
        return self.loop.run_until_complete(asyncio.wait_for(asked, 30))

    def attempt(self, asked, *, expected: type[Refused] | None) -> object:
        """What it came to, which must be what the model expects."""
        if expected is None:
            return self.run(asked)
        with pytest.raises(expected):
            self.run(asked)
        return None

    def pick(self, number: int) -> Modelled:
        return list(self.executions.values())[number % len(self.executions)]

    def teardown(self) -> None:
        counted = self.run(intact(self.trail))
        assert counted == {e.id: e.seq for e in self.executions.values()}
        self.run(self.staging.__aexit__(None, None, None))
        self.loop.close()

    # --- what may happen

    @initialize(park=st.booleans())
    def begin(self, park) -> None:
        self.start(None, 1)
        self.claim("ada", 1)
        self.ask(0, 1, park)

    @rule(key=st.sampled_from([None, "k1", "k2"]), given=st.integers(1, 2))
    def start(self, key, given) -> None:
        new = new_execution(idempotency_key=key, input_data=given)
        first = self.executions.get(self.keys.get(key, ""))
        clash = first is not None and first.input != given
        started = self.attempt(self.trail.start(new), expected=IdempotencyConflict if clash else None)
        if clash:
            return
        if first is not None:
            assert started.id == first.id
            return
        self.executions[new.id] = Modelled(new.id, given, len(self.executions))
        if key:
            self.keys[key] = new.id

    @rule(worker=st.sampled_from(WORKERS), limit=st.integers(1, 3))
    def claim(self, worker, limit) -> None:
        now = self.world.clock.at
        due = [e for e in self.executions.values() if e.status == "pending" and (not e.wake_at or e.wake_at <= now)]
        claimed = self.run(self.trail.claim(worker, agents=["clerk"], limit=limit))
        assert [c.execution.id for c in claimed] == [e.id for e in due[:limit]]
        for execution in due:
            execution.wake_at = None  # also of those that nobody took: what is due stands with what is ready
        for execution, c in zip(due, claimed, strict=False):
            execution.status, execution.owner = "running", worker
            execution.fence += 1
            execution.seq += 1
            assert [e.seq for e in c.events] == list(range(1, execution.seq + 1))

    def step(self, execution: Modelled, *, fence: int, refused: type[Refused] | None = None, **changes) -> bool:
        append = Append(execution_id=execution.id, fence=fence, events=(event(n=execution.seq),), **changes)
        expected = refused
        if changes.get("refuse_if_cancelled") and execution.cancelling:
            expected = CancelRequested
        if execution.status in ENDED:
            expected = IllegalTransition
        if fence != execution.fence or execution.status in {"pending", "awaiting_review"}:
            expected = StaleFence
        self.attempt(self.trail.append(append), expected=expected)
        execution.seq += expected is None
        return expected is None

    @precondition(lambda self: self.executions)
    @rule(number=picks, stale=st.sampled_from([0, 0, 0, 1]), new=st.booleans())
    def append(self, number, stale, new) -> None:
        execution = self.pick(number)
        self.step(execution, fence=execution.fence - stale, refuse_if_cancelled=new)

    @precondition(lambda self: self.executions)
    @rule(number=picks, status=st.sampled_from(ENDED))
    def end(self, number, status) -> None:
        execution = self.pick(number)
        if self.step(execution, fence=execution.fence, status=status):
            execution.leave(status)

    @precondition(lambda self: self.executions)
    @rule(number=picks, seconds=st.sampled_from([0, 60]))
    def park_for_a_while(self, number, seconds) -> None:
        execution = self.pick(number)
        wake_at = self.world.clock.at + timedelta(seconds=seconds)
        if self.step(execution, fence=execution.fence, status="pending", wake_at=wake_at):
            execution.leave("pending", wake_at)

    @precondition(lambda self: self.executions)
    @rule(number=picks, count=st.integers(0, 2), park=st.booleans())
    def ask(self, number, count, park) -> None:
        execution = self.pick(number)
        expires_at = self.world.clock.at + timedelta(hours=1)
        new = tuple(self.world.question(expires_at=expires_at) for _ in range(count))
        status = "awaiting_review" if park else None
        if self.step(execution, fence=execution.fence, approvals=new, status=status):
            for question in new:
                asked = Asked(execution, expires_at)
                execution.asked[question.id] = self.questions[question.id] = asked
            if park:
                execution.leave("awaiting_review")

    @precondition(lambda self: self.questions)
    @rule(number=picks, answer=st.sampled_from(["approve", "reject"]))
    def decide(self, number, answer) -> None:
        question_id, asked = list(self.questions.items())[number % len(self.questions)]
        taken_back = asked.status == "approved" and not asked.used and asked.execution.status not in ENDED
        late = asked.status != "open" or self.world.clock.at >= asked.expires_at
        late = late and not (taken_back and answer == "reject")
        self.attempt(self.trail.decide(ruling(question_id, answer)), expected=AlreadyDecided if late else None)
        if not late:
            asked.status = "approved" if answer == "approve" else "rejected"
            asked.execution.seq += 1
            asked.execution.wake_if_answered()

    @precondition(lambda self: self.questions)
    @rule(number=picks, digest=st.sampled_from(["digest-1", "digest-1", "other"]))
    def use(self, number, digest) -> None:
        question_id, asked = list(self.questions.items())[number % len(self.questions)]
        unusable = asked.used or asked.status != "approved" or digest != "digest-1"
        refused = ApprovalUnusable if unusable else None
        execution = asked.execution
        if self.step(execution, fence=execution.fence, refused=refused, uses=(use(question_id, digest=digest),)):
            asked.used = True

    @precondition(lambda self: self.executions)
    @rule(number=picks)
    def cancel(self, number) -> None:
        execution = self.pick(number)
        ended = execution.status in ENDED
        self.attempt(self.trail.cancel(execution.id, by="Ada"), expected=IllegalTransition if ended else None)
        if ended:
            return
        execution.seq += execution.status != "running" or not execution.cancelling
        execution.cancelling = True
        if execution.status != "running":
            execution.leave("cancelled")

    @precondition(lambda self: self.executions)
    @rule(number=picks)
    def retry(self, number) -> None:
        execution = self.pick(number)
        failed = execution.status == "failed"
        self.attempt(self.trail.retry(execution.id, by="Ada"), expected=None if failed else IllegalTransition)
        if failed:
            execution.seq += 1
            execution.cancelling = False
            execution.leave("pending")

    @rule(seconds=st.sampled_from([30, 61, 3_601]))
    def time_passes(self, seconds) -> None:
        self.world.clock.advance(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        swept = self.run(self.trail.sweep())
        late = [a for a in self.questions.values() if a.status == "open" and a.expires_at <= self.world.clock.at]
        assert (swept.taken_over, swept.expired) == (0, len(late))
        for asked in late:
            asked.status = "expired"
            asked.execution.seq += 1
            asked.execution.wake_if_answered()

    @rule(worker=st.sampled_from(WORKERS))
    def crash(self, worker) -> None:
        self.sweep()
        swept = self.run(self.trail.sweep(dead=[worker]))
        held = [e for e in self.executions.values() if e.owner == worker]
        assert swept.taken_over == len(held)
        for execution in held:
            execution.leave("pending")
        self.run(self.trail.register(worker, host="h", pid=1, lease_s=10**6))

    @rule()
    def restart(self) -> None:
        self.run(self.staging.__aexit__(None, None, None))
        self.open()

    # --- what must be true

    @invariant()
    def the_trail_is_as_the_model_says(self) -> None:
        stored = {e.id: e for e in self.run(self.trail.list(limit=1_000))}
        assert set(stored) == set(self.executions)
        for execution in self.executions.values():
            now = stored[execution.id]
            assert (now.status, now.fence, now.last_seq) == (execution.status, execution.fence, execution.seq)
            assert (now.lease_owner, now.wake_at) == (execution.owner, execution.wake_at)
            assert (now.cancel_requested_at is not None) == execution.cancelling
            assert now.ended == (now.completed_at is not None)
        questions = {a.id: a for a in self.run(self.trail.approvals(status=None))}
        assert {i: (a.status, a.consumed_at is not None) for i, a in questions.items()} == {
            i: (a.status, a.used) for i, a in self.questions.items()
        }

    @invariant()
    def nothing_is_stuck(self) -> None:
        for execution in self.executions.values():
            if execution.status == "awaiting_review":
                assert execution.open_questions()
            assert (execution.status == "running") == (execution.owner is not None)


def check(make, examples: int) -> None:
    class OnDatabase(Machine):
        make_database = staticmethod(make)

    run_state_machine_as_test(
        OnDatabase,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
def test_sqlite_does_what_the_model_says(tmp_path: Path, migrated_file: Path):
    """Forty things in any order, again and again."""
    numbers = iter(range(10**6))
    check(lambda: str(shutil.copy(migrated_file, tmp_path / f"{next(numbers)}.db")), examples=40)


@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_postgres_does_what_the_model_says(postgres: Postgres):
    """The same on PostgreSQL, fewer times."""
    postgres.ensure_running()
    check(postgres.create_database, examples=12)
