"""What it costs to deliver an activation: our claim from the journal's tables, or DBOS with one workflow of no steps.

`python -m bench.dispatch` asks, of each side in turn, in one run on one PostgreSQL:

- activations a second of one worker process, with as many waiting as `--activations` says;
- commits for each, of waking (in the caller's transaction) and of working;
- how long one alone takes from its commit until it runs;
- transactions a second of a worker with nothing to do.

On our side an activation is claimed under a new fence, with an event in the journal, and ends its execution: that is
in its commits. On the side of DBOS it is delivered and does nothing: what fences and journals it would come on top.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine, text

from bench.databases import postgres
from bench.process import measure
from holdfast import Agent, App, Say
from holdfast.engine.clock import SystemClock, new_id
from holdfast.engine.local import LocalEngine
from holdfast.trail import events as kinds
from holdfast.trail.migrate import migrate
from holdfast.trail.trail import Trail
from holdfast.types import Append, Claimed, NewEvent, NewExecution

SLOTS = 200
ALONE = 60
IDLE_S = 20.0
POLLING_S = 0.05
"""Of DBOS: how often a worker looks for work; its default is 1 s."""
FLUSHED_S = 11.0
"""PostgreSQL hears of what an idle session did ten seconds late."""
_COUNT = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one process measured."""

    activations: int = 0
    seconds: float = 0.0
    alone_ms: float = 0.0
    """Median."""
    idle_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One way of delivery."""

    per_s: float
    commits_waking: float
    """For each activation."""
    commits_working: float
    alone_ms: float
    idle_per_s: float


# --- ours


async def ours_wake(database: str, number: int) -> Part:
    """Let so many executions wait, as a parent's tools would: 100 callers at once."""
    async with _trail(database) as trail:
        parts = trail._parts  # noqa: SLF001 - as above
        began = time.perf_counter()
        for start in range(0, number, 100):
            # Without reading the execution back, which `start` does for its caller: no commit that wakes one needs it.
            asked = [parts.prepare.start(_new()) for _ in range(start, min(start + 100, number))]
            await asyncio.gather(*map(parts.write, asked))
        return Part(activations=number, seconds=time.perf_counter() - began)


async def ours_work(database: str, number: int) -> Part:
    """Work them all."""
    done, ended = 0, asyncio.Event()

    async def activate(claimed: Claimed) -> None:
        nonlocal done
        await trail.append(_end(claimed))
        done += 1
        if done == number:
            ended.set()

    async with _trail(database) as trail:
        engine = LocalEngine(trail, activate, agents={"clerk": "1"}, clock=SystemClock(), concurrency=SLOTS)
        began = time.perf_counter()
        task = asyncio.create_task(engine.run())
        await ended.wait()
        seconds = time.perf_counter() - began
        engine.stop()
        await task
    return Part(activations=number, seconds=seconds)


async def ours_alone(database: str) -> Part:
    """One at a time, from its commit in this process until it runs in the worker; then nothing for a while."""
    ran = asyncio.Event()
    at = 0.0

    async def activate(claimed: Claimed) -> None:
        nonlocal at
        at = time.perf_counter()
        await working.append(_end(claimed))
        ran.set()

    async with _trail(database) as asking, _trail(database) as working:
        # Two trails: what is asked reaches the worker through the database alone, as from another process.
        engine = LocalEngine(working, activate, agents={"clerk": "1"}, clock=SystemClock(), concurrency=SLOTS)
        task = asyncio.create_task(engine.run())
        await asyncio.sleep(1)
        took: list[float] = []
        for _ in range(ALONE):
            ran.clear()
            await asking.start(_new())
            committed = time.perf_counter()
            await ran.wait()
            took.append((at - committed) * 1_000)
            await asyncio.sleep(0.02)
        idle = await _idle(database)
        engine.stop()
        await task
    return Part(alone_ms=statistics.median(took), idle_per_s=idle)


@asynccontextmanager
async def _trail(database: str) -> AsyncGenerator[Trail]:
    async with App([Agent(name="clerk", models=[lambda _: Say("done")])], database) as app:
        yield await app._open()  # noqa: SLF001 - what an engine is given


def _new() -> NewExecution:
    return NewExecution(
        id=new_id(), agent_type="clerk", agent_version="1", input_data="hi",
        started=NewEvent(kind=kinds.STARTED, data={"input": "hi"}),
    )  # fmt: skip


def _end(claimed: Claimed) -> Append:
    return Append(
        execution_id=claimed.execution.id,
        fence=claimed.execution.fence,
        events=(NewEvent(kind=kinds.COMPLETED, data={"result": "done"}),),
        status="completed",
        result="done",
    )


# --- DBOS


async def dbos_wake(database: str, number: int) -> Part:
    """Enqueue so many, each in a transaction of its caller with a row of the caller's."""
    return await asyncio.to_thread(_dbos_enqueue, database, number)


def _dbos_enqueue(database: str, number: int) -> Part:
    from concurrent.futures import ThreadPoolExecutor

    from dbos import DBOSClient

    client = DBOSClient(system_database_url=database)
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=16)

    def one(name: str) -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO woken (id) VALUES (:id)"), {"id": name})
            asked: Any = {"workflow_name": "activate", "queue_name": "activations", "workflow_id": name}
            client.enqueue_in_transaction(connection, asked, name)

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS woken (id text PRIMARY KEY)"))
    names = [new_id() for _ in range(number)]
    began = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, names))
    seconds = time.perf_counter() - began
    client.destroy()
    engine.dispose()
    return Part(activations=number, seconds=seconds)


async def dbos_prepare(database: str) -> Part:
    """Its tables."""
    async with _dbos(database, lambda _: None):
        return Part()


async def dbos_work(database: str, number: int) -> Part:
    """Work them all."""
    done, ended = 0, asyncio.Event()

    def activated(_: str) -> None:
        nonlocal done
        done += 1
        if done == number:
            ended.set()

    began = time.perf_counter()
    async with _dbos(database, activated):
        began = time.perf_counter()  # without its start: ours has no such thing
        before = done
        await ended.wait()
        seconds = time.perf_counter() - began
        await asyncio.to_thread(_dbos_settled, database, number)
    return Part(activations=number - before, seconds=seconds)


def _dbos_settled(database: str, number: int) -> None:
    """Until the last ends are recorded."""
    sql = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"
    with psycopg.connect(database, autocommit=True) as connection:
        while (row := connection.execute(sql).fetchone()) and row[0] < number:
            time.sleep(0.2)


async def dbos_alone(database: str, polling_s: float = POLLING_S) -> Part:
    """One at a time; then nothing for a while."""
    ran = asyncio.Event()
    at = 0.0

    def activated(_: str) -> None:
        nonlocal at
        at = time.perf_counter()
        ran.set()

    async with _dbos(database, activated, polling_s=polling_s):
        await asyncio.sleep(1)
        took: list[float] = []
        for _ in range(ALONE):
            ran.clear()
            await asyncio.to_thread(_dbos_enqueue, database, 1)
            committed = time.perf_counter()
            await ran.wait()
            took.append(max((at - committed) * 1_000, 0.0))
            await asyncio.sleep(0.02)
        idle = await _idle(database)
    return Part(alone_ms=statistics.median(took), idle_per_s=idle)


@asynccontextmanager
async def _dbos(database: str, activated: Any, *, polling_s: float = POLLING_S) -> AsyncGenerator[None]:
    from dbos import DBOS, DBOSConfig

    config = DBOSConfig(
        name="bench", system_database_url=database, executor_id="worker-1", application_version="1",
        max_executor_threads=16, sys_db_pool_size=16, log_level="ERROR",
    )  # fmt: skip
    DBOS(config=config)

    @DBOS.workflow(name="activate")
    async def activate(name: str) -> None:
        activated(name)

    assert activate
    DBOS.launch()
    await DBOS.register_queue_async("activations", worker_concurrency=SLOTS, polling_interval_sec=polling_s)
    try:
        yield
    finally:
        DBOS.destroy()


# --- both


async def _idle(database: str) -> float:
    await asyncio.sleep(FLUSHED_S)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        before, began = await _transactions(connection), time.monotonic()
        await asyncio.sleep(IDLE_S)
        return (await _transactions(connection) - before) / (time.monotonic() - began)


async def _transactions(connection: psycopg.AsyncConnection) -> int:
    row = await (await connection.execute(_COUNT)).fetchone()
    return int(row[0]) if row else 0


def _counted(database: str) -> int:
    time.sleep(1)  # the sessions of a process that ended have told what they did
    with psycopg.connect(database) as connection:
        row = connection.execute(_COUNT).fetchone()
        return int(row[0]) if row else 0


def side(name: str, database: str, activations: int, rounds: int) -> Side:
    """Measure one way of delivery: each part in a process of its own."""
    rates: list[float] = []
    waking = working = 0.0
    for _ in range(rounds):
        start = _counted(database)
        measure(f"dispatch:{name}_wake", limit_s=300, database=database, number=activations)
        woken = _counted(database)
        found = measure(f"dispatch:{name}_work", limit_s=300, database=database, number=activations)
        waking, working = (woken - start) / activations, (_counted(database) - woken) / activations
        rates.append(found["activations"] / found["seconds"])
        if name == "dbos":  # `_dbos_settled` counts all there are
            _forget(database)
    alone = measure(f"dispatch:{name}_alone", limit_s=300, database=database)
    return Side(
        per_s=max(rates), commits_waking=waking, commits_working=working, alone_ms=alone["alone_ms"],
        idle_per_s=alone["idle_per_s"],
    )  # fmt: skip


def _forget(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM dbos.workflow_status")


def main() -> int:
    """Print both sides and their ratios."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.dispatch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activations", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=3, help="the best one counts")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, postgres(Path(folder)) as databases:
        own, other = databases.fresh(), databases.fresh()
        migrate(own)
        measure("dispatch:dbos_prepare", limit_s=120, database=other)
        ours = side("ours", own, wanted.activations, wanted.rounds)
        dbos = side("dbos", other, wanted.activations, wanted.rounds)
        seldom = measure("dispatch:dbos_alone", limit_s=300, database=other, polling_s=1.0)
    if wanted.json:
        print(json.dumps({"ours": asdict(ours), "dbos": asdict(dbos), "dbos, looking once a second": seldom}))
        return 0
    print(f"{'':44} {'ours':>9} {'DBOS':>9} {'ratio':>7}")
    for words, attribute in (
        ("activations a second, one process", "per_s"),
        ("commits an activation: waking", "commits_waking"),
        ("commits an activation: working", "commits_working"),
        ("one alone, from commit to running (ms)", "alone_ms"),
        ("idle worker, transactions a second", "idle_per_s"),
    ):
        left, right = getattr(ours, attribute), getattr(dbos, attribute)
        print(f"{words:44} {left:9.2f} {right:9.2f} {left / right if right else 0:7.2f}")
    print(
        f"DBOS as it comes, looking for work once a second: {seldom['alone_ms']:.0f} ms alone, "
        f"{seldom['idle_per_s']:.2f} transactions a second idle"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
