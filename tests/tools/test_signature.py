from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel

from holdfast.errors import DeclarationError
from holdfast.tools.signature import EMPTY, read_signature
from holdfast.tools.tool import tool
from holdfast.types import Context


def read(function):
    return read_signature(function, names={})


def test_annotations_written_as_strings():
    """Under `from __future__ import annotations` the context and the types are found all the same."""

    def act(ctx: Context[int], count: int, word: str = "a"): ...

    found = read(act)
    assert found.context == "ctx"
    assert [(p.name, p.annotation, p.default) for p in found.parameters] == [
        ("count", int, EMPTY),
        ("word", str, "a"),
    ]


def test_types_that_are_local_to_a_function():
    """A tool declared inside a function may use types declared there."""

    class Line(BaseModel):
        sku: str

    @tool
    def order(lines: list[Line]): ...

    @order.probe
    def ordered(lines: list[Line]): ...

    assert order.parameters["properties"]["lines"]["items"]["required"] == ["sku"]


def test_annotated_context():
    """A context with an annotation of its own is a context."""

    def act(ctx: Annotated[Context, "mine"]): ...

    assert read(act).context == "ctx"


def test_docstring():
    """A Google docstring gives the description and one line for each parameter."""

    def act(order_id: str, note: str):
        """Move an order.

        It goes to the back of the queue.

        Args:
            order_id: The order, as printed
                on the receipt.
            note: Why.

        Returns:
            Nothing.
        """

    found = read(act)
    assert found.description == "Move an order.\n\nIt goes to the back of the queue."
    assert found.descriptions == {"order_id": "The order, as printed on the receipt.", "note": "Why."}


def test_no_docstring():
    """A tool without a docstring is declared without a description."""
    assert read(lambda: None).description == ""


def context_in_the_middle(order_id: str, ctx: Context): ...
def stars(*order_ids: str): ...
def double_stars(**options: str): ...
def by_position(order_id: str, /): ...
def untyped(order_id): ...
def method(self, order_id: str): ...
def streams():
    yield 1


async def streams_async():
    yield 1


def unknown_name(order: Ordre): ...  # noqa: F821


@pytest.mark.parametrize(
    ("function", "lesson"),
    [
        (context_in_the_middle, "the Context goes first"),
        (stars, "take one list parameter"),
        (double_stars, "name them, or take one dict"),
        (by_position, "remove the '/'"),
        (untyped, "`order_id: str`"),
        (method, r"tool\(shop.refund\)"),
        (streams, "return a list"),
        (streams_async, "return a list"),
        (unknown_name, "Ordre"),
        (object(), "decorate a function"),
    ],
)
def test_functions_that_cannot_be_tools(function, lesson):
    """A function that a model could not call is refused where it is declared, with the fix."""
    with pytest.raises(DeclarationError, match=lesson):
        read(function)
