"""How many turns a second one PostgreSQL takes in when nothing else is in the way: `python -m bench.ceiling`.

Writes what the writer writes for a turn, in its own statements, from texts that are ready: five events, a call, and
three changes of rows, for a hundred executions in each transaction.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic_core import to_json

from bench.databases import postgres
from holdfast.trail import heads
from holdfast.trail import postgres_sql as wording
from holdfast.trail.codec import stamp
from holdfast.trail.migrate import migrate
from holdfast.trail.session import connect

AT_ONCE = 100
"""Executions in one transaction."""
TURNS = 600
"""Of each execution, at most."""
SECONDS = 8.0
CONNECTIONS = (1, 2, 4)
_AT = stamp(datetime(2026, 11, 21, tzinfo=UTC))
_DATA = json.dumps({"content": "x" * 260})


def records(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return to_json([dict(zip(columns, row, strict=True)) for row in rows]).decode()


def begin(database: str, lane: int) -> list[str]:
    """Executions that a lane works on."""
    ids = [f"lane-{lane}-{number}" for number in range(AT_ONCE)]
    columns = [name for name in heads.NEW_EXECUTION_COLUMNS if name != "pinned_to"]
    known: dict[str, object] = {
        "agent_type": "clerk", "agent_version": "1", "status": "running", "priority": 0, "input_data": '"go on"',
        "step_count": 0, "token_count": 0, "cost_usd": "0", "reserved_tokens": 0, "reserved_usd": "0", "fence": 1,
        "last_seq": 0, "last_hash": "0" * 64, "created_at": _AT, "updated_at": _AT,
    }  # fmt: skip
    rows = [[one if name == "id" else known.get(name) for name in columns] for one in ids]
    with connect(database, name="bench") as connection:
        connection.execute(wording.insert_sql("agent_executions", tuple(columns)).encode(), (records(columns, rows),))
    return ids


Step = tuple[str, str, str]
"""Events, calls and how far their executions are: what one commit writes."""


def turn(ids: Sequence[str], number: int) -> list[Step]:
    """One turn of each, in its two commits."""
    events = [
        [one, number * 5 + place, "model.responded", 1, _DATA, _AT, "0" * 64] for one in ids for place in range(1, 6)
    ]
    values: dict[str, object] = {
        "last_seq": number * 5, "last_hash": "0" * 64, "updated_at": _AT, "step_count": number, "token_count": number,
        "cost_usd": "0.01", "reserved_tokens": 0, "reserved_usd": "0", "unknown_tokens": 0, "unknown_usd": "0",
    }  # fmt: skip
    advanced = [[one if name == "id" else values.get(name) for name in heads.ADVANCED_COLUMNS] for one in ids]
    asked: dict[str, object] = {
        "step_number": number, "tool_name": "lookup", "tool_input": "{}", "status": "running", "effect": "read",
        "idempotency_key": "k", "attempt": 1, "called_at": _AT,
    }  # fmt: skip
    done = {**asked, "status": "completed", "tool_output": _DATA, "latency_ms": 1.0, "finished_at": _AT}

    def calls(of: dict[str, object]) -> str:
        named = [{**of, "execution_id": one, "id": f"{one}:{number}:0"} for one in ids]
        return to_json([{name: row.get(name) for name in heads.CALL_COLUMNS} for row in named]).decode()

    half = len(events) * 3 // 5
    told = records(heads.ADVANCED_COLUMNS, advanced)
    return [
        (records(heads.EVENT_COLUMNS, events[:half]), calls(asked), told),
        (records(heads.EVENT_COLUMNS, events[half:]), calls(done), told),
    ]


def lane(  # noqa: PLR0913, PLR0917 - what a thread is given
    database: str,
    number: int,
    ids: Sequence[str],
    ready: Sequence[Sequence[Step]],
    go: threading.Event,
    done: list[int],
) -> None:
    """Write one turn after another until the time is over, each commit in one round trip."""
    with connect(database, name="bench") as connection, connection.pipeline() as pipeline:
        version = connection.execute(wording.LOCK_WRITER.encode(), (number,)).fetchall()[0][0]
        still = (list(ids), [1] * len(ids), ["0" * 64] * len(ids), len(ids), version)
        go.wait()
        until, turns = time.perf_counter() + SECONDS, 0
        for steps in ready:
            for step in steps:
                connection.execute(b"BEGIN")
                connection.execute(wording.LOCK_WRITER.encode(), (number,))
                connection.execute(wording.STILL.encode(), still)
                connection.execute(wording.write_steps().encode(), step)
                connection.execute(b"COMMIT")
                pipeline.sync()  # its answer is waited for
            turns += len(ids)
            if time.perf_counter() > until:
                break
        done.append(turns)


def measure(database: str, connections: int) -> dict[str, object]:
    """Turns a second over so many connections."""
    migrate(database)
    begun = [begin(database, number) for number in range(connections)]
    ready = [[turn(ids, number) for number in range(TURNS)] for ids in begun]
    go, counts = threading.Event(), list[int]()
    lanes = [
        threading.Thread(target=lane, args=(database, number, ids, ready[number], go, counts))
        for number, ids in enumerate(begun)
    ]
    for one in lanes:
        one.start()
    began = time.perf_counter()
    go.set()
    for one in lanes:
        one.join()
    seconds = time.perf_counter() - began
    return {"connections": connections, "turns_per_s": round(sum(counts) / seconds), "seconds": round(seconds, 1)}


def main() -> int:
    """Print a line for each number of connections."""
    argparse.ArgumentParser(prog="python -m bench.ceiling", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, postgres(Path(folder)) as databases:
        for connections in CONNECTIONS:
            print(json.dumps(measure(databases.fresh(), connections)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
