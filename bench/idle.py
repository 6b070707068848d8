"""What an idle fleet asks of PostgreSQL: transactions and connections of workers with nothing to do.

`python -m bench.idle --workers 20 --seconds 60`: workers with default settings, each an app of its own, in one process.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.databases import postgres
from holdfast import Agent, App, Say
from holdfast.trail.migrate import migrate

REST_S = 12.0
"""After the start, until the count begins: PostgreSQL hears of what an idle session did ten seconds late."""
_COUNT = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What so many workers took, in all."""

    workers: int
    seconds: float
    transactions: int
    connections: int

    @property
    def per_s(self) -> float:
        """Transactions a second of all together."""
        return self.transactions / self.seconds


async def measure(database: str, *, workers: int, seconds: float) -> Idle:
    """Count what workers with nothing to do ask of a migrated database."""
    async with _working([_app(database) for _ in range(workers)]):
        await asyncio.sleep(REST_S)
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            before, began = await _one(connection, _COUNT), time.monotonic()
            await asyncio.sleep(seconds)
            transactions = await _one(connection, _COUNT) - before
            took_s = time.monotonic() - began
            connections = await _one(connection, _CONNECTIONS)
    return Idle(workers=workers, seconds=took_s, transactions=transactions, connections=connections)


def _app(database: str) -> App:
    return App([Agent(name="clerk", models=[lambda _: Say("done")])], database)


@asynccontextmanager
async def _working(apps: Sequence[App]) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        stop = asyncio.Event()
        ready = [asyncio.Event() for _ in apps]
        for app, there in zip(apps, ready, strict=True):
            group.create_task(_work(app, there, stop))
        for there in ready:
            await there.wait()
        try:
            yield
        finally:
            stop.set()


async def _work(app: App, ready: asyncio.Event, stop: asyncio.Event) -> None:
    async with app, app.worker():
        ready.set()
        await stop.wait()


async def _one(connection: psycopg.AsyncConnection, sql: str) -> int:
    row = await (await connection.execute(sql)).fetchone()
    return int(row[0]) if row else 0


def main() -> int:
    """Print how much it was."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, postgres(Path(folder)) as databases:
        database = databases.fresh()
        migrate(database)
        found = asyncio.run(measure(database, workers=wanted.workers, seconds=wanted.seconds))
    print(
        f"{found.workers} idle workers for {found.seconds:.0f} s: {found.per_s:.1f} transactions a second in all, "
        f"{found.connections} connections"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
