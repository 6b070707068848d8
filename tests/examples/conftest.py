"""Makes the examples importable as their own scripts find one another, and builds a shop for each test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "support_desk"))

from seed import seed_shop
from shop import Shop

from tests.examples.desk import Desk


@pytest.fixture(scope="session")
def fresh_shop(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("seeded") / "shop.db"
    seed_shop(path)
    return path.read_bytes()


@pytest.fixture
def shop(fresh_shop: bytes, tmp_path: Path) -> Shop:
    path = tmp_path / "shop.db"
    path.write_bytes(fresh_shop)
    return Shop(path=path)


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop=shop)
