"""The crash matrix's driver, a process of its own without threads: `python -m tests.crash.matrix JSON`.

It plays the story once without a crash, which tells it every point there is; then once for each place, killed there and
resumed in a new process. A place is all points between the same two durable changes: whichever of them a process is
killed at, the same is left. The order says whether each point is a place of its own, as `HOLDFAST_TEST_DEEP=1` wants.
One JSON line for each place with what was wrong, and a last one with the numbers.
"""

import gc
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from holdfast import App
from holdfast.config import configure_logging
from holdfast.testing import Final, ScriptedModel
from tests.crash import controls
from tests.crash.forks import End, Story, Task, play
from tests.crash.life import SETTINGS, one_life
from tests.crash.places import Place, place_from
from tests.crash.shop import INPUT, Outcome, call, clerk
from tests.crash.verdict import violations
from tests.crash.witness import Witness

LIMIT_S = 40.0
LEASES = 4
"""Renewals come by the clock: only the first transactions of that kind are points."""


@dataclass(slots=True)
class Matrix:
    """All stories on one database server."""

    place: Place
    folder: Path
    spoil: str | None
    deep: bool
    """Each point is a place."""
    twice: int
    """Stories that are killed a second time, while they resume."""
    at_once: int = 3
    whole: dict[str, Any] = field(default_factory=dict[str, Any])
    """The testimony of the uninterrupted run."""
    lives: int = 0
    killed: int = 0

    def play(self, wanted: Sequence[str]) -> None:
        began = time.monotonic()
        play([self.uninterrupted()], at_once=1, limit_s=LIMIT_S)
        passings = list(all_passings(self.whole["passings"]))
        points = [point for point, _ in passings if not wanted or point.startswith(tuple(wanted))]
        places = points if self.deep or wanted else list(last_of_each_place(passings))
        plans = [*([point] for point in places), *pairs(points, self.twice)]
        stories = (self.story(number, plan) for number, plan in enumerate(plans, 1))
        play(stories, at_once=self.at_once, limit_s=LIMIT_S)
        tell(
            points=len(points),
            places=len(places),
            stories=len(plans),
            killed=self.killed,
            lives=self.lives,
            seconds=round(time.monotonic() - began, 1),
        )

    def uninterrupted(self) -> Story:
        """The story that nobody interrupts; it is checked like the others."""
        end = yield self.life(0, 1, "")
        if end.code:
            raise AssertionError(f"the story cannot be played even without a crash:\n{end.said}")
        self.whole = end.said
        if end.said["status"] != "completed":
            raise AssertionError(f"the story ends badly even without a crash: {end.said}")
        self.judge(0, "none", end)

    def story(self, number: int, crashes: Sequence[str]) -> Story:
        """Lives that are killed, each at its point, and a last one that is not."""
        for life, point in enumerate(crashes, 1):
            end = yield self.life(number, life, point)
            if not end.killed and life > 1:
                break  # the resumed process did not come by there, and has ended
            if not end.killed:
                tell(point=point, violations=[f"not killed there: {end.code}, {end.said}"])
                return
            self.killed += 1
        else:
            end = yield self.life(number, len(crashes) + 1, "")
        self.judge(number, " then ".join(crashes), end)

    def life(self, number: int, life: int, crash_at: str) -> Task:
        database = self.place.make(number) if life == 1 else self.place.url_of(number)
        self.lives += 1
        return partial(
            one_life,
            database=database,
            notes=self.notes(number),
            life=life,
            crash_at=crash_at,
            spoil=controls.NAMED[self.spoil] if self.spoil else None,
        )

    def judge(self, number: int, point: str, end: End) -> None:
        if end.killed:
            found = ["stuck: the resumed process did not come to an end"]
        elif end.code:
            found = [f"stuck: {end.said}"]
        else:
            found = violations(self.whole, end.said, Witness(self.notes(number), 0).notes())
        tell(point=point, violations=found)
        self.place.drop(number)
        self.notes(number).unlink(missing_ok=True)

    def notes(self, number: int) -> Path:
        return self.folder / f"notes-{number}.jsonl"


def all_passings(passings: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Every passing of every point, in order, with the number of its place."""
    for point, place in passings:
        name, _, number = point.rpartition(":")
        if not name.endswith(":lease") or int(number) <= LEASES:
            yield point, place


def last_of_each_place(passings: Sequence[tuple[str, int]]) -> Iterable[str]:
    """The point that stands for its place: the last, because it is inside the next transaction if there is one."""
    return {place: point for point, place in passings}.values()


def pairs(points: Sequence[str], number: int) -> list[list[str]]:
    """Seeded pairs of points: one for the first life, one for the second."""
    chance = random.Random(20_261_121)
    return [[chance.choice(points), chance.choice(points)] for _ in range(number)]


def warm_up(folder: Path) -> None:
    """Build once what would be built anew in every process: type adapters, late imports."""
    configure_logging(SETTINGS)
    short = replace(
        clerk(Witness(folder / "warm-up.jsonl", 0)),
        models=[ScriptedModel([call("find_order", "1"), Final(Outcome(summary="warm", receipts=[]))])],
    )
    App([short], str(folder / "warm-up.db"), settings=SETTINGS).run_sync("clerk", INPUT, timeout_s=20)
    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    # What is here now stays in memory that all children share.
    gc.collect()
    gc.freeze()


def tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(order: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="holdfast-crash-") as folder:
        warm_up(Path(folder))
        matrix = Matrix(
            place=place_from(order["place"]),
            folder=Path(folder),
            spoil=order.get("spoil"),
            deep=order.get("deep", False),
            twice=order.get("twice", 0),
        )
        matrix.play(order.get("points", []))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
