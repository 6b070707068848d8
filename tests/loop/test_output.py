"""What may be made of the JSON that models write."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from pydantic import BaseModel, ConfigDict

from holdfast.errors import DeclarationError, InvalidArguments
from holdfast.loop.output import OutputContract, parse_arguments


class Resolution(BaseModel):
    answer: str
    refunded: Decimal = Decimal(0)
    on: date | None = None


CONTRACT = OutputContract(Resolution)
FULL = {"answer": "x", "refunded": "0", "on": None}


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": ["x",]}', {"a": ["x"]}),
        ('{"a": 10.50,}', {"a": 10.5}),
        ("{'a': 'x'}", {"a": "x"}),
        ('{"a": “x”}', {"a": "x"}),
        ("{a: 1}", {"a": 1}),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
        ('{"a": True, "b": None}', {"a": True, "b": None}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"a": "don\'t",}', {"a": "don't"}),
        ('{"a": {"b": [1, {"c": "d"}]', {"a": {"b": [1, {"c": "d"}]}}),
        ('{"a": 1}}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_arguments_that_can_mean_one_thing_are_taken(raw: str, meant: object):
    """Punctuation that a model got wrong costs no extra turn."""
    assert parse_arguments(raw) == meant


@pytest.mark.parametrize(
    "raw",
    [
        '{"amount": 10',  # 10, or the start of 100
        '{"a": "hel',
        '{"a": "x",',
        '{"a": [1, 2}',
        '{"amount": 1,000}',
        '{"amount": 100 000}',
        '{"a": 1 2}',
        '{"a": New York}',
        '{"a": undefined}',
        '{"a":}',
        '{"a": "he said "hi" to me"}',
        "{'a': 'it's'}",
        '{"a": "x" + "y"}',
        '{"a": 5%}',
        '{"a": 0x10}',
        '{"a": "x", // or y\n "b": 1}',
        '{"a": 1}{"b": 2}',
        '{"a": 1} and more',
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        "[1, 2]",
        "refund it",
        "[" * 5_000,
        '{"a":' * 5_000,
    ],
)
def test_arguments_that_would_be_a_guess_are_refused(raw: str):
    """Nothing runs on what a model may have meant."""
    with pytest.raises(InvalidArguments):
        parse_arguments(raw)


def test_the_refusal_tells_the_model_where():
    """The model can mend what it is told precisely."""
    with pytest.raises(InvalidArguments, match="line 1, column 9"):
        parse_arguments('{"a": 1 2}')


def test_a_valid_result_is_completed():
    """Defaults are filled in and the result is JSON."""
    assert CONTRACT.validate({"answer": "x", "on": "2026-02-03"}) == {**FULL, "on": "2026-02-03"}


def test_a_value_of_the_type_is_as_good_as_its_json():
    """A rule may hand in the Python value."""
    assert CONTRACT.validate(Resolution(answer="x", refunded=Decimal("1.50"))) == {**FULL, "refunded": "1.50"}


def test_an_invalid_result_is_explained_to_the_model():
    """Each field that does not fit is named with what was given."""
    with pytest.raises(InvalidArguments, match=r"answer: Field required.*\n.*on: .*\(got soon\)"):
        CONTRACT.validate({"on": "soon"})


def test_a_strict_type_takes_what_json_can_say():
    """Strictness does not make dates impossible."""

    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        on: date

    assert OutputContract(Strict).validate({"on": "2026-02-03"}) == {"on": "2026-02-03"}


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "x"}',
        'Here you are:\n```json\n{"answer": "x"}\n```\nAnything else?',
        'I would say {"answer": "x"} to that.',
        'Sure: {"answer": "x",} done',
        '{"answer": "x"}\nAgain: {"answer": "x"}',
        'Of the {things} here, {"answer": "x"} is right',
    ],
)
def test_a_result_in_plain_text_is_found(text: str):
    """A model that answers in words around its JSON has answered."""
    assert CONTRACT.from_text(text) == FULL


@pytest.mark.parametrize("text", ["", "I am done.", '{"answer": "x"} or {"answer": "y"}', '{"answer": 1'])
def test_a_text_without_one_result_is_refused(text: str):
    """No result, or two, is asked about again."""
    with pytest.raises(InvalidArguments):
        CONTRACT.from_text(text)


def test_plain_text_agents_answer_in_text():
    """Without an output type the words are the result."""
    contract = OutputContract(str)
    assert (contract.structured, contract.from_text("It is on its way.")) == (False, "It is on its way.")


@pytest.mark.parametrize(
    ("output", "arguments", "text", "result"),
    [
        (int, {"result": 42}, "42", 42),
        (list[int], {"result": [1, 2]}, "The list is [1, 2].", [1, 2]),
        (Resolution | None, {"result": None}, "null", None),
        (dict[str, int], {"result": {"a": 1}}, '{"a": 1}', {"a": 1}),
    ],
)
def test_results_that_are_no_objects_have_one_parameter(output: object, arguments: dict, text: str, result: object):
    """A number, a list or a union can be a result: the tool wraps it."""
    contract = OutputContract(output)
    assert contract.schema["required"] == ["result"]
    assert contract.validate(arguments) == contract.from_text(text) == result


def test_a_dataclass_is_a_result_type():
    """Any type that pydantic has a schema for will do."""

    @dataclass
    class Point:
        x: int

    assert OutputContract(Point).validate({"x": "3"}) == {"x": 3}


def test_an_impossible_type_is_refused():
    """A type without a schema is found at declaration."""

    class Opaque:
        pass

    with pytest.raises(DeclarationError, match="output="):
        OutputContract(Opaque)
