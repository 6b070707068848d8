"""Whole executions under attack: activations killed and drained, people who answer anything, checks after each."""

import asyncio
import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal

import holdfast.loop.run as loop
from holdfast import Agent
from holdfast.engine.backoff import after_failure
from holdfast.engine.clock import new_id
from holdfast.errors import AlreadyDecided, CancelRequested, InvalidArguments, UsageError
from holdfast.loop.activation import Activation
from holdfast.loop.desk import Cast, Desk
from holdfast.loop.edit import checked_edit
from holdfast.loop.fold import replay
from holdfast.loop.history import History
from holdfast.loop.started import started_event
from holdfast.testing import FakeClock
from holdfast.trail.audit import verify_database
from holdfast.trail.redact import DEFAULT
from holdfast.trail.trail import Trail, open_trail
from holdfast.types import Append, Appended, Claimed, Execution, NewExecution, Ruling
from tests.attacks.chaos import Deeds, Meter

UNTIMED = [f.name for f in fields(History) if f.name not in {"active_s", "claimed_at", "last_at", "fruitless"}]
REASONS_TO_WAIT = {"awaiting_review", "pending"}


class Killed(BaseException):
    """The process dies here."""


class Watched(Activation):
    """An activation that, after each commit, must equal what the journal adds up to."""

    stage: "Stage"

    async def _write(self, **given: object) -> Appended:
        try:
            appended = await super()._write(**given)
        except CancelRequested:
            self.stage.cancelled = True
            raise
        if not self.stage.cancelled:
            self.stage.compare(self.history, await self.stage.trail.events(self.id))
        return appended


@dataclass
class Stage:
    """One execution, and everything that is done to it."""

    database: str
    agent: Agent
    deeds: Deeds
    meter: Meter
    dice: random.Random
    kills: bool = True
    clock: FakeClock = field(default_factory=lambda: FakeClock(auto=True))
    cancelled: bool = False
    wrongs: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """The story so far, for whoever reads a failure."""
    retries: int = 0

    # --- the journal that fails

    async def append(self, append: Append) -> Appended:
        chance = self.dice.random()
        if self.kills and chance < 0.04:
            self.told.append("killed before a commit")
            raise Killed
        if chance > 0.97:
            await self.trail.cancel(append.execution_id, by="eve")
            self.told.append("cancel requested")
        for event in append.events:
            if event.kind == "model.requested":
                self.meter.input_tokens = event.data["reserved_tokens"] - event.data["gen_ai.request.max_tokens"]
        done = await self.trail.append(append)
        if self.kills and chance < 0.08:
            self.told.append("killed after a commit")
            raise Killed
        if chance > 0.94:
            self.desk.stopping.set()
        return done

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["trail"], name)

    # --- the play

    async def play(self, said: object, *, rounds: int = 30) -> Execution:
        self.trail: Trail = await open_trail(self.database, clock=self.clock, new_id=new_id, redactor=DEFAULT)
        try:
            await self.trail.register("ada", host="here", pid=1, lease_s=10**9)
            cast = Cast.of(self.agent, clock=self.clock)
            self.desk = Desk(
                journal=self, casts={self.agent.name: cast}, earlier=self._earlier, clock=self.clock, new_id=new_id,
                random=self.dice.random, redactor=DEFAULT, approval_expiry_s=3600.0, stopping=asyncio.Event(),
            )  # fmt: skip
            ids = new_id()
            started = started_event(self.agent, said, user="u", thread=None, priority=0)
            await self.trail.start(
                NewExecution(id=ids, agent_type=self.agent.name, agent_version="1", input_data=said, started=started)
            )
            for number in range(rounds):
                execution = await self.round(ids, calm=number > rounds - 12)
                if execution.ended and not await self.perhaps_retry(execution, calm=number > rounds - 12):
                    break
            execution = await self.trail.get(ids)
            if not execution.ended:
                self.wrongs.append(f"stuck: {execution.status} {execution.status_reason} after {rounds} rounds")
            report = await verify_database(self.database)
            self.wrongs += [] if report.ok else [f"the audit fails: {report.first}"]
            self.wrongs += self.deeds.wrongs
            return execution
        finally:
            await self.trail.close()

    async def _earlier(self, _execution: Execution) -> Sequence[Execution]:
        return ()

    async def round(self, execution_id: str, *, calm: bool) -> Execution:
        execution = await self.trail.get(execution_id)
        if execution.status == "awaiting_review":
            await self.people(execution, calm=calm)
            execution = await self.trail.get(execution_id)
        if execution.status == "pending":
            if execution.wake_at and execution.wake_at > self.clock.now():
                self.clock.advance((execution.wake_at - self.clock.now()).total_seconds() + 1)
            await self.activate(execution_id, calm=calm)
            execution = await self.trail.get(execution_id)
        await self.check(execution)
        return execution

    async def activate(self, execution_id: str, *, calm: bool) -> None:
        """As the engine does it."""
        claimed = await self.trail.claim("ada", agents=[self.agent.name], limit=1)
        if not claimed:
            self.wrongs.append("pending and due, but not claimable")
            return
        self.desk.stopping.clear()
        kills, self.kills = self.kills, self.kills and not calm
        Watched.stage, loop.Activation = self, Watched
        try:
            await asyncio.wait_for(loop.run(self.desk, claimed[0]), 20)
        except Killed:
            await self.trail.sweep(dead=["ada"])
            await self.trail.register("ada", host="here", pid=1, lease_s=10**9)
        except BaseException as error:  # noqa: BLE001 - anything that leaves an activation is a defect
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.wrongs.append(f"an activation broke: {place.name}: {type(error).__name__}: {error}")
            await self.give_back(claimed[0], error)
        finally:
            loop.Activation = Activation
            self.kills = kills

    async def give_back(self, claimed: Claimed, error: BaseException) -> None:
        try:
            await self.trail.append(after_failure(claimed, error=repr(error), now=self.clock.now(), jitter=0.5))
        except Exception as worse:  # noqa: BLE001
            self.wrongs.append(f"not given back: {worse!r}")

    async def people(self, execution: Execution, *, calm: bool) -> None:
        """Somebody does something about one open question, sensible or not."""
        questions = await self.trail.approvals(execution_id=execution.id)
        if not questions:
            return
        question = self.dice.choice(questions)
        answer = self.dice.choice(["approve", "reject", "answer", "happened", "run", "skip"])
        if calm:
            answer = {"doubt": "skip"}.get(question.kind, "reject")
        edit = None if calm else self.dice.choice(
            [None, None, None, {"amount": 7}, {"amount": "x"}, {"to": "bob"}, {"to": 5, "extra": 1}, [1], "text",
             {"to": "sk-abcdefghijklmnop1234567890"}, {"password": "x"}, {"to": "a\x00b"}, {}]
        )  # fmt: skip
        note = self.dice.choice([None, "please", "key sk-abcdefghijklmnop1234567890", "\x00\ud800", ""])
        chance = self.dice.random()
        if not calm and chance < 0.1:
            self.clock.advance(4000)
            await self.trail.sweep()
            self.told.append("expired")
            return
        if not calm and chance < 0.15:
            await self.trail.cancel(execution.id, by="eve")
            self.told.append("cancelled while waiting")
            return
        try:
            digest = None
            if edit is not None and answer == "approve":
                agents = {self.agent.name: self.agent} if self.dice.random() < 0.5 else {}
                edit, digest = checked_edit(agents, question, edit, redactor=DEFAULT)
            await self.trail.decide(
                Ruling(approval_id=question.id, answer=answer, by="ann", note=note, edit=edit, edit_digest=digest)
            )
        except (UsageError, InvalidArguments, AlreadyDecided) as no:
            self.told.append(f"{question.kind}: {answer} {edit!r}: {type(no).__name__}")
            return
        self.told.append(f"{question.kind}: {answer} {edit!r}")
        if question.kind == "doubt" and answer == "run" and question.call_id:
            self.deeds.cleared.add(question.call_id)

    async def perhaps_retry(self, execution: Execution, *, calm: bool) -> bool:
        if execution.status != "failed" or self.retries >= 2 or calm or self.dice.random() < 0.3:
            return False
        self.retries += 1
        await self.trail.retry(execution.id, by="ann")
        self.told.append(f"retried after {execution.status_reason}")
        return True

    # --- what must hold

    async def check(self, execution: Execution) -> None:
        wrong = self.wrongs.append
        open_questions = await self.trail.approvals(execution_id=execution.id)
        self.told.append(f"{execution.status} {execution.status_reason} step {execution.step_count}")
        match execution.status:
            case "awaiting_review":
                if not open_questions or not execution.status_reason:
                    wrong("awaiting review without a question or a reason")
            case "running":
                wrong("running, but nobody works on it")
            case "failed" | "cancelled":
                if not execution.status_reason:
                    wrong("ended without a reason")
            case _:
                pass
        if execution.ended and open_questions:
            wrong("ended with open questions")
        limits, times = self.agent.limits, self.retries + 1
        if execution.token_count > limits.tokens * times:
            wrong(f"{execution.token_count} tokens spent of {limits.tokens}")
        if limits.cost_usd is not None and execution.cost_usd > Decimal(str(limits.cost_usd)) * times:
            wrong(f"{execution.cost_usd} dollars spent of {limits.cost_usd}")

    def compare(self, live: History, events: Sequence[object]) -> None:
        """The live history against the journal's, and each prefix of the journal against nothing but itself."""
        again = History()
        replay(again, events)
        for name in UNTIMED:
            one, two = getattr(live, name), getattr(again, name)
            if one != two:
                self.wrongs.append(f"live {name} is not the journal's: {one!r:.300} / {two!r:.300}")
