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


def turn(ids: Sequence[str], number: int) -> list[tuple[str, str]]:
    """The statements of one turn of each, in its two commits."""
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

    insert = wording.insert_sql("agent_events", heads.EVENT_COLUMNS)
    update = wording.update_sql("agent_executions", heads.ADVANCED_COLUMNS)
    half = len(events) * 3 // 5
    told = records(heads.ADVANCED_COLUMNS, advanced)
    return [
        (insert, records(heads.EVENT_COLUMNS, events[:half])), (wording.upsert_calls(), calls(asked)), (update, told),
        ("COMMIT", ""),
        (insert, records(heads.EVENT_COLUMNS, events[half:])), (wording.upsert_calls(), calls(done)), (update, told),
        ("COMMIT", ""),
    ]  # fmt: skip


def lane(database: str, ready: Sequence[Sequence[tuple[str, str]]], go: threading.Event, counts: list[int]) -> None:
    """Write one turn after another until the time is over."""
    with connect(database, name="bench") as connection, connection.pipeline():
        go.wait()
        until, done = time.perf_counter() + SECONDS, 0
        for statements in ready:
            connection.execute(b"BEGIN")
            for sql, given in statements:
                if sql == "COMMIT":
                    connection.execute(b"COMMIT").pgresult  # noqa: B018 - its answer is waited for
                    connection.execute(b"BEGIN")
                else:
                    connection.execute(sql.encode(), (given,))
            connection.execute(b"COMMIT")
            connection.execute(b"SELECT 1").fetchall()
            done += AT_ONCE
            if time.perf_counter() > until:
                break
        counts.append(done)


def measure(database: str, connections: int) -> dict[str, object]:
    """Turns a second over so many connections."""
    migrate(database)
    ready = [
        [turn(begin_, number) for number in range(400)] for begin_ in (begin(database, n) for n in range(connections))
    ]
    go, counts = threading.Event(), list[int]()
    lanes = [threading.Thread(target=lane, args=(database, one, go, counts)) for one in ready]
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
