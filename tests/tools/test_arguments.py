import json
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, computed_field

from holdfast.errors import DeclarationError, InvalidArguments
from holdfast.tools.tool import tool


class Size(Enum):
    SMALL = "s"


class Line(BaseModel):
    sku: str
    count: int = Field(gt=0, alias="n")

    @computed_field
    @property
    def label(self) -> str:
        return f"{self.count} x {self.sku}"


@tool
def order(lines: list[Line], day: date, total: Decimal, note: str = "", tags: list[str] = ["new"]): ...  # noqa: B006


GIVEN = {"lines": [{"sku": "a", "n": 2}], "day": "2026-11-21", "total": 19.9}


def test_validated_arguments_are_json():
    """Validated arguments are JSON, complete with defaults: what is recorded, shown and run."""
    found = order.validate(GIVEN)
    assert found == GIVEN | {"total": "19.9", "note": "", "tags": ["new"]}
    assert json.loads(json.dumps(found)) == found


def test_typed_arguments():
    """A review rule reads Python values by attribute."""
    args = order.typed(order.validate(GIVEN))
    assert (args.total, args.day, args.lines[0].count) == (Decimal("19.9"), date(2026, 11, 21), 2)


def test_defaults_are_not_shared():
    """A mutable default is not shared between calls."""
    order.typed(GIVEN).tags.append("x")
    assert order.typed(GIVEN).tags == ["new"]


VALUES = {
    str: st.text(st.characters(exclude_categories=["Cs"])),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=2),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    UUID: st.uuids(),
    bytes: st.binary(),
    Size: st.sampled_from(Size),
    dict[str, int]: st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers()),
    str | int | None: st.none() | st.integers() | st.just("a"),
    tuple[int, str]: st.tuples(st.integers(), st.just("b")),
}
ECHOES = {}
for kind in VALUES:

    def echo(value): ...

    echo.__annotations__["value"] = kind
    ECHOES[kind] = tool(echo)


@given(st.data())
def test_what_is_recorded_is_what_runs(data):
    """Arguments survive being recorded: validating the record changes nothing and gives the same values."""
    kind = data.draw(st.sampled_from(list(VALUES)))
    value = data.draw(VALUES[kind])
    declared = ECHOES[kind]
    args = type(declared.typed(declared.validate({"value": to_model(value)})))
    recorded = declared.validate({"value": to_model(value)})
    assert declared.validate(recorded) == recorded
    assert declared.typed(recorded).value == value
    assert type(declared.typed(recorded)) is args


def to_model(value):
    """A Python value as a model would write it."""
    from base64 import b64encode

    match value:
        case bytes():
            return b64encode(value).decode()
        case tuple():
            return list(value)
        case Enum():
            return value.value
        case date() | datetime():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case _:
            return value


@pytest.mark.parametrize(
    ("annotation", "given", "taken"),
    [
        (str, 1042, "1042"),
        (int, "5", 5),
        (int, 5.0, 5),
        (Decimal, "19.90", "19.90"),
        (float, 3, 3.0),
        (bool, "true", True),
        (date | str, "soon", "soon"),
        (Any, {"a": [1, None]}, {"a": [1, None]}),
        (Literal["a", "b"], "a", "a"),
    ],
)
def test_what_models_write_is_taken(annotation, given, taken):
    """What a model writes a little differently, and unmistakably, is taken as meant."""
    assert declare(annotation).validate({"value": given}) == {"value": taken}


@pytest.mark.parametrize(
    ("annotation", "given", "told"),
    [
        (int, 5.5, "value: Input should be a valid integer"),
        (int, "many", "got 'many'"),
        (str, True, "value: Input should be a valid string"),
        (str, None, "value: Input should be a valid string"),
        (float, "NaN", "finite"),
        (dict[str, Any], {"a": float("nan")}, "JSON"),
        (Annotated[int, Field(le=10)], 11, "less than or equal to 10"),
        (list[int], [1, "x"], "value.1: "),
        (str, "\ud83d", "Invalid JSON"),
    ],
)
def test_what_does_not_fit_is_refused(annotation, given, told):
    """What does not fit is refused with the place, the reason and what was given."""
    with pytest.raises(InvalidArguments) as caught:
        declare(annotation).validate({"value": given})
    assert told in str(caught.value)


def declare(annotation):
    def act(value): ...

    act.__annotations__["value"] = annotation
    return tool(act)


def test_unknown_and_missing_arguments():
    """An argument that the tool does not have is refused, and the model is told which it has."""
    with pytest.raises(InvalidArguments) as caught:
        declare(int).validate({"valeu": 1})
    assert "value: missing" in str(caught.value)
    assert "valeu: there is no such argument; the tool takes value" in str(caught.value)


def test_long_lists_of_problems_are_cut():
    """A message full of mistakes is answered with the first ten."""
    with pytest.raises(InvalidArguments, match="and 90 more"):
        declare(list[int]).validate({"value": ["x"] * 100})


def test_constraints_and_field_defaults():
    """`Field` works as pydantic users know it, as annotation and as default."""

    @tool
    def act(n: Annotated[int, Field(gt=0)], note: str = Field("none", max_length=5)): ...

    assert act.validate({"n": 1}) == {"n": 1, "note": "none"}
    with pytest.raises(InvalidArguments):
        act.validate({"n": 0})


def test_any_parameter_name():
    """A parameter may have any name, also one that pydantic's models use themselves."""

    @tool
    def act(json: str, schema: str, model_config: int, _id: int, copy: int = 1): ...

    given = {"json": "a", "schema": "b", "model_config": 1, "_id": 2}
    assert act.validate(given) == given | {"copy": 1}


def wrong_default(limit: int = None): ...  # noqa: RUF013 - the mistake under test
def secret(password: SecretStr): ...


class Basket(BaseModel):
    skus: frozenset[str]


def unordered(basket: Basket | None): ...
def unknown_type(lock: threading.Lock): ...
def unwritable_default(what: Any = object()): ...  # noqa: B008 - the mistake under test


@pytest.mark.parametrize(
    ("function", "lesson"),
    [
        (wrong_default, r"limit: \.\.\. \| None = None"),
        (secret, "take secrets from ctx.deps"),
        (unordered, "take a list"),
        (unknown_type, "use types that pydantic knows"),
        (unwritable_default, "change the default"),
    ],
)
def test_parameters_that_cannot_work(function, lesson):
    """A parameter that could not be checked or recorded is refused where it is declared."""
    with pytest.raises(DeclarationError, match=lesson):
        tool(function)
