"""Where the drivers find databases."""

from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Postgres


@pytest.fixture
def sqlite_place(tmp_path: Path, migrated_file: Path) -> dict[str, Any]:
    """A migrated file to copy."""
    return {"template": str(migrated_file), "folder": str(tmp_path)}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each kind of database in turn."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_place")
    url = request.getfixturevalue("postgres_database")
    name = Postgres.name(url)
    return {"url": url.replace(f"/{name}", "/{}", 1), "template": name}
