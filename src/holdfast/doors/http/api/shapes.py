"""What answers look like in the OpenAPI document, made from the types that they are: the two cannot differ."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields, is_dataclass
from functools import cache
from itertools import pairwise
from textwrap import dedent
from types import UnionType
from typing import Any, Final, ForwardRef, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, create_model
from pydantic import Field as Described
from pydantic.json_schema import JsonSchemaValue


def _complete(schema: JsonSchemaValue) -> None:
    """Every member is always there, also one with a default."""
    schema["required"] = list(schema.get("properties", {}))


ANSWER: Final = ConfigDict(json_schema_extra=_complete)
"""Of models of answers."""


@cache
def shape(of: type) -> type[BaseModel]:
    """The schema of a dataclass of ours, as it is written out."""
    notes = _notes(of)
    members: dict[str, Any] = {
        one.name: (_shaped(one.type), Described(description=notes.get(one.name)))
        for one in cast("Sequence[Field[object]]", fields(of))
    }
    return create_model(of.__name__, __config__=ANSWER, __doc__=inspect.getdoc(of), **members)


@cache
def page(of: type[BaseModel]) -> type[BaseModel]:
    """The schema of one page of a list."""
    items = Described(description="In order, at most `limit`.")
    following = Described(description="Where the next page is, with all filters; null: this was the last.")
    members: dict[str, Any] = {"items": (list[of], items), "next": (str | None, following)}
    return create_model(f"{of.__name__}Page", __config__=ANSWER, __doc__=f"A page of {of.__name__}.", **members)


def _shaped(hint: object) -> Any:
    if isinstance(hint, str | ForwardRef):
        return Any  # `Json`: a name of itself, so that it may nest
    if isinstance(hint, type) and is_dataclass(hint):
        return shape(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        made: Any = None
        for one in arguments:
            made = _shaped(one) if made is None else made | _shaped(one)
        return made
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, _shaped(arguments[1])]
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return list[_shaped(arguments[0])]
    return cast("Any", hint)


def _notes(of: type) -> Mapping[str, str]:
    """The sentence below each field."""
    declared = cast("ast.ClassDef", ast.parse(dedent(inspect.getsource(of))).body[0])
    found: dict[str, str] = {}
    for field, after in pairwise(declared.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            words: object = getattr(after.value, "value", None)
            if isinstance(words, str):
                found[field.target.id] = " ".join(words.split())
    return found
