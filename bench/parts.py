"""The parts of the benchmark, each on one database: what is run, how often, and for how long at most."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.databases import Databases
from bench.process import kill_when_ready, measure

Measured = Mapping[str, Any]
"""What a part found out, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much work each part does."""

    repeat: int
    """Runs of each side; the best one counts, so that a busy machine blames no side."""
    many: int
    many_turns: int
    one_turns: int
    byte_turns: tuple[int, ...]
    parked: int
    resumed: int
    listed: int
    """Executions that lie in the database while the HTTP door is measured."""
    limit_s: float
    """Seconds after which one run is stopped."""


FULL = Size(
    repeat=3,
    many=100,
    many_turns=20,
    one_turns=50,
    byte_turns=(10, 50, 200),
    parked=10_000,
    resumed=1_000,
    listed=100_000,
    limit_s=180,
)
QUICK = Size(
    repeat=1,
    many=100,
    many_turns=20,
    one_turns=50,
    byte_turns=(10, 50, 200),
    parked=1_000,
    resumed=100,
    listed=10_000,
    limit_s=60,
)


def throughput(databases: Databases, size: Size) -> Measured:
    """One execution alone, and many at once: Holdfast, the loop written by hand, the floor."""
    return {
        "one": _sides(databases, size, executions=1, turns=size.one_turns),
        "many": _sides(databases, size, executions=size.many, turns=size.many_turns),
    }


def _sides(databases: Databases, size: Size, *, executions: int, turns: int) -> Measured:
    best: dict[str, Measured] = {}
    for _ in range(size.repeat):
        # The sides take turns, so that all of them meet the same machine.
        for side in ("durable", "handwritten", "floor"):
            arguments: dict[str, Any] = {"executions": executions, "turns": turns}
            if side == "floor":
                arguments["turn_bytes"] = int(best["durable"]["turn_bytes"])
            found = _with_rates(measure(side, limit_s=size.limit_s, database=databases.fresh(), **arguments))
            if side not in best or found["turns_per_s"] > best[side]["turns_per_s"]:
                best[side] = found
    return best


def _with_rates(sample: Measured) -> Measured:
    return {
        **sample,
        "turns_per_s": sample["turns"] / sample["seconds"],
        "cpu_ms_per_turn": sample["cpu_s"] / sample["turns"] * 1000,
    }


def turn_bytes(databases: Databases, size: Size) -> Measured:
    """Bytes a turn, in short and in long executions: a journal that rewrites its history would grow."""
    found = {
        turns: measure("durable", limit_s=size.limit_s, database=databases.fresh(), executions=8, turns=turns)
        for turns in size.byte_turns
    }
    return {
        str(turns): {"turn_bytes": sample["turn_bytes"], "disk_bytes": sample["disk_bytes"]}
        for turns, sample in found.items()
    }


def parked(databases: Databases, size: Size) -> Measured:
    """Memory, threads and idle processor time with many parked executions."""
    return measure("parked", limit_s=size.limit_s, database=databases.fresh(), executions=size.parked)


def resume(databases: Databases, size: Size) -> Measured:
    """Seconds until a new process has taken over what a killed one left in mid-call."""
    database = databases.fresh()
    kill_when_ready("resume:hold", limit_s=size.limit_s, database=database, executions=size.resumed)
    return measure("resume:finish", limit_s=size.limit_s, database=database, executions=size.resumed)


def doors(databases: Databases, size: Size) -> Measured:
    """Requests a second and latencies of the API, and of the console's pages, over a large record."""
    return measure("doors", limit_s=size.limit_s, database=databases.fresh(), executions=size.listed, seconds=2)


PARTS = {"throughput": throughput, "bytes": turn_bytes, "parked": parked, "resume": resume, "doors": doors}
