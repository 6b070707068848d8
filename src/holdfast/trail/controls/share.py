"""How workers are shared out: who gets how much of them, and how many at once. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast.errors import UsageError
from holdfast.trail.controls.cell import Data
from holdfast.types import Share

_HEAVIEST: Final = 1_000
_MOST: Final = 1_000_000


def as_data(given: Share) -> Data:
    """A share as it is stored."""
    return {
        "scope": given.scope,
        "subject": given.subject,
        "weight": given.weight,
        "limit": given.limit,
        "source": given.source,
    }


def from_data(name: str, data: Data) -> Share:
    """A share as it was stored."""
    return Share(name=name, **data)


def check(given: Share) -> None:
    """Whether a share can be.

    Raises:
        UsageError: It cannot; the message says what would work.
    """
    named = f"share {given.name!r}"
    if not given.name or not all(char.isalnum() or char in "_-." for char in given.name) or len(given.name) > 100:
        raise UsageError(f"{named}: use letters, digits, '_', '-' and '.' in its name, up to 100 of them")
    if given.weight is None and given.limit is None:
        raise UsageError(f"{named}: give weight (how often its turn comes), limit (how many run at once), or both")
    if given.weight is not None and not 1 <= given.weight <= _HEAVIEST:
        raise UsageError(f"{named}: weight {given.weight} is none: give 1 to {_HEAVIEST:,}")
    if given.limit is not None and not 1 <= given.limit <= _MOST:
        raise UsageError(f"{named}: limit {given.limit} is none: give 1 or more; to stop everything, pause it")
    if given.scope == "global" and (given.subject is not None or given.weight is not None):
        raise UsageError(f"{named}: a global share is a limit for all together: it has no subject and no weight")
    if given.subject == "":
        raise UsageError(f"{named}: leave the subject out to mean each {given.scope}")


@dataclass(frozen=True, slots=True)
class Terms:
    """All shares in force, as a claim asks them."""

    weights: Mapping[tuple[str, str | None], int] = field(default_factory=dict[tuple[str, str | None], int])
    """By scope and subject; `None`: each one without its own."""
    limits: Mapping[tuple[str, str | None], int] = field(default_factory=dict[tuple[str, str | None], int])

    @classmethod
    def of(cls, shares: Iterable[Share]) -> "Terms":
        """Sort them; of two for the same subject the tighter limit and the smaller weight hold."""
        weights: dict[tuple[str, str | None], int] = {}
        limits: dict[tuple[str, str | None], int] = {}
        for one in shares:
            key = (one.scope, one.subject)
            if one.weight is not None:
                weights[key] = min(one.weight, weights.get(key, one.weight))
            if one.limit is not None:
                limits[key] = min(one.limit, limits.get(key, one.limit))
        return cls(weights, limits)

    @property
    def heaviest(self) -> int:
        """The greatest weight of any user."""
        return max((weight for (scope, _), weight in self.weights.items() if scope == "user"), default=1)

    def weight(self, scope: str, subject: str) -> int:
        """How much of a turn somebody gets. Default: 1. Work of nobody's has one turn, as one user would."""
        own = self.weights.get((scope, subject)) if subject else None
        return own or (self.weights.get((scope, None)) if subject else None) or 1

    def limit(self, scope: str, subject: str) -> int | None:
        """How many may run at once; `None`: any number. Work of nobody's has no limit of a user's."""
        if not subject and scope != "global":
            return None
        own = self.limits.get((scope, subject)) if scope != "global" else None
        return own if own is not None else self.limits.get((scope, None))
