"""What a tool declares to stand in for it when it fails: whether that can work at all."""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import cast

from pydantic_core import PydanticSerializationError, to_json

from holdfast.errors import DeclarationError
from holdfast.ports import Fallback, Tool
from holdfast.tools.returns import Returns
from holdfast.types import Cached, Default, Effect, Json

LONGEST_CHAIN = 3
"""Tools that may stand in one for the other behind a tool."""

_STRENGTH: Mapping[Effect, int] = {"read": 0, "idempotent": 1, "irreversible": 2}


def refuse_unworkable(
    name: str, effect: Effect, fallback: Fallback | None, *, parameters: Mapping[str, Json], returns: Returns
) -> None:
    """Refuse a fallback that could never help, or that would do more than was asked.

    Raises:
        DeclarationError: The message names the fix.
    """
    match fallback:
        case None:
            pass
        case Cached():
            _check_cached(name, effect, fallback)
        case Default():
            _check_default(name, fallback, returns)
        case _:
            _check_tool(name, effect, fallback, parameters)


def tools_behind(tool: Tool) -> tuple[Tool, ...]:
    """The tools that stand in for a tool, in order.

    Raises:
        DeclarationError: They go in a circle, or there are too many.
    """
    return _chain(tool.name, tool.fallback)


def _chain(name: str, fallback: object) -> tuple[Tool, ...]:
    found: list[Tool] = []
    while fallback is not None and not isinstance(fallback, Cached | Default):
        behind = cast("Tool", fallback)
        names = [name, *(each.name for each in found)]
        if behind.name in names:
            shown = " -> ".join([*names, behind.name])
            raise DeclarationError(f"tool {name!r}: its fallbacks go in a circle ({shown}): leave the last one out")
        found.append(behind)
        if len(found) > LONGEST_CHAIN:
            raise DeclarationError(
                f"tool {name!r}: more than {LONGEST_CHAIN} tools stand in one for the other"
                f" ({' -> '.join([*names, behind.name])}): declare at most {LONGEST_CHAIN}"
            )
        fallback = getattr(behind, "fallback", None)
    return tuple(found)


def _check_cached(name: str, effect: Effect, cached: Cached) -> None:
    if effect != "read":
        raise DeclarationError(
            f"tool {name!r} is {effect}: an old result would say that something happened which did not; Cached is for"
            ' effect="read"'
        )
    age = cast("object", cached.max_age_s)
    if isinstance(age, bool) or not isinstance(age, int | float) or not (isfinite(age) and age > 0):
        raise DeclarationError(f"tool {name!r}: Cached(max_age_s={age!r}): give seconds above 0")


def _check_default(name: str, default: Default, returns: Returns) -> None:
    try:
        to_json(default.value)
    except (PydanticSerializationError, ValueError) as error:
        raise DeclarationError(f"tool {name!r}: its default cannot be written as JSON: {error}") from error
    if (difference := returns.difference(default.value)) is not None:
        raise DeclarationError(f"tool {name!r}: its default is not of the type it returns: {difference}")


def _check_tool(name: str, effect: Effect, fallback: Tool, parameters: Mapping[str, Json]) -> None:
    if not hasattr(fallback, "schema_hash"):
        raise DeclarationError(
            f"tool {name!r}: fallback={fallback!r}: give a function decorated with @tool, Cached(max_age_s=...) or"
            " Default(value)"
        )
    if fallback.effect == "irreversible" and _STRENGTH[effect] < _STRENGTH["irreversible"]:
        raise DeclarationError(
            f"tool {name!r} is {effect}, its fallback {fallback.name!r} irreversible: what stands in for a tool may do"
            " no more than the tool; only an irreversible tool may have an irreversible fallback"
        )
    _chain(name, fallback)
    given, taken, needed = _properties(parameters), _properties(fallback.parameters), _required(fallback.parameters)
    if unknown := sorted(given - taken):
        raise DeclarationError(
            f"tool {name!r}: its fallback {fallback.name!r} gets the same arguments and does not take"
            f" {', '.join(unknown)}: give it the same parameters"
        )
    if missing := sorted(needed - given):
        raise DeclarationError(
            f"tool {name!r}: its fallback {fallback.name!r} needs {', '.join(missing)}, which {name!r} does not have:"
            " give it a default"
        )


def _properties(parameters: Mapping[str, Json]) -> set[str]:
    return set(cast("Mapping[str, Json]", parameters.get("properties") or {}))


def _required(parameters: Mapping[str, Json]) -> set[str]:
    return set(cast("Collection[str]", parameters.get("required") or ()))
