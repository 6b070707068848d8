"""Where an incident happens: a real database, a folder with the tools' ledger, worker processes, the command line."""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from holdfast import Agent, App
from holdfast.config import Settings
from holdfast.testing import Ledger
from holdfast.types import Event, Execution
from tests.incidents.desk import GO, asked_in, clerk, ledger_in
from tests.processes import Running, start

SHOP = str(Path(__file__).with_name("shop.py"))


@dataclass(frozen=True, kw_only=True)
class Place:
    """One database and what belongs to it."""

    database: str
    folder: Path

    @property
    def sqlite(self) -> bool:
        return not self.database.startswith("postgres")

    @property
    def ledger(self) -> Ledger:
        """What the tools did, written by themselves."""
        return ledger_in(self.folder)

    @property
    def asked(self) -> Ledger:
        """How often the model was asked."""
        return asked_in(self.folder)

    def did(self, tool: str | None = None) -> list[str]:
        """Tools in the order in which their effects happened."""
        return [effect.tool for effect in self.ledger.effects(tool)]

    def sql(self, *statements: str) -> list[tuple]:
        """What somebody with access to the database may do; the last statement's rows."""
        if self.sqlite:
            connection: Any = sqlite3.connect(self.database, isolation_level=None, timeout=30)
        else:
            connection = psycopg.connect(self.database, autocommit=True)
        with closing(connection):
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def go(self) -> None:
        """Let tools that wait go on."""
        (self.folder / GO).touch()

    # --- in this process

    def app(self, *agents: Agent, settings: dict | None = None, **options: object) -> App:
        """An app on the database, with the clerk unless other agents are given."""
        chosen = Settings(**(settings or {}))
        return App(agents or [clerk(self.folder)], self.database, settings=chosen, **options)

    def play(self, story: Callable[[App], Awaitable], app: App | None = None, *, within_s: float = 60) -> object:
        """Run a story with an open app; one that hangs fails."""

        async def whole() -> object:
            async with app or self.app() as opened, asyncio.timeout(within_s):
                return await story(opened)

        return asyncio.run(whole())

    def start(self, work: object) -> str:
        """Take a request, and leave it to a worker."""

        async def story(app: App) -> str:
            return (await app.start("clerk", work)).id

        return str(self.play(story))

    def get(self, execution_id: str) -> Execution:
        """How an execution stands."""
        return self.play(lambda app: app.get(execution_id))

    def events(self, execution_id: str) -> list[Event]:
        """Its journal."""

        async def story(app: App) -> list[Event]:
            return [event async for event in app.events(execution_id, follow=False)]

        return self.play(story)

    # --- as processes

    def begin(self, *words: str, **environment: object) -> Running:
        """Start a command in a process of its own."""
        own = {"HOLDFAST_DATABASE": self.database, "INCIDENT_FOLDER": self.folder, "HOLDFAST_LOG_JSON": "1"}
        given = os.environ | {name: str(value) for name, value in (own | environment).items()}
        return start(list(words), environment=given, folder=self.folder)

    def holdfast(self, *words: str, **environment: object) -> Running:
        """Run a command to its end."""
        running = self.begin(*words, **environment)
        running.wait()
        return running

    def drain(self, target: str = SHOP, **environment: object) -> int:
        """Let a worker process do what there is to do; its exit status, -9 when it was killed."""
        return self.holdfast("worker", target, "--drain", **environment).code

    @contextmanager
    def worker(self, target: str = SHOP, **environment: object) -> Iterator[Running]:
        """A worker process, killed at the end if it is still there."""
        running = self.begin("worker", target, **environment)
        try:
            yield running
        finally:
            running.end()


async def until(true: Callable[[], bool], *, within_s: float = 30) -> None:
    """Wait for something that only another process or thread decides."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - nobody here could set an event
            await asyncio.sleep(0.02)


async def events_of(app: App, execution_id: str) -> list[Event]:
    """The journal of an execution."""
    return [event async for event in app.events(execution_id, follow=False)]


def kinds(events: Sequence[Event]) -> list[str]:
    """What happened, in order."""
    return [event.kind for event in events]
