"""The work that every side does: one lookup call a turn, a result of 200 bytes, a model without latency."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from statistics import median

from pydantic_ai.messages import ModelMessage, UserPromptPart

from holdfast import Call, Say

RESULT = "x" * 200

Script = Callable[[Sequence[ModelMessage]], Call | Say]


def lookup_result(key: str) -> str:
    """The 200 bytes that every lookup returns."""
    return f"{key}:{RESULT}"[:200]


@dataclass
class Stamps:
    """When the model was asked, per execution: the distance between two is one turn."""

    at: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def add(self, ticket: str) -> None:
        self.at.setdefault(ticket, []).append(time.perf_counter())

    def p50_turn_ms(self) -> float:
        """The middle turn's length in milliseconds, over all executions."""
        pairs = chain.from_iterable(pairwise(stamps) for stamps in self.at.values())
        return median(later - earlier for earlier, later in pairs) * 1000


def script(turns: int, stamps: Stamps) -> Script:
    """What the model says: `turns - 1` lookups with different arguments, then the answer."""

    def say(messages: Sequence[ModelMessage]) -> Call | Say:
        done = len(messages) // 2
        ticket = _ticket(messages[0])
        stamps.add(ticket)
        return Call("lookup", {"key": f"{ticket}-{done}"}) if done + 1 < turns else Say("done")

    return say


def _ticket(first: ModelMessage) -> str:
    return next(str(part.content) for part in first.parts if isinstance(part, UserPromptPart))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one side."""

    turns: int
    seconds: float
    cpu_s: float
    """Of the whole process, all its threads; of a database server nothing."""
    p50_turn_ms: float = 0.0
    turn_bytes: float = 0.0
    """Bytes that one turn left in the journal, as JSON."""
    disk_bytes: float = 0.0
    """Bytes by which one turn made the database grow, tables and indexes together."""


class Stopwatch:
    """Wall and processor time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def sample(self, turns: int, stamps: Stamps | None = None) -> Sample:
        return Sample(
            turns=turns,
            seconds=time.perf_counter() - self._wall,
            cpu_s=time.process_time() - self._cpu,
            p50_turn_ms=stamps.p50_turn_ms() if stamps else 0.0,
        )
