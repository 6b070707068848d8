"""Behind PgBouncer in transaction mode: all works that needs no session, and listening has a way of its own."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from holdfast import Agent, App, Say
from holdfast.config import Settings
from holdfast.errors import StoreError
from holdfast.trail.audit import verify_database
from holdfast.trail.migrate import migrate
from tests.postgres import Postgres
from tests.trail.pooler import COMMAND, SERVER_CONNECTIONS, pgbouncer

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(COMMAND is None, reason="needs pgbouncer: apt install pgbouncer"),
]
MANY = 40


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[str]:
    """A database without tables, as its server knows it."""
    url = postgres.create_database(migrated=False)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def pooled(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same through a pooler, with tables."""
    with pgbouncer(server, tmp_path_factory.mktemp("pooler") / "b") as url:
        migrate(url)
        yield url


def app(database: str, **postgres: object) -> App:
    settings = Settings.model_validate({"postgres": postgres})
    return App([Agent(name="clerk", models=[lambda _: Say("done")])], database, settings=settings)


@pytest.mark.parametrize("listens", [False, True])
def test_a_fleet_works_through_a_pooler(pooled: str, server: str, postgres: Postgres, *, listens: bool):
    """Workers find what another process starts: by looking, or on a connection of its own to the server."""
    how = {"pooler": "transaction"} | ({"listen_url": server} if listens else {})

    async def story() -> list[str]:
        async with app(pooled, **how) as asking, app(pooled, **how) as first, app(pooled, **how) as second:
            async with first.worker(), second.worker():
                started = [await asking.start("clerk", str(n), user=f"u{n % 3}") for n in range(MANY)]
                ended = [await asking.wait(one.id, 30) for one in started]
            days = await asking.control.costs_by_day()
            assert {one.day for one in days} <= {f"{datetime.now(UTC):%Y-%m-%d}"}
            sql = (
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast listener' AND datname = '{}'"
            )
            direct = postgres.run(sql.format(Postgres.name(server)))[0][0]
            assert direct == (3 if listens else 0)
            return [one.status for one in ended]

    assert asyncio.run(asyncio.wait_for(story(), 60)) == ["completed"] * MANY
    report = asyncio.run(verify_database(pooled))
    assert report.first is None
    clients = f"datname = '{Postgres.name(server)}' AND backend_type = 'client backend'"
    count = f"SELECT count(*) FROM pg_stat_activity WHERE {clients}"
    # One that was left in mid-transaction may still be on its way out.
    assert any(postgres.run(count)[0][0] <= SERVER_CONNECTIONS for _ in range(50))


def test_a_pooler_that_nobody_told_of_is_named(pooled: str):
    """With what to configure: sessions that change hands lose what was prepared in them."""

    async def story() -> None:
        async with app(pooled) as unaware:
            await asyncio.gather(*(unaware.list(limit=n % 5 + 1) for n in range(200)))

    with pytest.raises(StoreError, match=r"\[postgres\] pooler = 'transaction'"):
        asyncio.run(asyncio.wait_for(story(), 60))
