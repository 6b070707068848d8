"""The floor: two bare committed inserts a turn, of the bytes that Holdfast writes, on one connection."""

import sqlite3
from collections.abc import Callable

import psycopg

from bench.databases import is_postgres, sqlite_path
from bench.workload import Sample, Stopwatch

TABLE = "CREATE TABLE floor (execution TEXT, seq INTEGER, body TEXT, PRIMARY KEY (execution, seq))"

Insert = Callable[[str, int, str], None]


async def run(database: str, *, executions: int, turns: int, turn_bytes: int) -> Sample:
    """Insert and commit twice for each turn, one after the other."""
    insert = _postgres(database) if is_postgres(database) else _sqlite(database)
    body = "x" * (turn_bytes // 2)
    watch = Stopwatch()
    for execution in range(executions):
        for seq in range(turns * 2):
            insert(f"ticket-{execution}", seq, body)
    return watch.sample(executions * turns)


def _sqlite(database: str) -> Insert:
    connection = sqlite3.connect(sqlite_path(database), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(TABLE)

    def insert(execution: str, seq: int, body: str) -> None:
        connection.execute("INSERT INTO floor VALUES (?, ?, ?)", (execution, seq, body))

    return insert


def _postgres(database: str) -> Insert:
    connection = psycopg.connect(database, autocommit=True)
    connection.execute(TABLE)

    def insert(execution: str, seq: int, body: str) -> None:
        connection.execute("INSERT INTO floor VALUES (%s, %s, %s)", (execution, seq, body))

    return insert
