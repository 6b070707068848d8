"""The loop a careful user writes by hand: pydantic-ai's `Agent`, new messages in one transaction a turn."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence

import psycopg
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter

from bench.databases import is_postgres, sqlite_path
from bench.workload import Sample, Stamps, Stopwatch, lookup_result, script
from holdfast.testing import ScriptedModel

TABLE = "CREATE TABLE messages (run TEXT, turn INTEGER, body {json}, PRIMARY KEY (run, turn))"
CONNECTIONS = 10

Store = Callable[[str, int, bytes], Awaitable[None]]


async def run(database: str, *, executions: int, turns: int) -> Sample:
    """Work `executions` tickets at once, each `turns` model responses long."""
    store = await _postgres(database) if is_postgres(database) else _sqlite(database)
    await _work("warm-up", agent=_agent(3, Stamps()), store=store)
    stamps = Stamps()
    agent = _agent(turns, stamps)
    watch = Stopwatch()
    await asyncio.gather(*(_work(f"ticket {n}", agent=agent, store=store) for n in range(executions)))
    return watch.sample(executions * turns, stamps)


def _agent(turns: int, stamps: Stamps) -> Agent[None, str]:
    agent = Agent(ScriptedModel(script(turns, stamps)), instructions="Look things up.")

    @agent.tool_plain
    async def lookup(key: str) -> str:
        """Look one key up."""
        return lookup_result(key)

    return agent


async def _work(ticket: str, *, agent: Agent[None, str], store: Store) -> None:
    stored = turn = 0
    async with agent.iter(ticket) as going:
        async for node in going:
            messages = going.all_messages()
            if Agent.is_call_tools_node(node):
                turn += 1
                await store(ticket, turn, _dump(messages[stored:]))
                stored = len(messages)
    if going.result is None:
        raise RuntimeError(f"{ticket} ended without a result")


def _dump(messages: Sequence[ModelMessage]) -> bytes:
    return ModelMessagesTypeAdapter.dump_json(list(messages))


def _sqlite(database: str) -> Store:
    connection = sqlite3.connect(sqlite_path(database), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(TABLE.format(json="TEXT"))

    async def store(run: str, turn: int, body: bytes) -> None:
        connection.execute("INSERT INTO messages VALUES (?, ?, ?)", (run, turn, body.decode()))

    return store


async def _postgres(database: str) -> Store:
    free: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await psycopg.AsyncConnection.connect(database, autocommit=True))

    async def store(run: str, turn: int, body: bytes) -> None:
        connection = await free.get()
        try:
            await connection.execute("INSERT INTO messages VALUES (%s, %s, %s)", (run, turn, body.decode()))
        finally:
            free.put_nowait(connection)

    connection = await free.get()
    await connection.execute(TABLE.format(json="JSONB"))
    free.put_nowait(connection)
    return store
