"""What will happen to a fleet, drawn from a seed before it begins; and when, counted in what the fleet has done."""

import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

from holdfast.testing import CrashPlan
from tests.chaos.books import FATES, Books

WRITES_EACH = 12
"""Writes to the journal that one job makes, about."""
POINTS = {
    "before-commit": 1.0,
    "after-commit": 1.0,
    "inside-model": 0.4,
    "inside-tool:charge": 0.08,
    "inside-tool:send_letter": 0.08,
    "inside-tool:update_address": 0.08,
}
"""Where it happens, and how often that is passed for each write to the journal."""
BEGUN = {"begun-tool:charge": 0.08, "begun-tool:send_letter": 0.08}
"""Between a call's begin and its effect: there a process may be killed. One that is frozen there, and whose call is
found not to have happened and made by another, makes it when it wakes; only the service can keep it from that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """A worker sends itself a signal."""

    how: Literal["kill", "freeze"]
    point: str
    number: int
    """At this passing of the point since the fate before."""
    for_s: float = 0
    """How long it stays frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """Something that happens to the database, or to the way there, when the fleet has written so often."""

    what: Literal["stop", "crash", "cut"]
    at: int
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doom:
    """All of it."""

    fates: Sequence[Sequence[Fate]]
    """Of each worker and those who take its place, in order."""
    blows: Sequence[Blow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How much happens to how large a fleet."""

    executions: int = 300
    workers: int = 4
    kills: int = 32
    freezes: int = 12
    restarts: int = 6
    cuts: int = 4
    lease_s: float = 2.0


SPOILT = Weather(executions=20, kills=8, freezes=4, restarts=0, cuts=0, lease_s=0.5)
"""For what is broken on purpose."""
SHORT = Weather(executions=80, kills=8, freezes=3, restarts=2, cuts=1, lease_s=1.0)
"""For every run of the tests."""


def draw(weather: Weather, seed: int) -> Doom:
    """What happens; the same for the same seed."""
    chance = random.Random(seed)
    writes = weather.executions * WRITES_EACH
    each = (weather.kills + weather.freezes) / weather.workers
    hows = ["kill"] * weather.kills + ["freeze"] * weather.freezes
    chance.shuffle(hows)
    fates: list[list[Fate]] = [[] for _ in range(weather.workers)]
    for turn, how in enumerate(hows):
        apart = writes / weather.workers / (each + 1)
        fates[turn % weather.workers].append(_fate(chance, how, apart, weather.lease_s))
    whats = ["stop" if n % 2 else "crash" for n in range(weather.restarts)] + ["cut"] * weather.cuts
    chance.shuffle(whats)
    step = writes * 0.65 / max(len(whats), 1)
    blows = [
        Blow(what=what, at=int(step * (n + chance.uniform(0.3, 1))), for_s=_how_long(chance, what, weather.lease_s))
        for n, what in enumerate(whats)
    ]
    return Doom(fates=fates, blows=blows)


def _fate(chance: random.Random, how: str, apart: float, lease_s: float) -> Fate:
    points = POINTS | BEGUN if how == "kill" else POINTS
    point = chance.choice(list(points))
    number = max(round(apart * points[point] * chance.uniform(0.2, 0.9)), 1)
    if how == "kill":
        return Fate(how="kill", point=point, number=number)
    return Fate(how="freeze", point=point, number=number, for_s=lease_s * chance.uniform(1.3, 2.5))


def _how_long(chance: random.Random, what: str, lease_s: float) -> float:
    return lease_s * (chance.uniform(1.3, 2.5) if what == "cut" else chance.uniform(0.1, 1.5))


class Destiny(CrashPlan):
    """A worker's fates, one after the other: it passes points, and at some it sends itself a signal.

    Args:
        fates: What is left of them.
        books: Where it says so before.
    """

    def __init__(self, fates: Sequence[Fate], books: Books) -> None:
        super().__init__()
        self._fates, self._books = list(fates), books
        self._since: Counter[str] = Counter()
        self._numbers = count(1)

    def reach(self, point: str) -> None:
        super().reach(point)
        self._since[point] += 1
        fate = self._fates[0] if self._fates else None
        if fate is None or point != fate.point or self._since[point] < fate.number:
            return
        self._fates.pop(0)
        self._since.clear()
        self._books.note("write", fate.how, key=f"{point}:{fate.number}", book=FATES)
        os.kill(os.getpid(), signal.SIGKILL if fate.how == "kill" else signal.SIGSTOP)
