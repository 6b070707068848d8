"""A tool's arguments: checked before anything runs, kept as JSON, given to the function as Python values."""

import dataclasses
import json
from collections.abc import Mapping
from reprlib import Repr
from typing import cast

from pydantic import ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticSerializationError, SchemaError

from holdfast.errors import DeclarationError, InvalidArguments
from holdfast.tools.schema import parameters_schema
from holdfast.tools.signature import EMPTY, Parameter, Signature
from holdfast.trail.codec import dump_with
from holdfast.types import Json

_CONFIG = ConfigDict(
    # A name that the function does not know is a mistake of the model: told, not dropped.
    extra="forbid",
    # Models write ids as numbers; as a string nothing of them is lost.
    coerce_numbers_to_str=True,
    # JSON has no NaN.
    allow_inf_nan=False,
    val_json_bytes="base64",
    ser_json_bytes="base64",
)
_SHOWN_PROBLEMS = 10
_dump = dump_with(json.JSONEncoder(allow_nan=False))
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class Arguments:
    """The arguments of one tool, compiled from its signature.

    They are validated as JSON, so `"19.90"` and `19.90` make a `Decimal`, `"2026-11-21"` a `date`, `"5"` an
    `int`; what does not fit is refused, and so is a name that the function does not have.

    Raises:
        DeclarationError: A parameter's type or default cannot work; the message names the fix.
    """

    def __init__(self, tool: str, signature: Signature) -> None:
        self._tool = tool
        self._names = tuple(parameter.name for parameter in signature.parameters)
        self._adapter = _compile(tool, signature.parameters)
        self.parameters = parameters_schema(self._adapter, order=self._names, descriptions=signature.descriptions)
        _refuse_unrecordable(tool, self.parameters)

    def validate(self, arguments: Mapping[str, Json]) -> dict[str, Json]:
        """The arguments, checked and completed with defaults, as JSON.

        Raises:
            InvalidArguments: They do not fit; the message says which and why.
        """
        given = self._spelled(arguments)
        values = self._read(given)
        written = self._written(values)
        spelled = self._spelled(written)
        if spelled == given:
            return written  # what was just read, word for word
        again = self._read(spelled)
        # People agree to what is written, and what runs is read from it: it must be the same thing. Equal values
        # may be written in another order (sets); equal words may make values that cannot be compared.
        if again != values and (rewritten := self._written(again)) != written:
            raise InvalidArguments(
                f"arguments of {self._tool!r} change each time they are read: first {_SHORT.repr(written)}, then "
                f"{_SHORT.repr(rewritten)}; its validators must leave alone what they gave"
            )
        return written

    def _written(self, values: object) -> dict[str, Json]:
        try:
            dumped = self._adapter.dump_python(values, mode="json", by_alias=True, round_trip=True, warnings=False)
        except PydanticSerializationError as error:
            raise InvalidArguments(f"arguments of {self._tool!r} cannot be kept as JSON: {error}") from error
        return cast("dict[str, Json]", dumped)

    def typed(self, arguments: Mapping[str, Json]) -> object:
        """The arguments as the function gets them, by attribute.

        Raises:
            InvalidArguments: They do not fit.
        """
        return self._read(self._spelled(arguments))

    def _spelled(self, arguments: Mapping[str, Json]) -> str:
        try:
            return _dump(arguments)
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidArguments(f"arguments of {self._tool!r} are no JSON object: {error}") from error

    def _read(self, spelled: str) -> object:
        try:
            return self._adapter.validator.validate_json(spelled, by_alias=True, by_name=True)
        except ValidationError as error:
            raise InvalidArguments(
                f"arguments of {self._tool!r} do not fit: {_problems(error, self._names)}"
            ) from error
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidArguments(f"arguments of {self._tool!r} are no JSON object: {error}") from error

    def by_name(self, arguments: Mapping[str, Json]) -> dict[str, object]:
        """The arguments as Python values, as keywords for the function.

        Raises:
            InvalidArguments: They do not fit.
        """
        values = self.typed(arguments)
        return {name: getattr(values, name) for name in self._names}


def _compile(tool: str, parameters: tuple[Parameter, ...]) -> TypeAdapter[object]:
    try:
        # A dataclass and not a model: its fields may have any name, `json` and `_id` included.
        shape = dataclasses.make_dataclass(tool.replace("-", "_"), map(_field, parameters), kw_only=True)
        shape.__pydantic_config__ = _CONFIG  # pyright: ignore[reportAttributeAccessIssue] - read by pydantic
        adapter: TypeAdapter[object] = TypeAdapter(shape)
        for parameter in parameters:
            _check_default(tool, parameter)
    except (PydanticUserError, SchemaError, TypeError, ValueError) as error:
        raise DeclarationError(
            f"tool {tool!r}: its parameters cannot be checked ({error}): use types that pydantic knows"
        ) from error
    return adapter


def _field(parameter: Parameter) -> tuple[str, object, object]:
    if parameter.default is EMPTY:
        return parameter.name, parameter.annotation, dataclasses.field()
    declared = isinstance(parameter.default, FieldInfo)
    default: object = parameter.default if declared else Field(default=parameter.default)
    return parameter.name, parameter.annotation, default


def _check_default(tool: str, parameter: Parameter) -> None:
    if parameter.default is EMPTY or isinstance(parameter.default, FieldInfo):
        return
    # An annotation is whatever the author wrote; pydantic judges it.
    adapter = TypeAdapter[object](cast("type[object]", parameter.annotation))
    try:
        adapter.validate_json(adapter.dump_json(parameter.default))
    except (ValidationError, PydanticSerializationError) as error:
        raise DeclarationError(
            f"tool {tool!r}: the default {parameter.default!r} of {parameter.name!r} is no value of its type:"
            f" widen the type (`{parameter.name}: ... | None = None`) or change the default"
        ) from error


def _refuse_unrecordable(tool: str, parameters: Mapping[str, Json]) -> None:
    written = json.dumps(parameters)
    if '"writeOnly": true' in written:
        raise DeclarationError(
            f"tool {tool!r} takes a secret as an argument: arguments come from a model and are recorded;"
            " take secrets from ctx.deps"
        )
    if '"uniqueItems": true' in written:
        raise DeclarationError(
            f"tool {tool!r} takes a set: sets have no order, but what runs must be exactly what was recorded and"
            " approved; take a list, and make a set of it inside"
        )


def _problems(error: ValidationError, known: tuple[str, ...]) -> str:
    found = error.errors(include_url=False, include_context=False)
    told = [_problem(item, known) for item in found[:_SHOWN_PROBLEMS]]
    if len(found) > _SHOWN_PROBLEMS:
        told.append(f"and {len(found) - _SHOWN_PROBLEMS} more")
    return "; ".join(told)


def _problem(item: ErrorDetails, known: tuple[str, ...]) -> str:
    where = ".".join(map(str, item["loc"])) or "the arguments"
    match item["type"]:
        case "unexpected_keyword_argument":
            return f"{where}: there is no such argument; the tool takes {', '.join(known) or 'none'}"
        case "missing":
            return f"{where}: missing"
        case _:
            return f"{where}: {item['msg']} (got {_SHORT.repr(item['input'])})"
