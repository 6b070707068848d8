"""What 10,000 parked executions cost a worker: memory, threads, processor time while idle."""

import asyncio
import gc
import time
from dataclasses import dataclass

import psutil

from bench.durable import LIMITS
from holdfast import Agent, App, Call, Say, ask_always, tool
from holdfast.trail.migrate import migrate
from holdfast.types import Conversation, Reply

IDLE_S = 3.0
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    executions: int
    seconds: float
    """From the first start until the last one waited for a person."""
    before_mb: float
    """Resident memory after one batch, when everything is loaded."""
    after_mb: float
    """Resident memory with all of them parked."""
    threads: int
    idle_cpu_percent: float
    """Of one core, with all of them parked and nothing to do."""


@tool(effect="irreversible", review=ask_always)
async def pay(ticket: str) -> str:
    """Pay somebody."""
    return f"paid {ticket}"


def _ask_to_pay(conversation: Conversation) -> Reply:
    return Say("done") if conversation.calls else Call("pay", {"ticket": str(conversation.input)})


async def run(database: str, *, executions: int) -> Parked:
    """Park that many executions before a payment, then do nothing for a while."""
    payer = Agent(name="payer", models=[_ask_to_pay], tools=[pay], limits=LIMITS)
    migrate(database)
    app = App(agents=[payer], database=database)
    process = psutil.Process()
    async with app, app.worker(concurrency=BATCH):
        await _park(app, BATCH)
        before = _resident_mb(process)
        started = time.perf_counter()
        for _ in range((executions - BATCH) // BATCH):
            await _park(app, BATCH)
        seconds = time.perf_counter() - started
        after = _resident_mb(process)
        cpu = time.process_time()
        await asyncio.sleep(IDLE_S)
        idle = (time.process_time() - cpu) / IDLE_S * 100
        return Parked(
            executions=executions,
            seconds=seconds,
            before_mb=before,
            after_mb=after,
            threads=process.num_threads(),
            idle_cpu_percent=idle,
        )


async def _park(app: App, number: int) -> None:
    for execution in await asyncio.gather(*(app.run("payer", f"ticket {n}") for n in range(number))):
        if execution.status != "awaiting_review":
            raise RuntimeError(f"{execution.id} is {execution.status}: {execution.status_reason}")


def _resident_mb(process: psutil.Process) -> float:
    gc.collect()
    return process.memory_info().rss / 2**20
