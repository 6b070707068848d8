"""The JSON schema of a tool's arguments, plain enough for every provider, and its hash."""

import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import cast

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from holdfast.types import Effect, Json

_REF = "#/$defs/"
_TITLES = frozenset({"title"})
_WORDING = frozenset({"description", "examples", "title"})
_VALUES = frozenset({"default", "const", "enum"})
"""Keywords that hold values, not schemas."""
_NAMED = frozenset({"properties", "patternProperties", "$defs"})
"""Keywords whose keys are names that somebody chose, not keywords."""


class _Plain(GenerateJsonSchema):
    """Pydantic's schema with decimals as plain numbers: its pattern for them is one that providers refuse."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> dict[str, object]:
        plain: dict[str, object] = {"type": "number"}
        self.update_with_validations(plain, schema, self.ValidationsMapping.numeric)
        return plain

    def encode_default(self, dft: object) -> object:
        return float(dft) if isinstance(dft, Decimal) else super().encode_default(dft)


def parameters_schema(
    adapter: TypeAdapter[object], *, order: tuple[str, ...], descriptions: Mapping[str, str]
) -> dict[str, Json]:
    """The schema of an object with these properties, references inlined where they are not recursive."""
    raw = cast("dict[str, Json]", _without(_TITLES, adapter.json_schema(schema_generator=_Plain)))
    definitions = cast("dict[str, Json]", raw.pop("$defs", {}))
    raw.pop("description", None)
    # What the author says of a parameter goes before what its type says of itself.
    said = cast("dict[str, Mapping[str, Json]]", raw.get("properties", {}))
    plain = cast("dict[str, Json]", _inline(raw, definitions))
    found = cast("dict[str, Mapping[str, Json]]", plain.get("properties", {}))
    properties: dict[str, Mapping[str, Json]] = {name: found[name] for name in order if name in found} | found
    for name in descriptions.keys() & properties.keys():
        if "description" not in said[name]:
            properties[name] = {**found[name], "description": descriptions[name]}
    left = {name: _inline(definitions[name], definitions) for name in sorted(_reachable(plain, definitions))}
    return plain | {"properties": properties} | ({"$defs": left} if left else {})


def schema_hash(name: str, effect: Effect, parameters: Mapping[str, Json]) -> str:
    """SHA-256 over name, effect and parameters.

    Descriptions, titles and examples are left out: rewording advice to the model changes no contract, and
    must not send parked executions to review.
    """
    contract = {"name": name, "effect": effect, "parameters": _without(_WORDING, parameters)}
    return sha256(json.dumps(contract, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _without(words: frozenset[str], schema: Json, *, keys_are_names: bool = False) -> Json:
    match schema:
        case dict():
            return {
                key: _without(words, value, keys_are_names=not keys_are_names and key in _NAMED)
                if keys_are_names or key not in _VALUES
                else value
                for key, value in schema.items()
                if keys_are_names or key not in words
            }
        case list():
            return [_without(words, item) for item in schema]
        case _:
            return schema


def _inline(schema: Json, definitions: Mapping[str, Json]) -> Json:
    match schema:
        case {"$ref": str(ref), **beside}:
            name = ref.removeprefix(_REF)
            if name in _reachable(definitions[name], definitions):
                return schema
            return {**cast("dict[str, Json]", _inline(definitions[name], definitions)), **beside}
        case dict():
            return {key: _inline(value, definitions) for key, value in schema.items()}
        case list():
            return [_inline(item, definitions) for item in schema]
        case _:
            return schema


def _reachable(schema: Json, definitions: Mapping[str, Json]) -> set[str]:
    """Names of the definitions that a schema refers to, directly or through others."""
    found: set[str] = set()
    ahead = _references(schema)
    while ahead:
        found |= ahead
        ahead = set[str]().union(*(_references(definitions[name]) for name in ahead)) - found
    return found


def _references(schema: Json) -> set[str]:
    match schema:
        case {"$ref": str(ref)}:
            return {ref.removeprefix(_REF)}
        case dict():
            return set[str]().union(*map(_references, schema.values()))
        case list():
            return set[str]().union(*map(_references, schema))
        case _:
            return set()
