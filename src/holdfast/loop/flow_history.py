"""What the events of a workflow add up to: its steps, what was noted and sent, and whether it is being undone."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from holdfast.types import Effect, Json

StepKind = Literal["step", "agent", "approve", "sleep", "wait", "undo"]
StepStatus = Literal["running", "in_doubt", "postponed", "completed", "failed"]
OVER: Final[frozenset[StepStatus]] = frozenset({"completed", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One named step as the journal knows it."""

    id: str
    """What its approvals, its child execution and its row are found by."""
    name: str
    at: str
    """Its place: counted within each branch, `2.0.1` is the second step of the first branch of what stood third."""
    kind: StepKind
    effect: Effect
    status: StepStatus
    key: str
    """What a service is given to know it again: the same for every attempt."""
    digest: str
    """Of what it is given."""
    number: int
    """Of the execution's steps, in the order in which they were first started."""
    fresh: bool = True
    """False when its intent was made by an earlier activation: it may have run."""
    attempts: int = 0
    waits: int = 0
    """How often it asked to be tried later."""
    until: datetime | None = None
    """When it may be tried again, or what waits for time is over."""
    result: Json = None
    error: str | None = None
    failure: str | None = None
    check: str | None = None
    """What its check has against the result."""
    by: str | None = None
    """Who decided about it."""
    undo: bool = False
    """Whether it can be undone."""
    signal: str | None = None
    signal_id: str | None = None
    ended: int = 0
    """Place among the ended steps, in the order of their ends."""

    @property
    def over(self) -> bool:
        """Whether it is not done again."""
        return self.status in OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that was sent to the execution."""

    id: str
    name: str
    payload: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """Why it ends, while what it did is undone."""

    reason: str
    error: str
    step: str | None
    """The one whose failure ends it."""
    cancelled: bool
    others: tuple[str, ...] = ()
    """Further ones that failed: a retry does them anew, too."""


@dataclass(slots=True, kw_only=True)
class FlowHistory:
    """The present state of a workflow's execution. Changes only through events."""

    steps: dict[str, StepState] = field(default_factory=dict[str, StepState])
    """By name, in the order in which they were started."""
    places: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Kind and name of what stands at each place."""
    notes: dict[str, Json] = field(default_factory=dict[str, Json])
    """Times and random numbers by place."""
    signals: list[Signal] = field(default_factory=list[Signal])
    again: dict[str, int] = field(default_factory=dict[str, int])
    """How often a step was set aside to be done anew, under a key of its own."""
    undoing: Undoing | None = None
    adopted: bool = False
    """A person let it go on with changed code: steps are known by their names alone."""
    ends: int = 0

    def forget_start(self, name: str) -> None:
        """A step was about to start, and did not."""
        state = self.steps.get(name)
        if state is not None and state.attempts == 0 and state.fresh and not state.over:
            del self.steps[name]
            self.places.pop(state.at, None)

    def taken(self) -> set[str]:
        """Signals that steps have had."""
        return {state.signal_id for state in self.steps.values() if state.signal_id}
