"""An hour of 429s from a real HTTP server, under a clock that a test turns."""

import asyncio

import pytest

from holdfast import Agent, App
from holdfast.testing import FakeClock
from holdfast.trail import events as kinds
from tests.providers.aimock.faults import APIS, refuses, says
from tests.providers.aimock.server import Aimock

WAIT_S = 300
ROUND_S = WAIT_S * 1.2
"""A wait, and the spread of those who wait."""
ROUNDS = int(3_600 / ROUND_S)


async def take_up(app: App, clock: FakeClock) -> None:
    """Let a worker take up what is due, until it has parked again or ended."""
    due = [one for one in await app.list() if not one.ended and (one.wake_at or clock.now()) <= clock.now()]
    async with app.worker():
        for one in due:
            async for event in app.events(one.id, after=one.last_seq):
                if event.kind == kinds.PARKED:
                    break


async def failed_attempts(app: App) -> int:
    """Requests on record that failed."""
    found = await app.list()
    journals = [[event.kind async for event in app.events(one.id, follow=False)] for one in found]
    return sum(journal.count(kinds.MODEL_ATTEMPT_FAILED) for journal in journals)


@pytest.mark.parametrize("api", APIS)
def test_an_hour_of_rate_limits(sqlite_database: str, aimock: Aimock, api: str):
    """Ten executions wait behind one gate: one request a Retry-After, nothing is spent, and in the end all answer."""
    clock = FakeClock()
    aimock.play(refuses(429, "rate_limit_error", retryAfter=WAIT_S))

    async def story() -> None:
        async with App([Agent(name="clerk", models=[api])], sqlite_database, clock=clock) as app:
            await app.start("clerk", "Is it open?")
            await take_up(app, clock)
            for number in range(9):
                await app.start("clerk", f"Where is order {number}?")
            for _ in range(ROUNDS):
                await take_up(app, clock)
                clock.advance(ROUND_S)
            for one in await app.list():
                assert (one.status, one.status_reason) == ("pending", "RATE_LIMITED")
                assert (one.step_count, one.token_count, one.reserved_tokens, one.lease_owner) == (0, 0, 0, None)
            # The first round found the gate closed: nobody asked.
            assert len(aimock.received()) == await failed_attempts(app) == ROUNDS
            aimock.play(says("on its way"))
            for _ in range(2):
                await take_up(app, clock)
                clock.advance(ROUND_S)
            assert {(one.status, one.result) for one in await app.list()} == {("completed", "on its way")}
            assert len(aimock.received()) == 10
            assert [one for one in (await app.control.look()).breakers if one.kind == "provider"] == []

    asyncio.run(story())
