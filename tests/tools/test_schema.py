import json
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from holdfast.tools.tool import tool


class Address(BaseModel):
    """Where somebody lives."""

    title: str
    city: str = Field(description="Town or village.")


class Folder(BaseModel):
    name: str
    inside: list["Folder"] = []


def test_plain_schema():
    """The schema is the plain kind that every provider takes: one object, inlined, without titles."""

    @tool
    def move(order_id: str, to: Address, amount: Decimal = Decimal("2.5")):
        """Move.

        Args:
            order_id: The order.
            to: The new address.
        """

    assert move.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id", "to"],
        "properties": {
            "order_id": {"type": "string", "description": "The order."},
            "to": {
                "type": "object",
                "description": "The new address.",
                "required": ["title", "city"],
                "properties": {
                    "title": {"type": "string"},
                    "city": {"type": "string", "description": "Town or village."},
                },
            },
            "amount": {"type": "number", "default": 2.5},
        },
    }
    assert list(move.parameters["properties"]) == ["order_id", "to", "amount"]


def test_no_parameters():
    """A tool without parameters takes an empty object."""
    assert tool(lambda: None, name="act").parameters == {
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }


def test_recursive_type_keeps_its_reference():
    """Only a type that contains itself is left as a reference."""

    @tool
    def tidy(folder: Folder, to: Address): ...

    assert list(tidy.parameters["$defs"]) == ["Folder"]
    assert tidy.parameters["$defs"]["Folder"]["properties"]["inside"]["items"] == {"$ref": "#/$defs/Folder"}
    assert "Address" not in json.dumps(tidy.parameters)


def pay(amount: int, note: str = ""):
    """Pay."""


def test_hash_ignores_wording():
    """Rewording the advice to the model is no change of contract: parked executions go on."""

    def reworded(amount: Annotated[int, Field(description="In cents.", examples=[5])], note: str = ""):
        """Pay a bill.

        Args:
            note: Why.
        """

    assert tool(reworded, name="pay").schema_hash == tool(pay).schema_hash


def test_hash_sees_contract():
    """Another name, effect, type, constraint, default or parameter is another contract."""

    def retyped(amount: Decimal, note: str = ""): ...
    def bounded(amount: Annotated[int, Field(le=5)], note: str = ""): ...
    def redefaulted(amount: int, note: str = "x"): ...
    def widened(amount: int, note: str = "", to: str = ""): ...

    others = [tool(f, name="pay") for f in (retyped, bounded, redefaulted, widened)]
    hashes = {t.schema_hash for t in (tool(pay), tool(pay, name="pay2"), tool(pay, effect="read"), *others)}
    assert len(hashes) == 7


def test_hash_is_stable():
    """The hash is part of every parked execution: if this fails, a release sends all of them to review."""
    assert tool(pay).schema_hash == "e3ef47740d985c7e6c67200603695792c5681068c10e40869b5a4211ca0e808e"
