"""Events: the rows of the journal, and those about to be appended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from holdfast.types.frozen import frozen
from holdfast.types.value import Json


@frozen
class NewEvent:
    """One event about to be appended; the journal gives it its place and its hash."""

    kind: str
    data: Mapping[str, Json]
    version: int = 1
    text: str | None = None
    """`data` as canonical text without secrets, where its maker has that already (`trail.codec.stored`): stored as it
    is. `None`: the journal makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the journal."""

    execution_id: str
    seq: int
    """From 1, without gaps, per execution."""
    kind: str
    version: int
    data: Mapping[str, Json]
    """Large values are read back in full; on disk they are references to blobs."""
    at: datetime
    hash: str
