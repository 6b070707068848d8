"""What a model or a rule answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Say:
    """Plain text. For an agent without an output type it is the final answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, with its arguments."""

    tool: str
    args: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Calls:
    """Several tool calls in one message."""

    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Final:
    """The result: a value of the agent's output type, or its JSON form."""

    value: object


Reply: TypeAlias = Say | Call | Calls | Final | str
