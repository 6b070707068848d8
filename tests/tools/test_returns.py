"""Declared result types: what fits, what is named when it does not, and what promises nothing."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from holdfast import tool
from holdfast.tools.returns import Returns


class Order(BaseModel):
    """An order."""

    id: str
    total: int


@dataclass
class Receipt:
    """A receipt."""

    id: str


class Foreign:
    """A class that pydantic does not know."""


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Order, Order(id="7", total=1)),
        (Order, {"id": "7", "total": "1", "more": True}),
        (Receipt, Receipt(id="7")),
        (list[Order], [Order(id="7", total=1)]),
        (Order | None, None),
        (Awaitable[int], 3),
        (float, 3),
    ],
)
def test_what_fits_is_taken(annotation: object, value: object) -> None:
    """Instances as they are, and what pydantic reads as one in its lax mode."""
    assert Returns(annotation).difference(value) is None


@pytest.mark.parametrize("annotation", [None, Any, object, Foreign, "Nowhere"])
def test_some_annotations_promise_nothing(annotation: object) -> None:
    """Then every result is one."""
    assert Returns(annotation).difference(Foreign()) is None


def test_the_difference_names_field_expectation_and_what_came() -> None:
    """In bounded words."""
    told = Returns(list[Order]).difference([{"id": "7", "total": "x" * 10_000}] * 50)
    assert told is not None
    assert told.startswith("0.total: Input should be a valid integer")
    assert told.endswith("and 45 more")
    assert len(told) < 1_000


def test_an_annotation_that_cannot_be_read_is_no_mistake() -> None:
    """A return type imported for type checkers alone is ignored."""

    def find(order: str):
        """Find an order."""
        return order

    find.__annotations__["return"] = "Nowhere"
    assert tool(find, effect="read").difference(object()) is None
