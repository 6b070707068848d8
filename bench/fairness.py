"""What a claim costs with 100,000 executions waiting, and who gets what: `python -m bench.fairness`."""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, create_engine, insert, text

from bench.databases import Databases, postgres, sqlite
from holdfast import Agent, App, Say
from holdfast.trail.codec import GENESIS
from holdfast.trail.migrate import migrate
from holdfast.trail.place import locate
from holdfast.trail.reader import as_stored
from holdfast.trail.schema import executions

KINDS = {"sqlite": sqlite, "postgres": postgres}
PENDING = 100_000
CLAIMS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """How long claims took, in milliseconds."""

    shape: str
    limit: int
    median_ms: float
    worst_ms: float
    got: int
    served: int
    """Different users among what was claimed."""


def _answer(_: object) -> Say:
    return Say("done")


SHAPES = {
    "one user has all": lambda _: "big",
    "one user has all but 100": lambda n: f"small-{n % 100}" if n >= PENDING - 100 else "big",
    "each has one": lambda n: f"user-{n:06d}",
    "half are parked for later": lambda n: f"user-{n % 1_000}",
    "all but the newest 1,100 parked": lambda n: f"user-{n % 1_000}",
    "all but the newest 1,100 pinned": lambda n: f"user-{n % 1_000}",
}


def fill(database: str, shape: str) -> None:
    """Let so many executions wait, without a journal: a claim does not read one before it has chosen."""
    engine = create_engine(locate(database).sqlalchemy_url)
    began, later = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    with engine.begin() as connection:
        for start in range(0, PENDING, 5_000):
            rows = [_row(connection, shape, n, began, later) for n in range(start, start + 5_000)]
            connection.execute(insert(executions), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _row(connection: Connection, shape: str, n: int, began: datetime, later: datetime) -> dict[str, object]:
    at = as_stored(connection, began + timedelta(milliseconds=n))
    old = n < PENDING - 1_100
    parked = n % 2 if "half" in shape else "parked" in shape and old
    return {
        "id": f"e-{n:06d}", "user_id": SHAPES[shape](n), "agent_type": "clerk", "agent_version": "1",
        "status": "pending", "priority": 0, "step_count": 0, "token_count": 0, "cost_usd": "0",
        "reserved_tokens": 0, "reserved_usd": "0", "fence": 0, "last_seq": 0, "last_hash": GENESIS,
        "created_at": at, "updated_at": at, "wake_at": as_stored(connection, later) if parked else None,
        "pinned_to": "a version that nobody serves" if "pinned" in shape and old else None,
    }  # fmt: skip


async def measure(database: str, shape: str) -> Sequence[Claims]:
    """Claims of 1 and of 100 with 100,000 executions waiting."""
    migrate(database)
    await asyncio.to_thread(fill, database, shape)
    async with App(agents=[Agent(name="clerk", models=[_answer])], database=database) as app:
        trail = await app._open()  # noqa: SLF001 - what an engine is given
        await trail.register("bench", host="bench", pid=1, lease_s=600)
        await trail.claim("bench", agents=["clerk"], limit=1)
        return [await _claims(trail, shape, limit) for limit in (1, 100)]


async def _claims(trail, shape: str, limit: int) -> Claims:
    took: list[float] = []
    users = Counter[str]()
    for _ in range(CLAIMS if limit == 1 else CLAIMS // 4):
        began = time.perf_counter()
        found = await trail.claim("bench", agents=["clerk"], limit=limit)
        took.append((time.perf_counter() - began) * 1_000)
        users.update(one.execution.user_id or "" for one in found)
    return Claims(
        shape=shape,
        limit=limit,
        median_ms=round(statistics.median(took), 2),
        worst_ms=round(max(took), 2),
        got=users.total(),
        served=len(users),
    )


def main() -> int:
    """Print a line for each shape of the queue."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--on", nargs="+", choices=sorted(KINDS), default=list(KINDS), help="databases")
    parser.add_argument("--shape", nargs="+", choices=sorted(SHAPES), default=list(SHAPES))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    wanted = parser.parse_args()
    for kind in wanted.on:
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, KINDS[kind](Path(folder)) as databases:
            _print(databases, wanted.shape, as_json=wanted.json)
    return 0


def _print(databases: Databases, shapes: Sequence[str], *, as_json: bool) -> None:
    for shape in shapes:
        for found in asyncio.run(measure(databases.fresh(), shape)):
            if as_json:
                print(json.dumps({"database": databases.name, **asdict(found)}))
            else:
                print(
                    f"{databases.name:10} {found.shape:26} claims of {found.limit:3}: {found.median_ms:7.2f} ms"
                    f" (worst {found.worst_ms:.2f}), {found.got} executions of {found.served} users",
                    flush=True,
                )


if __name__ == "__main__":
    sys.exit(main())
