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
    fleet: int
    """Executions that each worker of a fleet works on at once, of `many_turns` each."""
    activations: int
    fleet_parked: int
    fleet_waking: int
    kills: int
    """Workers that die, of which take-over times are known then."""
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
    fleet=100,
    activations=1_000,
    fleet_parked=50_000,
    fleet_waking=5_000,
    kills=50,
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
    fleet=100,
    activations=300,
    fleet_parked=5_000,
    fleet_waking=500,
    kills=6,
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


def fleet(databases: Databases, size: Size) -> Measured:
    """Worker processes on one PostgreSQL: turns and activations a second, and many executions that wake at once."""
    if databases.server is None:
        return {}
    turns: dict[str, Any] = {"executions": size.fleet, "turns": size.many_turns}
    best: dict[str, Measured] = {}
    for _ in range(min(size.repeat, 2)):
        _keep_best(best, "floor", measure("floor", limit_s=size.limit_s, database=databases.fresh(), **FLOOR, **turns))
        for workers in CREWS:
            for side in ("fleet", "dbos_loop"):
                of = {"workers": workers, "each": size.fleet, "turns": size.many_turns}
                found = measure(f"{side}:run", limit_s=size.limit_s, database=databases.fresh(), **of)
                _keep_best(best, f"{side} {workers}", found)
            once = {"workers": workers, "each": size.activations, "turns": 1}
            found = measure("fleet:run", limit_s=size.limit_s, database=databases.fresh(), **once)
            _keep_best(best, f"activations {workers}", found)
    waking = {"parked": size.fleet_parked, "waking": size.fleet_waking, "workers": 1}
    return {**best, "woken": measure("fleet:wake", limit_s=size.limit_s, database=databases.fresh(), **waking)}


def _keep_best(best: dict[str, Measured], name: str, sample: Measured) -> None:
    found = _with_rates(sample)
    if name not in best or found["turns_per_s"] > best[name]["turns_per_s"]:
        best[name] = found


def takeover(databases: Databases, size: Size) -> Measured:
    """How long executions wait for another worker when theirs is killed: on its machine, and on another one."""
    if databases.server is None:
        return {}
    return {
        where: measure("takeover:run", limit_s=size.limit_s, database=databases.fresh(), where=where, kills=size.kills)
        for where in ("here", "elsewhere")
    }


CREWS = (1, 2, 4)
"""How many worker processes a fleet has."""
FLOOR = {"turn_bytes": 1_700}
"""What a turn of this work leaves in the journal."""

PARTS = {
    "throughput": throughput,
    "bytes": turn_bytes,
    "parked": parked,
    "resume": resume,
    "doors": doors,
    "fleet": fleet,
    "takeover": takeover,
}
