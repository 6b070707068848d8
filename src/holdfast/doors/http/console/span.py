"""One row of an execution's story: a step, or what the model, a tool or a person did in it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdfast.types import Event


@dataclass(slots=True, kw_only=True)
class Span:
    """One row of the story; it grows while events are told."""

    seq: int
    """Of the event that it begins with: its name on the page."""
    kind: str
    """step, model, attempt, call, question, result or note."""
    name: str
    status: str
    """As `states` knows it; of a note `""`."""
    queued_at: datetime
    """When it was asked for."""
    started_at: datetime | None = None
    """When somebody worked on it; `None`: not yet."""
    ended_at: datetime | None = None
    said: str = ""
    """What it came to, in a line."""
    step: int = 0
    depth: int = 0
    waits: list[tuple[datetime, datetime | None]] = field(default_factory=list[tuple[datetime, datetime | None]])
    """When it waited for a person."""
    events: list[Event] = field(default_factory=list[Event])
    """All that the journal says about it, in order."""
    approvals: list[str] = field(default_factory=list[str])

    @property
    def took(self) -> timedelta | None:
        """From the request to the end; `None`: it is still going on, or is a moment."""
        return None if self.ended_at is None or self.kind == "note" else self.ended_at - self.queued_at
