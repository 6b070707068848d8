"""The conversation of one execution in our own words, before it becomes any provider's messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.types import CallStatus, Json


@dataclass(frozen=True, slots=True)
class Told:
    """Words to the model in the user's place: the input, a person's note, a correction, a digest."""

    text: str


@dataclass(frozen=True, slots=True)
class Responded:
    """A model's message, as the model library's JSON of its `ModelResponse`."""

    response: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What a tool call came to, in the words the model gets."""

    provider_call_id: str
    tool: str
    content: str
    status: CallStatus


@dataclass(frozen=True, slots=True)
class Answered:
    """What the agent answered in an earlier execution of the same thread."""

    text: str


Entry: TypeAlias = Told | Responded | Returned | Answered
"""Invariant of a transcript: the `Returned` entries of a response follow it directly, in the order of its
calls and complete, before any `Told`."""
