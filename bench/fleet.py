"""Worker processes on one PostgreSQL: turns and activations a second, and many executions that wake at once."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.crew import Crew, Used, counting, stand_by, told, used, wait_for
from bench.durable import LIMITS, lookup
from bench.filling import fill
from bench.workload import Stamps, script
from holdfast import Agent, App, Say
from holdfast.engine.heap import spare_what_is_loaded
from holdfast.testing import ScriptedModel
from holdfast.trail.migrate import migrate

ENDED = "SELECT count(*) FROM agent_executions WHERE agent_type = %s AND status = 'completed'"
CLAIMED = "SELECT count(*) FROM agent_executions WHERE agent_type = %s AND fence > 0"
SLOTS = 100
"""Of each worker."""
AT_ONCE = 200
"""Requests that are made at the same time."""
ASKED_PER_S, WAKING_IN_S = 200, 3.0
"""How fast they can be asked for, at least, and what they sleep after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What a fleet did."""

    workers: int
    turns: int
    seconds: float
    """From the word to begin until the last execution had ended."""
    cpu_s: float
    """Of the workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """Executions that were due at the same moment, among many that were not."""

    parked: int
    waking: int
    first_s: float
    """From that moment until one was claimed."""
    all_claimed_s: float
    all_done_s: float
    before_mb: float
    """Resident memory of a worker, before anything was due."""
    peak_mb: float


def agents(turns: int) -> list[Agent[str]]:
    """One that works so many turns, and one that has its answer at once."""
    model = ScriptedModel(script(turns, Stamps()))
    worker = Agent(
        name="bench",
        models=[model],
        instructions="Look things up.",
        tools=[lookup],
        limits=LIMITS,
        context_window=10_000_000,
    )
    sleeper = Agent(name="sleeper", models=[lambda _: Say("done")], limits=LIMITS)
    return [worker, sleeper]


async def serve(database: str, *, number: int, turns: int) -> Used:
    """A worker process, as the driver tells it."""
    del number
    async with App(agents=agents(turns), database=database) as app:
        spare_what_is_loaded()  # as `holdfast worker` does
        begun = await stand_by()
        async with app.worker(concurrency=SLOTS):
            await told()
    return used(begun)


async def run(database: str, *, each: int, turns: int, workers: int) -> Worked:
    """Let a fleet work what waits for it: so many executions for each worker, each so many model responses long."""
    migrate(database)
    executions = each * workers
    async with App(agents=agents(turns), database=database) as app:
        await _ask(app, "bench", executions)
    with Crew("fleet:serve", workers, database=database, turns=turns) as crew, counting(database) as count:
        began = crew.begin()
        ended = wait_for(lambda: count(ENDED, "bench"), executions)
        parts = crew.end()
    cpu_s = sum(part.cpu_s for part in parts)
    return Worked(workers=workers, turns=executions * turns, seconds=ended - began, cpu_s=cpu_s)


async def wake(database: str, *, parked: int, waking: int, workers: int) -> Woken:
    """Let so many become due at one moment, among those that wait for people."""
    fill(database, parked, statuses=("awaiting_review",))
    with Crew("fleet:serve", workers, database=database, turns=1) as crew, counting(database) as count:
        crew.begin()
        due = datetime.now(UTC) + timedelta(seconds=waking / ASKED_PER_S + WAKING_IN_S)
        async with App(agents=agents(1), database=database) as app:
            await _ask(app, "sleeper", waking, start_at=due)
        if datetime.now(UTC) >= due:
            raise RuntimeError("asking for them took longer than their sleep: lower ASKED_PER_S")
        first = wait_for(lambda: count(CLAIMED, "sleeper"), 1)
        claimed = wait_for(lambda: count(CLAIMED, "sleeper"), waking)
        done = wait_for(lambda: count(ENDED, "sleeper"), waking)
        parts = crew.end()
    at = due.timestamp()
    return Woken(
        parked=parked,
        waking=waking,
        first_s=first - at,
        all_claimed_s=claimed - at,
        all_done_s=done - at,
        before_mb=max(part.before_mb for part in parts),
        peak_mb=max(part.peak_mb for part in parts),
    )


async def _ask(app: App, agent: str, number: int, *, start_at: datetime | None = None) -> None:
    for begin in range(0, number, AT_ONCE):
        some = range(begin, min(begin + AT_ONCE, number))
        await asyncio.gather(*(app.start(agent, f"ticket {n}", start_at=start_at) for n in some))
