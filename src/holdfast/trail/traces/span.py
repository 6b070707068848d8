"""Spans as the journal tells them, before anything of OpenTelemetry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Attribute: TypeAlias = str | int | float | bool | tuple[str, ...]
Attributes: TypeAlias = Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened within a span."""

    name: str
    at_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Link:
    """A span, of this execution or another one, that this one follows from."""

    trace_id: int
    span_id: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One finished stretch of an execution."""

    name: str
    span_id: int
    parent_id: int | None
    """`None`: the root."""
    start_ns: int
    """Since 1970."""
    end_ns: int
    attributes: Attributes
    client: bool = False
    """Whether it is a request to another system."""
    moments: Sequence[Moment] = ()
    links: Sequence[Link] = ()
    error: str | None = None
    """What it failed of, as a class; `None`: it did not fail."""
    detail: str | None = None
    """The error in words: content, so only where content is captured."""
