"""What pruning 100,000 executions takes, and what a worker beside it notices: `python -m bench.pruning`."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.databases import Databases, postgres, size, sqlite
from bench.filling import fill
from holdfast import Agent, App, Call, Conversation, Say, tool
from holdfast.trail.committed import Committed
from holdfast.types import PruneRule

KINDS = {"sqlite": sqlite, "postgres": postgres}
AT_ONCE = 16
TURNS = 10
QUIET_S = 5.0


@tool(effect="read")
def look_up(order_id: int) -> str:  # noqa: ARG001 - what a model gives
    """Look up an order."""
    return "x" * 200


def by_rules(conversation: Conversation) -> Call | Say:
    done = len(conversation.calls)
    return Say("done") if done == TURNS - 1 else Call("look_up", {"order_id": done})


clerk = Agent(name="clerk", models=[by_rules], tools=[look_up])


async def work(database: str) -> None:
    """Work, a line of JSON a second, until standard input closes."""
    ended, longest_s, stop = 0, 0.0, asyncio.Event()

    async def one_after_another(app: App) -> None:
        nonlocal ended
        while not stop.is_set():
            await app.run(clerk, "go on")
            ended += 1

    def heed(committed: Committed) -> None:
        nonlocal longest_s
        longest_s = max(longest_s, committed.took_s)

    async with App(agents=[clerk], database=database) as app, app.worker(), asyncio.TaskGroup() as group:
        (await app._open()).observers.add(heed)  # noqa: SLF001 - what metrics are given
        for _ in range(AT_ONCE):
            group.create_task(one_after_another(app))
        closed = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not closed.done():
            before, ended, longest_s = time.monotonic(), 0, 0.0
            await asyncio.wait([closed], timeout=1)
            took_s = time.monotonic() - before
            print(json.dumps({"turns_per_s": ended * TURNS / took_s, "longest_ms": longest_s * 1000}), flush=True)
        stop.set()


class Worker:
    """A worker process, and what it has said."""

    def __init__(self) -> None:
        self.said: list[dict[str, float]] = []

    def since(self, line: int) -> dict[str, float]:
        """Turns a second and the longest transaction since that line."""
        lines = self.said[line:] or [{"turns_per_s": 0.0, "longest_ms": 0.0}]
        return {
            "turns_per_s": round(sum(one["turns_per_s"] for one in lines) / len(lines)),
            "longest_ms": round(max(one["longest_ms"] for one in lines), 1),
        }


@asynccontextmanager
async def working(database: str) -> AsyncIterator[Worker]:
    words = [sys.executable, "-m", "bench.pruning", "--work", database]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    worker = Worker()

    async def hear() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            worker.said.append(json.loads(line))

    hearing = asyncio.create_task(hear())
    try:
        while len(worker.said) < 3:  # noqa: ASYNC110 - it has begun then
            await asyncio.sleep(0.1)
        yield worker
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)
        await hearing


async def measure(database: str, *, executions: int, keep_audit: bool) -> dict[str, object]:
    """Prune all but the newest day of 30 while a worker works."""
    await asyncio.to_thread(fill, database, executions)
    before_bytes = size(database)
    async with working(database) as worker, App(database=database) as app:
        line = len(worker.said)
        await asyncio.sleep(QUIET_S)
        quiet, line = worker.since(line), len(worker.said)
        began = time.perf_counter()
        pruned, events, took = 0, 0, list[float]()
        rule = PruneRule(before=datetime.now(UTC) - timedelta(days=1), keep_audit=keep_audit)
        async for step in app.control.prune(rule, by="bench"):
            pruned, events = pruned + step.executions, events + step.events
            took += [step.took_s] if step.took_s else []
        seconds = time.perf_counter() - began
        beside = worker.since(line)
    return {
        "keep_audit": keep_audit,
        "executions": pruned,
        "events": events,
        "seconds": round(seconds, 1),
        "per_s": round(pruned / seconds),
        "transactions": len(took),
        "median_ms": round(sorted(took)[len(took) // 2] * 1000, 1),
        "longest_ms": round(max(took) * 1000, 1),
        "worker_quiet": quiet,
        "worker_beside": beside,
        "mb_before": round(before_bytes / 1e6),
        "mb_after": round(size(database) / 1e6),
    }


def main() -> int:
    """Print a line for each database and way to prune."""
    parser = argparse.ArgumentParser(prog="python -m bench.pruning", description=__doc__)
    parser.add_argument("--on", nargs="+", choices=sorted(KINDS), default=list(KINDS), help="databases")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.work:
        asyncio.run(work(wanted.work))
        return 0
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        for kind in wanted.on:
            with KINDS[kind](Path(folder)) as databases:
                _all(databases, wanted.executions)
    return 0


def _all(databases: Databases, executions: int) -> None:
    for keep_audit in (True, False):
        found = asyncio.run(measure(databases.fresh(), executions=executions, keep_audit=keep_audit))
        print(json.dumps({"database": databases.name, **found}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
