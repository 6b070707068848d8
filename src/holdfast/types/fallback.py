"""What may stand in for the result of a tool that failed, besides another tool."""

from dataclasses import dataclass

from holdfast.types.value import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """The last good result of the same tool with the same arguments, with its age. For `read` tools.

    Results of a tool that takes a `Context` are kept for each agent and user apart.

    Args:
        max_age_s: Seconds after which a result is too old to stand in.
    """

    max_age_s: float


@dataclass(frozen=True, slots=True)
class Default:
    """A value that the model is given, marked as a default.

    Args:
        value: JSON, or what becomes JSON, of the tool's declared result type.
    """

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodResult:
    """A result of a tool as it was told, kept to stand in for a later one."""

    tool: str
    key: str
    """SHA-256 of what the result depends on."""
    schema_hash: str
    output: Json
    content: str
    execution_id: str
    """Whose call gave it."""
    age_s: float = 0.0
    """Seconds since it was fresh."""
