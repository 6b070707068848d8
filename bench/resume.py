"""How long 1,000 executions take to go on after SIGKILL: one process dies in mid-call, another takes over."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.durable import LIMITS
from bench.workload import Stamps, lookup_result, script
from holdfast import Agent, App, tool
from holdfast.testing import ScriptedModel
from holdfast.trail.migrate import migrate

TURNS = 4
HELD_TURN = 1
"""The lookup (from 0) in which the first process is killed."""

Lookup = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    executions: int
    first_s: float
    """Until the first interrupted call ran again."""
    all_going_s: float
    """Until every interrupted call ran again."""
    all_done_s: float
    """Until every execution was completed."""


def _app(database: str, body: Lookup) -> App:
    @tool(effect="read", timeout_s=600)
    async def lookup(key: str) -> str:
        """Look one key up."""
        return await body(key)

    agent = Agent(
        name="bench",
        models=[ScriptedModel(script(TURNS, Stamps()))],
        instructions="Look things up.",
        tools=[lookup],
        limits=LIMITS,
        context_window=10_000_000,
    )
    return App(agents=[agent], database=database)


async def hold(database: str, *, executions: int) -> None:
    """Bring every execution into the same call, say `ready`, and wait to be killed."""
    held = 0
    all_held = asyncio.Event()

    async def body(key: str) -> str:
        nonlocal held
        if key.endswith(f"-{HELD_TURN}"):
            held += 1
            if held == executions:
                all_held.set()
            await asyncio.Event().wait()
        return lookup_result(key)

    migrate(database)
    app = _app(database, body)
    async with app, app.worker(concurrency=executions):
        await asyncio.gather(*(app.start("bench", f"ticket {n}") for n in range(executions)))
        await all_held.wait()
        print("ready", flush=True)
        await asyncio.Event().wait()


async def finish(database: str, *, executions: int) -> Resumed:
    """Take over what the killed process left, and work it to its end."""
    again: list[float] = []

    async def body(key: str) -> str:
        if key.endswith(f"-{HELD_TURN}"):
            again.append(time.perf_counter())
        return lookup_result(key)

    async with _app(database, body) as app:
        left = [execution.id for execution in await app.list(status="running", limit=executions)]
        if len(left) != executions:
            raise RuntimeError(f"{len(left)} executions were left running, not {executions}")
        started = time.perf_counter()
        async with app.worker(concurrency=executions):
            ended = await asyncio.gather(*(app.wait(execution_id) for execution_id in left))
            done = time.perf_counter()
    if any(execution.status != "completed" for execution in ended) or len(again) != executions:
        raise RuntimeError("not every execution was completed by running its interrupted call once more")
    return Resumed(
        executions=executions,
        first_s=again[0] - started,
        all_going_s=again[-1] - started,
        all_done_s=done - started,
    )
