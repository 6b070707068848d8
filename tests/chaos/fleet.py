"""One round: workers, people and a database in processes of their own, and what happens to them."""

import asyncio
import contextlib
import ctypes
import faulthandler
import os
import platform
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from holdfast import App
from holdfast.config import Settings, configure_logging
from holdfast.errors import StoreUnavailable
from holdfast.ports import Journal
from holdfast.testing import CrashingJournal
from holdfast.testing.crash import _Process
from tests.chaos import controls, people
from tests.chaos.books import WRITES, Books
from tests.chaos.fates import Blow, Destiny, Doom, Fate, Weather
from tests.chaos.network import Line
from tests.chaos.trade import agents
from tests.crash.fleet import TellingJournal
from tests.crash.forks import Child
from tests.postgres import Postgres

TICK_S = 0.02
SLOTS = 16
"""Executions that a worker works on at once: few, so that all workers have some."""
GRACE_S = 5.0
_MAY_END = (0, -signal.SIGKILL, -signal.SIGTERM)
"""Of a worker that is told to stop: well, by its fate on the way, or before it has begun to listen."""
FAR = 0
"""The worker at the far end of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What all processes of a round share."""

    database: str
    folder: Path
    weather: Weather
    spoil: str = ""
    """What is broken on purpose; see `controls`."""
    by_relay: bool = False
    """The network is cut by the relay, whatever this machine could do."""

    def books(self, life: int) -> Books:
        return Books(self.folder / "books", life)

    def quiet(self) -> None:
        """Let what this process logs go to a file: a database that is away is a long story."""
        os.dup2(os.open(self.folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT), 2)
        faulthandler.register(signal.SIGUSR1, file=2)

    def app(self, books: Books, database: str, wrap: Callable[[Journal], Journal] | None = None) -> App:
        settings = Settings(
            log_level="error",
            log_json=True,
            lease_s=self.weather.lease_s,
            grace_s=GRACE_S,
            concurrency=SLOTS,
        )
        configure_logging(settings)
        return App(agents(books), database, settings=settings, wrap_journal=wrap)


def work(scene: Scene, life: int, fates: list[Fate], line: Line | None, home: str) -> None:
    """A worker process, until it is told to stop or its fate is fulfilled."""
    die_with_parent()
    scene.quiet()
    books = scene.books(life)
    _Process.plan = Destiny(fates, books)
    controls.NAMED[scene.spoil]()
    platform.node = lambda: home  # workers of another machine cannot look at its process
    if line:
        line.enter()

    began = False

    def tell(execution: str, outcome: str) -> None:
        if outcome == "stored":
            books.beat()
        else:
            books.note("write", outcome, key=execution, book=WRITES)

    def wrap(journal: Journal) -> Journal:
        nonlocal began
        began = True
        return CrashingJournal(TellingJournal(journal, tell))  # type: ignore[arg-type, return-value]

    async def whole() -> None:
        async with scene.app(books, line.url(scene.database) if line else scene.database, wrap) as app:
            await app.work()

    while True:
        try:
            return asyncio.run(whole())
        except StoreUnavailable:
            if began:  # what works outlives a database that is away; what is about to begin is begun again
                raise
            time.sleep(0.2)


def ask_and_answer(scene: Scene, within_s: float) -> dict[str, Any]:
    """The people's process."""
    die_with_parent()
    scene.quiet()
    books = scene.books(0)
    how_many = scene.weather.executions
    app = scene.app(books, scene.database)
    return asyncio.run(people.see_through(app, books, executions=how_many, within_s=within_s))


def die_with_parent() -> None:
    """A frozen process must not outlive the round, whatever becomes of that."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@dataclass(slots=True)
class Slot:
    """The place of one worker, and of those who take it."""

    worker: Child
    fates: list[Fate]
    """What is left of them."""
    frozen_until: float | None = None


@dataclass(slots=True)
class Round:
    """Starts everything, brings about what was drawn, and waits for the end."""

    scene: Scene
    doom: Doom
    server: Postgres
    line: Line
    slots: list[Slot] = field(default_factory=list)
    lives: int = 0
    came: Counter[str] = field(default_factory=Counter)
    """What happened, by name."""
    wrong: list[str] = field(default_factory=list)
    _healed_at: float | None = None
    _back_at: float | None = None

    def play(self, *, within_s: float) -> dict[str, Any]:
        """All of it, and what the people say in the end."""
        person = Child(partial(ask_and_answer, self.scene, within_s))
        blows = list(self.doom.blows)
        try:
            for number, fates in enumerate(self.doom.fates):
                self.slots.append(Slot(worker=self._worker(number, list(fates)), fates=list(fates)))
            until = time.monotonic() + within_s + 30
            while time.monotonic() < until and not self._has_ended(person):
                self._look_after_workers()
                self._strike(blows)
            person.kill() if not person.ended else None
            end = person.reap()
            self._unreached(blows)
            self._stop_workers()
        finally:
            self._end_all()
        if end.code:
            return {"wrong": [*self.wrong, f"stuck: the people came to no end: {end.code}, {end.said}"]}
        return {**end.said, "wrong": self.wrong}

    def _worker(self, number: int, fates: list[Fate]) -> Child:
        self.lives += 1
        line, home = (self.line, "far") if number == FAR else (None, platform.node())
        return Child(partial(work, self.scene, self.lives, fates, line, home))

    @staticmethod
    def _has_ended(person: Child) -> bool:
        while select.select([person.pipe], [], [], TICK_S)[0]:
            if person.read():
                return True
        return False

    # --- workers

    def _look_after_workers(self) -> None:
        for number, slot in enumerate(self.slots):
            if slot.frozen_until is not None and time.monotonic() >= slot.frozen_until:
                slot.frozen_until = None
                slot.worker.kill(signal.SIGCONT)
            pid, status = os.waitpid(slot.worker.pid, os.WNOHANG | os.WUNTRACED)
            if not pid:
                continue
            if os.WIFSTOPPED(status):
                fate = slot.fates.pop(0)
                self.came["frozen"] += 1
                slot.frozen_until = time.monotonic() + fate.for_s
            elif os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                slot.fates.pop(0)
                self.came["killed"] += 1
                self._replace(number)
            else:
                said = _last_words(slot.worker)
                self.wrong.append(f"a worker ended by itself with {os.waitstatus_to_exitcode(status)}: {said}")
                self._replace(number)

    def _replace(self, number: int) -> None:
        slot = self.slots[number]
        os.close(slot.worker.pipe)
        slot.worker = self._worker(number, slot.fates)

    def _stop_workers(self) -> None:
        """Told to stop, each does, in good time."""
        for slot in self.slots:
            slot.worker.kill(signal.SIGCONT)
            slot.worker.kill(signal.SIGTERM)
        until = time.monotonic() + 2 * GRACE_S + 5
        for slot in self.slots:
            status = None
            while status is None and time.monotonic() < until:
                pid, found = os.waitpid(slot.worker.pid, os.WNOHANG | os.WUNTRACED)
                if pid and os.WIFSTOPPED(found):
                    slot.worker.kill(signal.SIGCONT)  # a fate that it came by as it stopped
                    continue
                status = found if pid else None
                time.sleep(0 if pid else TICK_S)  # the end of another process can only be polled for
            if status is None:
                self.wrong.append(f"stuck: a worker that was told to stop did not: {self._where(slot.worker)}")
            elif (code := os.waitstatus_to_exitcode(status)) not in _MAY_END:
                self.wrong.append(f"a worker that was told to stop ended with {code}: {_last_words(slot.worker)}")
            if status is not None:
                os.close(slot.worker.pipe)
                slot.worker.ended = True

    def _where(self, worker: Child) -> str:
        """At what a worker is."""
        worker.kill(signal.SIGUSR1)
        time.sleep(5 * TICK_S)
        return (self.scene.folder / "log").read_text(errors="replace")[-3_000:]

    def _end_all(self) -> None:
        for slot in self.slots:
            if not slot.worker.ended:
                with contextlib.suppress(ProcessLookupError):
                    slot.worker.kill()
                    slot.worker.reap()

    # --- the database and the way there

    def _strike(self, blows: list[Blow]) -> None:
        now = time.monotonic()
        if self._back_at is not None and now >= self._back_at:
            self._back_at = None
            self.server.ensure_running()
        if self._healed_at is not None and now >= self._healed_at:
            self._healed_at = None
            self.line.heal()
        if not blows or self._back_at or self._healed_at or self.scene.books(0).beats < blows[0].at:
            return
        blow = blows.pop(0)
        self.came[blow.what] += 1
        if blow.what == "cut":
            self.line.cut()
            self._healed_at = now + blow.for_s
        else:
            self.server.stop(signal.SIGINT if blow.what == "stop" else signal.SIGQUIT)
            self._back_at = now + blow.for_s

    def _unreached(self, blows: list[Blow]) -> None:
        """What the fleet was too fast for."""
        self.server.ensure_running()
        if self._healed_at is not None:
            self.line.heal()
        self.came["not reached"] = len(blows) + sum(len(slot.fates) for slot in self.slots)


def _last_words(ended: Child) -> str:
    while not ended.read():
        pass
    return ended._said.decode()


def play(scene: Scene, doom: Doom, server: Postgres, *, within_s: float) -> tuple[Mapping[str, Any], Counter[str], str]:
    """What the people say of a round, what happened in it, and by what the network was cut."""
    line = Line.lay(scene.database, by_relay=scene.by_relay)
    try:
        one = Round(scene=scene, doom=doom, server=server, line=line)
        told = one.play(within_s=within_s)
    finally:
        line.close()
    return told, one.came, line.kind
