"""What a tool's function says about itself: its parameters, its context, its docstring."""

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, get_args, get_origin

import docstring_parser

from holdfast.errors import DeclarationError
from holdfast.types import Context

EMPTY = inspect.Parameter.empty

_UNREADABLE = (NameError, AttributeError, TypeError, SyntaxError)
_HOW_TO_FIX = {
    inspect.Parameter.VAR_POSITIONAL: "a model names its arguments; take one list parameter instead",
    inspect.Parameter.VAR_KEYWORD: "a model needs to know each argument; name them, or take one dict parameter",
    inspect.Parameter.POSITIONAL_ONLY: "a model names its arguments; remove the '/' from the signature",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument that the model gives."""

    name: str
    annotation: object
    default: object
    """`EMPTY` when it is required."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A function as a tool."""

    parameters: tuple[Parameter, ...]
    context: str | None
    """Name of the parameter that gets the `Context`; the model does not see it."""
    description: str
    descriptions: Mapping[str, str]
    """Of parameters, by name, as the docstring's `Args` section has them."""
    returns: object = EMPTY
    """The return annotation; `EMPTY` when there is none, or none that can be read."""


def read_signature(function: Callable[..., object], *, names: Mapping[str, object]) -> Signature:
    """Read a function's parameters and docstring.

    Args:
        function: A function or bound method, sync or async.
        names: Local names at the place of declaration, for annotations that are written as strings.

    Raises:
        DeclarationError: A model could not call it; the message names the fix.
    """
    label = getattr(function, "__qualname__", repr(function)).removeprefix("<locals>.")
    _refuse_streams(label, function)
    hints = _resolve_hints(label, function, names)
    context: str | None = None
    parameters: list[Parameter] = []
    for index, found in enumerate(inspect.signature(function).parameters.values()):
        where = f"tool {label!r}: parameter {found.name!r}"
        if found.kind in _HOW_TO_FIX:
            raise DeclarationError(f"{where} ({found.kind.description}): {_HOW_TO_FIX[found.kind]}")
        if is_context(hints.get(found.name)):
            if index:
                raise DeclarationError(f"{where}: the Context goes first, before the arguments of the model")
            context = found.name
        else:
            annotation = _annotation(where, found, hints)
            parameters.append(Parameter(name=found.name, annotation=annotation, default=found.default))
    description, descriptions = _read_docstring(function)
    return Signature(
        parameters=tuple(parameters),
        context=context,
        description=description,
        descriptions=descriptions,
        returns=hints.get("return", EMPTY),
    )


def _refuse_streams(label: str, function: Callable[..., object]) -> None:
    if not inspect.isroutine(function):
        raise DeclarationError(f"tool {label!r}: decorate a function or a bound method, not an object")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(f"tool {label!r} yields: a call has one outcome, so return a list instead")


def _resolve_hints(label: str, function: Callable[..., object], names: Mapping[str, object]) -> Mapping[str, object]:
    try:
        return typing.get_type_hints(function, localns=dict(names), include_extras=True)
    except _UNREADABLE:
        pass  # perhaps only what it returns cannot be read, and a model needs no more than the parameters
    annotations = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    places = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        parameters = types.SimpleNamespace(__annotations__=annotations)
        return typing.get_type_hints(parameters, globalns=places, localns=dict(names), include_extras=True)
    except _UNREADABLE as error:
        raise DeclarationError(
            f"tool {label!r}: an annotation cannot be read ({error}): import that name where the tool is declared,"
            " outside of `if TYPE_CHECKING:`"
        ) from error


def _annotation(where: str, found: inspect.Parameter, hints: Mapping[str, object]) -> object:
    if found.name in hints:
        return hints[found.name]
    if found.name == "self":
        raise DeclarationError(f"{where}: declare the bound method instead, e.g. tool(shop.refund)")
    raise DeclarationError(f"{where} has no type: annotate it, e.g. `{found.name}: str`; arguments are checked")


def is_context(annotation: object) -> bool:
    """Whether a parameter wants the `Context`."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation is Context or get_origin(annotation) is Context


def _read_docstring(function: Callable[..., object]) -> tuple[str, Mapping[str, str]]:
    text = inspect.getdoc(function) or ""
    try:
        parsed = docstring_parser.parse(text, style=docstring_parser.DocstringStyle.GOOGLE)
    except docstring_parser.ParseError:
        return text, {}
    body = "\n\n".join(part for part in (parsed.short_description, parsed.long_description) if part)
    described = {item.arg_name: _one_line(item.description or "") for item in parsed.params}
    return body, {name: words for name, words in described.items() if words}


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
