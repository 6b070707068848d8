"""Each incident happens once on SQLite and once on PostgreSQL."""

from pathlib import Path

import pytest

from tests.incidents.place import Place
from tests.providers.conftest import provider

__all__ = ["provider"]


@pytest.fixture
def place(database: str, tmp_path: Path) -> Place:
    """A database with nothing in it, and a ledger."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    return Place(database=database, folder=folder)
