"""Noticing that an agent goes in circles: the same calls again and again, with the same results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.types import Json

LONGEST_PERIOD = 5
"""Calls in the longest cycle that is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A finished call, as far as circles go."""

    digest: str
    """Of tool and arguments."""
    outcome_digest: str
    """Of what the model was told."""
    tool: str
    arguments: Mapping[str, Json]

    @property
    def label(self) -> str:
        """The call as a person would write it, cut to one line."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in sorted(self.arguments.items()))
        return f"{self.tool}({arguments if len(arguments) <= 120 else arguments[:117] + '...'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A circle: these calls, this many times, with unchanged results."""

    labels: tuple[str, ...]
    """The calls of one round, in order."""
    repeats: int

    @property
    def description(self) -> str:
        """It in words: "find_order(order_id='1042') 3 times with the same result"."""
        if len(self.labels) == 1:
            return f"{self.labels[0]} {self.repeats} times with the same result"
        return f"the cycle {', then '.join(self.labels)} {self.repeats} times with the same results"


def find_loop(history: Sequence[Seen], repeats: int) -> Loop | None:
    """The circle that the newest calls form, if any: one call, or a cycle of two to five, `repeats` times in a row.

    A result that differs breaks it: polling something that moves on is no loop. Costs the same for a history
    of any length, and reads only its end.

    Args:
        history: Calls in the order in which they ended.
        repeats: Rounds that make a loop. Below 2 counts as 2: one call alone is no repetition.
    """
    rounds = max(2, repeats)
    for period in range(1, min(LONGEST_PERIOD, len(history) // rounds) + 1):
        # Nearly always the newest call alone shows that there is no circle.
        if _same(history[-1], history[-1 - period]) and _turns(history, period, rounds):
            labels = tuple(history[-place].label for place in range(period, 0, -1))
            return Loop(labels=labels, repeats=rounds)
    return None


def _turns(history: Sequence[Seen], period: int, rounds: int) -> bool:
    return all(_same(history[-place], history[-place - period]) for place in range(1, period * (rounds - 1) + 1))


def _same(one: Seen, other: Seen) -> bool:
    return one.digest == other.digest and one.outcome_digest == other.outcome_digest
