"""What one process and one turn take, for docs/sizing.md: `python -m bench.sizing`."""

import argparse
import asyncio
import gc
import json
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg

from bench.databases import is_postgres, postgres, size, sqlite
from holdfast import Agent, App, Call, Conversation, Limits, Say, tool
from holdfast.engine.heap import spare_what_is_loaded
from holdfast.trail.migrate import migrate

KINDS = {"sqlite": sqlite, "postgres": postgres}
TURNS = 10
ACTIVE = (0, 100, 1_000)


@tool(effect="read")
async def wait_there(number: int) -> str:
    """A page of text; the last call waits until everybody has come."""
    if number == TURNS:
        ARRIVED.release()
        await OPEN.wait()
    return "x" * 1_000


ARRIVED = asyncio.Semaphore(0)
OPEN = asyncio.Event()


def by_rules(conversation: Conversation) -> Call | Say:
    done = len(conversation.calls)
    return Say("done") if done == TURNS else Call("wait_there", {"number": done + 1})


limits = Limits(steps=100, tokens=10_000_000, step_timeout_s=600, total_timeout_s=600)
clerk = Agent(name="clerk", models=[by_rules], tools=[wait_there], limits=limits)


async def measure(database: str) -> dict[str, object]:
    """Resident memory with so many executions in their eleventh turn, and connections."""
    migrate(database)
    process, found, before = psutil.Process(), dict[str, object](), _counted(database)
    async with App(agents=[clerk], database=database) as app, app.worker(concurrency=max(ACTIVE)):
        spare_what_is_loaded()
        going = list[asyncio.Task[object]]()
        for active in ACTIVE:
            for number in range(len(going), active):
                going.append(asyncio.create_task(app.run(clerk, f"ticket {number}")))
                if number % 100 == 99:
                    for _ in range(100):
                        await ARRIVED.acquire()
            gc.collect()
            found[f"mb_with_{active}_active"] = round(process.memory_info().rss / 1e6, 1)
        found["connections"] = _connections(database)
        found["threads"] = process.num_threads()
        OPEN.set()
        await asyncio.gather(*going)
        found["disk_bytes_a_turn"] = round(size(database) / (max(ACTIVE) * (TURNS + 1)))
        await asyncio.sleep(1.5)  # PostgreSQL's counters come a second late
        for name, count in _counted(database).items():
            found[f"{name}_a_turn"] = round((count - before[name]) / (max(ACTIVE) * (TURNS + 1)), 2)
    return found


def _counted(database: str) -> dict[str, int]:
    """What PostgreSQL has written so far: its log is what a standby is sent, and what an archive takes."""
    if not is_postgres(database):
        return {}
    query = """
        SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal_bytes, xact_commit AS commits,
            tup_inserted AS rows_inserted, tup_updated AS rows_updated
        FROM pg_stat_database WHERE datname = current_database()
    """
    with psycopg.connect(database, row_factory=psycopg.rows.dict_row) as connection:
        return {name: int(count) for name, count in (connection.execute(query).fetchone() or {}).items()}


def _connections(database: str) -> int | None:
    if not is_postgres(database):
        return None
    with psycopg.connect(database) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else None


def main() -> int:
    """Print a line for each database."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizing", description=__doc__)
    parser.add_argument(
        "--on", choices=sorted(KINDS), default="postgres", help="one database a run: it measures itself"
    )
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, KINDS[wanted.on](Path(folder)) as databases:
        print(json.dumps({"database": databases.name, **asyncio.run(measure(databases.fresh()))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
