"""The loop's fixtures."""

from pathlib import Path

import pytest

from tests.loop.desk import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An app on a fresh SQLite file, tools that keep their own ledger."""
    return World(tmp_path)
