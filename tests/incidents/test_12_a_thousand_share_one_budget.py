"""Incident 12: a thousand executions share one small budget."""

import asyncio
import signal
from pathlib import Path

from holdfast import App
from holdfast.types import Budget
from tests.incidents.place import Place, until
from tests.incidents.spenders import INPUT, TURNS, bills, spender

SPENDERS = str(Path(__file__).with_name("spenders.py"))
MANY, FEWER = 1_000, 200
"""In a fleet on PostgreSQL; on SQLite, where four processes write to one file."""
CEILING = 40_000
"""Room for some twenty executions."""
ONE_CALL = 8_000
"""More than any one call reserves."""


def billed(place: Place) -> int:
    """What the provider charged, by its own account."""
    return sum(int(bill.key) for bill in bills(place.folder).effects())


async def start_many(app: App, on_exhausted: str, many: int) -> None:
    """A budget for all, and more work than it can pay for."""
    budget = Budget(name="all", scope="global", tokens=CEILING, window="30d", on_exhausted=on_exhausted)
    await app.control.set_budget(budget, by="ada")
    await asyncio.gather(*(app.start("spender", f"order {number}") for number in range(many)))


def test_four_processes_and_a_kill(place: Place):
    """A thousand executions share one small budget: the sum spent never exceeds it; the rest park with the reason."""

    def app() -> App:
        return place.app(spender(place.folder))

    many = FEWER if place.sqlite else MANY
    place.play(lambda app: start_many(app, "park", many), app())
    workers = [place.begin("worker", SPENDERS, "--drain", HOLDFAST_CONCURRENCY=40) for _ in range(4)]

    async def kill_two() -> None:
        await until(lambda: len(bills(place.folder).effects()) >= 5)
        for worker in workers[:2]:
            worker.signal(signal.SIGKILL)

    asyncio.run(kill_two())
    assert [worker.wait(90) for worker in workers] == [-9, -9, 0, 0]
    assert place.holdfast("worker", SPENDERS, "--drain").code == 0
    spent = billed(place)
    assert 0 < spent <= CEILING

    async def look(app: App) -> None:
        (account,) = await app.control.budgets()
        # What the killed ones were charged nobody knows: their worst case counts.
        assert CEILING - ONE_CALL < account.spent + account.reserved <= CEILING
        waiting = await app.list(status="pending", limit=MANY)
        done = await app.list(status="completed", limit=MANY)
        assert len(waiting) + len(done) == many
        assert {execution.status_reason for execution in waiting} == {"BUDGET"}
        assert len(done) * TURNS * (INPUT + 1) <= spent
        for execution in waiting:
            await app.cancel(execution.id)
        (account,) = await app.control.budgets()
        assert account.reserved == 0, "nothing stays reserved for ever"
        assert billed(place) <= account.spent <= CEILING

    place.play(look, app())


def test_the_rest_ends_with_the_reason(place: Place):
    """A thousand executions share one small budget: where it is declared so, the rest fails and names the budget."""

    async def story(app: App) -> None:
        await start_many(app, "fail", 60)
        async with app.worker():
            ids = [execution.id for execution in await app.list(limit=MANY)]
            ended = await asyncio.gather(*(app.wait(id_) for id_ in ids))
        reasons = {execution.status_reason for execution in ended if execution.status == "failed"}
        assert reasons == {"BUDGET_EXHAUSTED"}
        assert any(execution.status == "completed" for execution in ended)
        assert all("'all'" in str(execution.error) for execution in ended if execution.status == "failed")
        (account,) = await app.control.budgets()
        assert (account.reserved, account.spent) == (0, billed(place))
        assert billed(place) <= CEILING
        assert billed(place) >= CEILING - ONE_CALL

    place.play(story, place.app(spender(place.folder)))
