"""What workers with nothing to do ask of the database."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from holdfast import Agent, App, Say
from holdfast.config import Settings

WORKERS = 3
LEASE_S = 1.0
MOST = 25
"""Transactions of a worker in one lease period: 20 workers with the default of 10 s then stay under 50 a second."""


@pytest.fixture
def asked() -> Iterator[Counter[str]]:
    """Reads of this process, each a transaction; one more where a pooled connection is looked at first."""
    counts = Counter[str]()

    def read(*_: object) -> None:
        counts["read"] += 1

    event.listen(Engine, "before_cursor_execute", read)
    event.listen(Pool, "checkout", read)
    yield counts
    event.remove(Engine, "before_cursor_execute", read)
    event.remove(Pool, "checkout", read)


@pytest.mark.postgres
def test_an_idle_fleet_asks_for_little(postgres_database: str, asked: Counter[str]):
    """Work is announced and nobody looks for it: what remains are leases and looks for the dead."""

    async def idle() -> float:
        async with AsyncExitStack() as stack:
            for _ in range(WORKERS):
                app = App(
                    [Agent(name="a", models=[lambda _: Say("x")])], postgres_database, settings=Settings(lease_s=1)
                )
                await stack.enter_async_context(app)
                (await app._parts.trail()).observers.add(lambda _: asked.update(write=1))
                await stack.enter_async_context(app.worker())
            await asyncio.sleep(LEASE_S / 2)  # the first looks are more than the later ones
            asked.clear()
            began = time.monotonic()
            await asyncio.sleep(2 * LEASE_S)
            return time.monotonic() - began

    took_s = asyncio.run(idle())
    assert asked["write"] >= WORKERS
    assert asked.total() < MOST * WORKERS * took_s / LEASE_S, asked
