"""How long an execution waits for another worker when its own is killed, against the lease."""

import asyncio
import json
import os
import platform
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median, quantiles
from typing import Literal

from bench.durable import LIMITS
from holdfast import Agent, App, Call, Context, Conversation, Say, tool
from holdfast.config import Settings
from holdfast.trail.migrate import migrate
from holdfast.types import Reply

WORKERS, AT_ONCE = 4, 2
"""How many there are, and how many of them die at the same time."""
LEASE_S = 2.0
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["bench.takeover", "holdfast.app", "holdfast.trail.postgres", "holdfast.tools.arguments"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """Seconds from the death of a worker until another one runs the interrupted call again."""

    kills: int
    lease_s: float
    min_s: float
    median_s: float
    p95_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that began."""

    ticket: str
    pid: int
    at: float


def agent(notes: Path) -> Agent[str]:
    """Whose only call never ends in the process that begins it first."""

    @tool(effect="read", timeout_s=600)
    async def hold(ctx: Context, ticket: str) -> str:
        """Hold a ticket."""
        with notes.open("a") as file:
            file.write(json.dumps([ticket, os.getpid(), time.time()]) + "\n")
        if ctx.attempt == 1:
            await asyncio.Event().wait()
        return ticket

    def say(conversation: Conversation) -> Reply:
        return Say("done") if conversation.calls else Call("hold", {"ticket": str(conversation.input)})

    return Agent(name="holder", models=[say], tools=[hold], limits=LIMITS)


def work(database: str, notes: Path, host: str) -> None:
    """A worker process, until it is killed."""
    platform.node = lambda: host  # on a machine of this name
    asyncio.run(_app(database, notes).work(concurrency=100))


async def run(database: str, *, where: Literal["here", "elsewhere"], kills: int) -> TakenOver:
    """Kill workers, some at a time, each in the middle of a call."""
    migrate(database)
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        notes.touch()
        fleet = _Fleet(database, notes, elsewhere=where == "elsewhere")
        try:
            async with _app(database, notes) as app:
                took = [s for n in range(kills // AT_ONCE) for s in await fleet.lose_some(app, n)]
        finally:
            fleet.end()
    return TakenOver(
        kills=len(took),
        lease_s=LEASE_S,
        min_s=min(took),
        median_s=median(took),
        p95_s=quantiles(took, n=20, method="inclusive")[-1],
        max_s=max(took),
    )


class _Fleet:
    def __init__(self, database: str, notes: Path, *, elsewhere: bool) -> None:
        self._place, self._notes, self._elsewhere = database, notes, elsewhere
        self._chance = random.Random(7)
        self._started = 0
        self._workers = {worker.pid: worker for worker in (self._start() for _ in range(WORKERS))}

    def _start(self) -> BaseProcess:
        self._started += 1
        host = f"machine-{self._started}" if self._elsewhere else platform.node()
        worker = _FORKS.Process(target=work, args=(self._place, self._notes, host), daemon=True)
        worker.start()
        return worker

    async def lose_some(self, app: App, turn: int) -> Sequence[float]:
        """Let workers die that hold something; how long it took until others had it."""
        held: dict[int, str] = {}
        while len(held) < AT_ONCE:  # the same worker may take two: then one more is asked for
            ticket = f"ticket {turn}.{self._chance.random()}"
            await app.start("holder", ticket)
            held[(await self._begun(ticket, times=1)).pid] = ticket
        await asyncio.sleep(self._chance.uniform(0, LEASE_S / 2))  # at any moment between two renewals
        died = {}
        for pid, ticket in held.items():
            died[ticket] = time.time()
            self._workers[pid].kill()
        took = [(await self._begun(ticket, times=2)).at - at for ticket, at in died.items()]
        for pid in held:
            self._workers.pop(pid).join()
            worker = self._start()
            self._workers[worker.pid] = worker
        return took

    async def _begun(self, ticket: str, *, times: int) -> Begun:
        while True:
            lines = [Begun(*json.loads(line)) for line in self._notes.read_text().splitlines()]
            found = [one for one in lines if one.ticket == ticket]
            if len(found) >= times:
                return found[times - 1]
            await asyncio.sleep(0.01)

    def end(self) -> None:
        for worker in self._workers.values():
            worker.kill()
            worker.join()


def _app(database: str, notes: Path) -> App:
    return App([agent(notes)], database, settings=Settings(lease_s=LEASE_S, log_level="error"))
