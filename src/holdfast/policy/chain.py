"""What follows when a rung of a fallback chain fails, and when it may not be asked: one table. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from holdfast.errors import NotAdmitted, Paused, RateLimited, Unavailable
from holdfast.types import OnFailure, OnRateLimit

FailureClass = Literal[
    "rate_limit",
    "overload",
    "timeout",
    "connection",
    "server",
    "authentication",
    "quota",
    "context_overflow",
    "refusal",
    "malformed",
    "rejected",
    "rule_error",
    "unknown",
]

BACKOFF_S: Final = 1.0
"""Before the second attempt at a rung, at most; doubles with each further one. The wait is uniform from 0."""
PATIENCE_S: Final = 5.0
"""A provider that wants to be left alone for longer is not waited for inside a turn."""
UNSAID_S: Final = 1.0
"""First wait behind a provider that refused for too many requests and did not say for how long."""
LONGEST_S: Final = 86_400.0
"""No word of a provider parks an execution for longer."""
UNKNOWN_S: Final = 60.0
"""When nobody knows until when something is unavailable, it is looked at again after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows from one class of failure."""

    retries: int = 0
    """Further attempts at the same rung: it may answer if it is asked again soon."""
    maybe_billed: bool = False
    """The provider may have worked, and may bill, although no answer came."""
    blames_model: bool = False
    """It counts against the model's circuit breaker: others would fare no better with it."""
    about_request: bool = False
    """The same request fails there tomorrow as well."""
    alert: bool = False
    """Somebody must do something, and should hear of it at once."""


CONSEQUENCES: Final[Mapping[FailureClass, Consequence]] = {
    "rate_limit": Consequence(),
    "overload": Consequence(retries=1, blames_model=True),
    "timeout": Consequence(retries=1, maybe_billed=True, blames_model=True),
    "connection": Consequence(retries=1, maybe_billed=True, blames_model=True),
    "server": Consequence(retries=1, maybe_billed=True, blames_model=True),
    "authentication": Consequence(blames_model=True, alert=True),
    "quota": Consequence(blames_model=True, alert=True),
    "context_overflow": Consequence(about_request=True),
    "refusal": Consequence(maybe_billed=True, about_request=True),
    "malformed": Consequence(retries=1, maybe_billed=True, blames_model=True),
    "rejected": Consequence(about_request=True),
    "rule_error": Consequence(about_request=True),
    "unknown": Consequence(maybe_billed=True, blames_model=True),
}


@dataclass(frozen=True, slots=True)
class Again:
    """Ask the same rung once more, after so many seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Next:
    """Leave this rung for the next one."""


@dataclass(frozen=True, slots=True)
class Compact:
    """Shorten the context and ask the same rung once more."""


@dataclass(frozen=True, slots=True)
class Park:
    """Leave the worker for so many seconds: the chain is away, not broken."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further rung is asked; the reason is the status reason."""

    reason: str


Step: TypeAlias = Again | Next | Compact | Park | GiveUp


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt of the present step that failed."""

    rung: int
    failure: FailureClass
    again: bool
    """Whether its rung may be asked once more."""


def after(  # noqa: PLR0913 - what the decision depends on, and nothing else
    failure: FailureClass,
    *,
    tries: int,
    others: bool,
    limited: bool,
    can_compact: bool,
    on_rate_limit: OnRateLimit,
    on_failure: OnFailure,
    retry_after_s: float | None,
    unit: float,
) -> Step:
    """What to do about an attempt that failed.

    Args:
        failure: Its class.
        tries: Attempts at this rung in this step that failed, this one included.
        others: Whether another rung is left to ask.
        limited: Whether a rung of this step was left because its provider had too many requests.
        can_compact: Whether the context can be shortened, and was not in this step.
        on_rate_limit: What the agent declares.
        on_failure: What the agent declares.
        retry_after_s: Seconds that the provider asked to be left alone; `None`: it did not say.
        unit: Uniform in 0 to 1, for jitter.
    """
    if failure == "rate_limit" and (on_rate_limit == "wait" or not others):
        return behind_gate(retry_after_s, unit)
    if failure == "context_overflow" and can_compact:
        return Compact()
    if failure == "refusal" and on_failure == "review":
        return GiveUp(reason_of(failure))
    asked_s = retry_after_s or 0.0
    if tries <= CONSEQUENCES[failure].retries and asked_s <= PATIENCE_S:
        return Again(max(asked_s, unit * BACKOFF_S * 2 ** (tries - 1)))
    if others:
        return Next()
    return behind_gate(None, unit) if limited else GiveUp(reason_of(failure))


def behind_gate(retry_after_s: float | None, unit: float) -> Park:
    """Wait with everybody else who wants something of this provider."""
    wait_s = min(max(retry_after_s or 0.0, UNSAID_S), LONGEST_S)
    return Park(wait_s + spread(wait_s, unit), "RATE_LIMITED")


def reason_of(failure: FailureClass) -> str:
    """The status reason of an execution whose last model failed like this."""
    match failure:
        case "timeout":
            return "STEP_TIMEOUT"
        case "context_overflow":
            return "CONTEXT_OVERFLOW"
        case _:
            return "MODEL_UNAVAILABLE"


def remaining(tried: Sequence[Tried], windows: Sequence[int | None]) -> tuple[int, ...]:
    """The rungs that may still be asked in this step, first choice first.

    Args:
        tried: What failed so far, oldest first.
        windows: Context window of each rung; `None`: nobody knows, or it has none.
    """
    out = {item.rung for item in tried if not item.again}
    small = [windows[item.rung] for item in tried if item.failure == "context_overflow" and not item.again]
    return tuple(
        rung
        for rung, window in enumerate(windows)
        if rung not in out and all(larger(window, overflowed) for overflowed in small)
    )


def larger(window: int | None, overflowed: int | None) -> bool:
    """Whether a request that was too long for one context window may fit another."""
    return window is None or overflowed is None or window > overflowed


def lasting(tried: Sequence[Tried]) -> list[Tried]:
    """What remains true of failed attempts after a wait: that the request itself cannot succeed there."""
    return [item for item in tried if CONSEQUENCES[item.failure].about_request and not item.again]


def spread(wait_s: float, unit: float) -> float:
    """Seconds to add to a wait, so that those who waited for the same thing do not come back at once."""
    return unit * min(max(wait_s / 5, 1.0), 30.0)


@dataclass(frozen=True, slots=True)
class Rest:
    """Leave the worker until a time, or until somebody says go on."""

    reason: str
    until: datetime | None


def rest(refusal: NotAdmitted, *, now: datetime, unit: float) -> Rest:
    """How an execution waits that may not ask a model now."""
    if isinstance(refusal, Paused) and refusal.until is None:
        return Rest("PAUSED", None)  # whoever resumes it wakes what waits
    until = refusal.until or now + timedelta(seconds=UNKNOWN_S)
    wait_s = max((until - now).total_seconds(), 0.0)
    return Rest(_waits_for(refusal), now + timedelta(seconds=wait_s + spread(wait_s, unit)))


def _waits_for(refusal: NotAdmitted) -> str:
    match refusal:
        case Paused():
            return "PAUSED"
        case RateLimited() | Unavailable(kind="provider"):
            return "RATE_LIMITED"
        case Unavailable():
            return "MODEL_UNAVAILABLE"
        case _:
            return "BUDGET"
