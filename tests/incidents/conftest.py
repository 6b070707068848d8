"""Each incident happens once on SQLite and once on PostgreSQL."""

from pathlib import Path

import pytest

from tests.incidents.place import Place
from tests.providers.conftest import provider

__all__ = ["provider"]


@pytest.fixture
def place(database: str, folder: Path) -> Place:
    """A database with nothing in it, and a ledger: the test runs once on each kind."""
    return Place(database=database, folder=folder)


@pytest.fixture
def sqlite_place(sqlite_database: str, folder: Path) -> Place:
    """The same on SQLite only."""
    return Place(database=sqlite_database, folder=folder)


@pytest.fixture
def postgres_place(postgres_database: str, folder: Path) -> Place:
    """The same on PostgreSQL only."""
    return Place(database=postgres_database, folder=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where tools keep their ledger."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    return folder
