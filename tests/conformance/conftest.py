"""Each conformance test runs once on SQLite and once on PostgreSQL."""

import pytest

from tests.conformance.world import World


@pytest.fixture
def world(database: str) -> World:
    """A database with nothing in it, and a clock."""
    return World(database)
