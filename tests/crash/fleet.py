"""Several workers on one database, and what happens to them: `python -m tests.crash.fleet JSON`, a process of its own.

A person starts the executions and answers what is asked; workers are killed, frozen or told to stop. One JSON line says
what was wrong at the end, and how often what happened.
"""

import asyncio
import json
import os
import random
import select
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from holdfast import App
from holdfast.config import Settings, configure_logging
from holdfast.errors import Refused
from holdfast.ports import Journal
from holdfast.testing import CrashingJournal, CrashPlan
from holdfast.testing.crash import _Process
from holdfast.trail import events as kinds
from holdfast.trail.audit import verify_database
from holdfast.types import Append, Appended
from tests.crash.faults import BusyDatabase, wrap_database
from tests.crash.forks import Child, End, Story, play
from tests.crash.life import see_through, testimony
from tests.crash.places import place_from
from tests.crash.shop import clerk
from tests.crash.verdict import badly_recorded, different, effects
from tests.crash.witness import Note, Witness

LIMIT_S = 90.0
AT_ONCE = 3
PERSON = 0
"""The person's number in the notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The database and the ledger that all processes share."""

    database: str
    notes: Path
    executions: int
    lease_s: float = 1.0

    def person(self) -> Child:
        """Starts everything, answers everything, and says in the end how each execution ended."""
        return Child(lambda: asyncio.run(_person(self)))

    def worker(self, life: int, *, at: str = "", signals: Sequence[int] = ()) -> Child:
        """Works until it is told to stop; at a point it sends itself signals."""
        busy = threading.Lock()
        return Child(partial(_work, self, life, CrashPlan(at, crash=partial(_send, signals, busy, self.sent)), busy))

    @property
    def sent(self) -> Path:
        """Says when the signals were sent."""
        return self.notes.with_suffix(".sent")

    def app(self, witness: Witness, wrap: Callable[[Journal], Journal] | None = None) -> App:
        settings = Settings(log_level="error", log_json=True, lease_s=self.lease_s, grace_s=10)
        configure_logging(settings)
        return App([clerk(witness, later_s=0.1)], self.database, settings=settings, wrap_journal=wrap)

    def wrong(self, told: Sequence[dict[str, Any]]) -> Iterator[str]:
        """What is wrong in the end; the first execution is what the others are compared to."""
        notes = Witness(self.notes, PERSON).notes()
        for one in told:
            yield from different(told[0], one)
            yield from badly_recorded(one)
            yield from bought_again(one, notes)
        yield from effects(notes)
        if [one["status"] for one in told] != ["completed"] * self.executions:
            yield f"outcome: {Counter(one['status'] for one in told)}"


class TellingJournal:
    """A journal that tells how each append ended: of which execution, and `stored` or why it was refused."""

    def __init__(self, journal: Journal, tell: Callable[[str, str], None]) -> None:
        self._journal, self._say = journal, tell

    async def append(self, append: Append) -> Appended:
        # Told also when the activation is cancelled meanwhile, as that of a worker that has lost its lease is.
        return await asyncio.shield(asyncio.create_task(self._tell(append)))

    async def _tell(self, append: Append) -> Appended:
        try:
            appended = await self._journal.append(append)
        except Refused as refused:
            self._say(append.execution_id, refused.code)
            raise
        self._say(append.execution_id, "stored")
        return appended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


async def _person(fleet: Fleet) -> list[dict[str, Any]]:
    witness = Witness(fleet.notes, PERSON)
    async with fleet.app(witness) as app, asyncio.timeout(LIMIT_S):
        started = [await app.start("clerk", f"Sort out {n}.") for n in range(fleet.executions)]
        ended = await asyncio.gather(*(see_through(app, each.id, witness) for each in started))
        broken = (await verify_database(fleet.database)).first
        told = [await testimony(app, each) for each in ended]
        return [
            one | {"audit": str(broken or ""), "asked_model": await asked_model(app, one["id"]), "input": n.input_data}
            for one, n in zip(told, ended, strict=True)
        ]


async def asked_model(app: App, execution_id: str) -> list[tuple[str, str]]:
    """The model's steps in the journal: asked, answered."""
    wanted = (kinds.MODEL_REQUESTED, kinds.MODEL_RESPONDED)
    events = [event async for event in app.events(execution_id, follow=False)]
    return [(event.kind, str(event.data["step"])) for event in events if event.kind in wanted]


def bought_again(told: dict[str, Any], notes: Sequence[Note]) -> Iterator[str]:
    """P2: each step is answered once in the journal, never asked after that, and never asked behind its back."""
    asked = Counter(note.name for note in notes if note.what == "model" and note.key == told["input"])
    reserved, answered = Counter[str](), set[str]()
    for kind, step in told["asked_model"]:
        if step in answered:
            yield f"P2: step {step} of {told['id']} was asked or answered after its answer"
        if kind == kinds.MODEL_RESPONDED:
            answered.add(step)
        else:
            reserved[step] += 1
    for step, times in asked.items():
        if times > reserved[step]:
            yield f"P2: step {step} of {told['id']} was bought {times} times, reserved {reserved[step]} times"


def _work(fleet: Fleet, life: int, plan: CrashPlan, busy: threading.Lock) -> None:
    _Process.plan = plan
    witness = Witness(fleet.notes, life)

    def tell(execution: str, outcome: str) -> None:
        witness.note("write", outcome, key=execution)

    def wrap(journal: Journal) -> Journal:
        return CrashingJournal(TellingJournal(journal, tell))  # type: ignore[arg-type, return-value]

    async def work() -> None:
        async with fleet.app(witness, wrap) as app:
            await wrap_database(app, partial(BusyDatabase, busy=busy))
            await app.work()

    asyncio.run(work())


def _send(signals: Sequence[int], busy: threading.Lock, sent: Path) -> None:
    with busy:
        sent.write_text(str(time.monotonic()))  # the same clock for all processes
        for number in signals:
            os.kill(os.getpid(), number)


# --- what happens to them --------------------------------------------------------------------------------


def kills(fleet: Fleet, *, seed: int, times: int) -> dict[str, Any]:
    """Two workers; one of them is killed again and again, at random, and another takes its place."""
    chance = random.Random(seed)
    person, workers, lives, killed = fleet.person(), [fleet.worker(1), fleet.worker(2)], 2, 0
    while killed < times and not has_ended(person, within_s=chance.uniform(0.05, 0.5)):
        victim = chance.randrange(2)
        workers[victim].kill()
        workers[victim].reap()
        lives, killed = lives + 1, killed + 1
        workers[victim] = fleet.worker(lives)
    told = end_of(person)
    return {"wrong": [*said(fleet, told), *stopped(workers)], "killed": killed}


def zombie(fleet: Fleet, *, at: str) -> dict[str, Any]:
    """A worker is frozen for longer than its lease, another does its work, and it wakes up."""
    person, frozen = fleet.person(), fleet.worker(1, at=at, signals=[signal.SIGSTOP])
    _, status = os.waitpid(frozen.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        return {"wrong": [f"never came to {at}: {status}"]}
    successor = fleet.worker(2)
    told = end_of(person)
    before = len(Witness(fleet.notes, PERSON).notes())
    frozen.kill(signal.SIGCONT)
    wrong = [*stopped([frozen]), *stopped([successor]), *said(fleet, told)]
    since = [note for note in Witness(fleet.notes, PERSON).notes()[before:] if note.life == 1]
    wrong += [f"the zombie acted: {note}" for note in since if note.what in {"begun", "effect"}]
    wrong += [f"the zombie wrote: {note}" for note in since if note.name == "stored"]
    at_the_end = end_of(Child(lambda: asyncio.run(_written(fleet)))).said
    if not told.code and at_the_end != sum(len(one["seqs"]) for one in told.said):
        wrong.append("the zombie wrote: the journal has grown after the end")
    return {"wrong": wrong, "refused": sum(note.name == "stale_fence" for note in since)}


async def _written(fleet: Fleet) -> int:
    async with fleet.app(Witness(fleet.notes, PERSON)) as app:
        return sum([execution.last_seq for execution in await app.list()])


def signals(fleet: Fleet, *, at: str, send: Sequence[int], code: int) -> dict[str, Any]:
    """A worker is told to stop at a point; how soon it does, and what its successor makes of it."""
    person, first = fleet.person(), fleet.worker(1, at=at, signals=send)
    end, ended_at = end_of(first), time.monotonic()
    wrong = [] if end.code == code else [f"it ended with {end.code}: {end.said}"]
    second = fleet.worker(2)
    told = end_of(person)
    notes = Witness(fleet.notes, PERSON).notes()
    counted = Counter(note.key for note in notes if note.what == "begun" and note.name in {"charge", "send_letter"})
    wrong += [*said(fleet, told), *stopped([second])]
    return {
        "wrong": wrong,
        "began_again": [key for key, times in counted.items() if times > 1],
        "doubts": sum(note.what == "no" for note in notes),
        "stopped_s": ended_at - float(fleet.sent.read_text()),
    }


def has_ended(child: Child, *, within_s: float) -> bool:
    """Whether a process has ended, or does within that time."""
    until = time.monotonic() + within_s
    while (left_s := until - time.monotonic()) > 0:
        if select.select([child.pipe], [], [], left_s)[0] and child.read():
            return True
    return False


def end_of(child: Child, *, within_s: float = LIMIT_S + 10) -> End:
    """Its end; one that takes longer is killed."""
    if not child.ended and not has_ended(child, within_s=within_s):
        child.kill()
    return child.reap()


def said(fleet: Fleet, end: End) -> Iterator[str]:
    """What is wrong by the person's word."""
    if end.code:
        yield f"stuck: {end.said}"
    else:
        yield from sorted(set(fleet.wrong(end.said)))


def stopped(workers: Sequence[Child]) -> Iterator[str]:
    """What is wrong with workers that are told to stop."""
    for worker in workers:
        worker.kill(signal.SIGTERM)
    for worker in workers:
        if (end := end_of(worker, within_s=20)).code:
            yield f"a worker that was told to stop ended with {end.code}: {end.said}"


def story(fleet: Fleet, scenario: str, how: dict[str, Any]) -> Story:
    """A scenario in a process of its own, for most of it is waiting; one line for what came of it."""
    began = time.monotonic()
    end = yield partial(SCENARIOS[scenario], fleet, **how)
    found = {"wrong": [f"it ended with {end.code}: {end.said}"]} if end.code else end.said
    took_s = round(time.monotonic() - began, 1)
    sys.stdout.write(json.dumps({"how": how, **found, "seconds": took_s}) + "\n")
    sys.stdout.flush()  # or the next process would say it too


SCENARIOS = {"kills": kills, "zombie": zombie, "signals": signals}


def main(order: dict[str, Any]) -> None:
    place = place_from(order["place"])
    with tempfile.TemporaryDirectory(prefix="holdfast-fleet-") as folder:
        fleets = (
            Fleet(database=place.make(n), notes=Path(folder) / f"notes-{n}.jsonl", executions=order["executions"])
            for n in range(len(order["hows"]))
        )
        stories = (story(fleet, order["scenario"], how) for fleet, how in zip(fleets, order["hows"], strict=True))
        play(stories, at_once=AT_ONCE, limit_s=2 * LIMIT_S)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
