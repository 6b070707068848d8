"""Holdfast's side of the same work, through its public surface."""

import asyncio
import json

from bench.databases import size
from bench.workload import Sample, Stamps, Stopwatch, lookup_result, script
from holdfast import Agent, App, Limits, tool
from holdfast.engine.heap import spare_what_is_loaded
from holdfast.testing import ScriptedModel
from holdfast.trail.migrate import migrate
from holdfast.types import Execution

LIMITS = Limits(steps=1_000, tokens=100_000_000, step_timeout_s=120, total_timeout_s=600)


@tool(effect="read")
async def lookup(key: str) -> str:
    """Look one key up."""
    return lookup_result(key)


def agent(name: str, turns: int, stamps: Stamps) -> Agent[str]:
    return Agent(
        name=name,
        models=[ScriptedModel(script(turns, stamps))],
        instructions="Look things up.",
        tools=[lookup],
        limits=LIMITS,
        context_window=10_000_000,
    )


async def run(database: str, *, executions: int, turns: int) -> Sample:
    """Work `executions` tickets at once, each `turns` model responses long."""
    stamps = Stamps()
    migrate(database)
    app = App(agents=[agent("warm", 3, Stamps()), agent("bench", turns, stamps)], database=database)
    async with app, app.worker(concurrency=executions):
        await _work(app, "warm", 1)
        spare_what_is_loaded()  # as `holdfast worker` does
        before = size(database)
        watch = Stopwatch()
        ended = await _work(app, "bench", executions)
        sample = watch.sample(executions * turns, stamps)
        grown = size(database) - before
        record = await _record_bytes(app, ended[0].id)
    return Sample(
        turns=sample.turns,
        seconds=sample.seconds,
        cpu_s=sample.cpu_s,
        p50_turn_ms=sample.p50_turn_ms,
        turn_bytes=record / turns,
        disk_bytes=grown / sample.turns,
    )


async def _work(app: App, name: str, executions: int) -> list[Execution]:
    ended = await asyncio.gather(*(app.run(name, f"ticket {n}") for n in range(executions)))
    for execution in ended:
        if execution.status != "completed":
            raise RuntimeError(f"{execution.id} is {execution.status}: {execution.status_reason}")
    return ended


async def _record_bytes(app: App, execution_id: str) -> int:
    """Bytes of one execution's events, as JSON: what a turn leaves in the journal."""
    return sum([len(json.dumps(event.data, default=str)) async for event in app.events(execution_id)])
