"""Turns what was measured into a table for people, with each target beside its figure."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Measured = Mapping[str, Any]
Line = tuple[str, str, str, str]
"""What, its figure, the target (or nothing), and whether it is met."""

MANY_RATIO = 4.0
MANY_RATIO_AIM = 8.0
ONE_RATIO = 1.5
CPU_MS = 0.6
BYTES_SPREAD = 0.10
PAGE_MS = 150
DBOS_RATIO = 5.0
WHERE = {"here": "on the same machine", "elsewhere": "from another machine"}
POSTGRES_FACTOR = 1.5
"""PostgreSQL may fall short of SQLite's ratios by this much."""


def show(console: Console, results: Mapping[str, Mapping[str, Measured]]) -> None:
    """Print one table for each database."""
    for database, parts in results.items():
        table = Table(title=database, title_justify="left", title_style="bold")
        for name in ("measured", "figure", "target", ""):
            table.add_column(name, justify="left" if name in {"measured", ""} else "right")
        for line in lines(database, parts):
            table.add_row(*line)
        console.print(table)


def lines(database: str, parts: Mapping[str, Measured]) -> Iterator[Line]:
    """The rows of one database's table."""
    for part, found in parts.items():
        if "error" in found:
            yield part, "-", "", f"did not finish: {found['error']}"
        elif part == "throughput":
            factor = 1.0 if database == "SQLite" else POSTGRES_FACTOR
            yield from _throughput("one execution", found["one"], ONE_RATIO / factor)
            many = found["many"]
            yield from _throughput("many at once", many, MANY_RATIO / factor, MANY_RATIO_AIM / factor)
            cpu = many["durable"]["cpu_ms_per_turn"]
            yield "processor time a turn, many", f"{cpu:.2f} ms", f"<= {CPU_MS} ms", _met(cpu <= CPU_MS)
        elif part == "bytes":
            yield from _bytes(found)
        elif part == "parked":
            yield from _parked(found)
        elif part == "doors":
            yield from _doors(found)
        elif part == "fleet":
            yield from _fleet(found)
        elif part == "takeover":
            yield from _taken_over(found)
        else:
            yield from _resumed(found)


def _throughput(name: str, sides: Measured, target: float, aim: float | None = None) -> Iterator[Line]:
    labels = {"floor": "the floor", "handwritten": "written by hand", "durable": "Holdfast"}
    for side, label in labels.items():
        found = sides[side]
        latency = f", p50 {found['p50_turn_ms']:.2f} ms" if found["p50_turn_ms"] else ""
        yield (
            f"{name}: {label}",
            f"{found['turns_per_s']:,.0f} turns/s",
            "",
            f"cpu {found['cpu_ms_per_turn']:.2f} ms a turn{latency}",
        )
    ratio = sides["durable"]["turns_per_s"] / sides["handwritten"]["turns_per_s"]
    aimed = f", aim {aim:.1f}" if aim else ""
    yield f"{name}: Holdfast / by hand", f"{ratio:.2f} x", f">= {target:.1f}{aimed}", _met(ratio >= target)


def _bytes(found: Measured) -> Iterator[Line]:
    for turns, sizes in found.items():
        yield (
            f"bytes a turn, {turns} turns",
            f"{sizes['turn_bytes']:,.0f}",
            "",
            f"{sizes['disk_bytes']:,.0f} on disk",
        )
    values = [sizes["turn_bytes"] for sizes in found.values()]
    spread = max(values) / min(values) - 1
    yield (
        "bytes a turn: spread",
        f"{spread:.1%}",
        f"<= {BYTES_SPREAD:.0%}",
        _met(spread <= BYTES_SPREAD),
    )


def _parked(found: Measured) -> Iterator[Line]:
    number = found["executions"]
    yield (
        f"memory with {number:,} parked",
        f"{found['after_mb']:.0f} MB",
        "",
        f"{found['before_mb']:.0f} MB with 500; {found['threads']} threads; took {found['seconds']:.1f} s",
    )
    yield "idle processor time, parked", f"{found['idle_cpu_percent']:.1f} %", "", "of one core"


def _doors(found: Measured) -> Iterator[Line]:
    number = found["executions"]
    for name, one in found["requests"].items():
        latency = f"p50 {one['p50_ms']:.1f} ms, p99 {one['p99_ms']:.1f} ms with 16 connections"
        yield f"HTTP, {number:,} executions: {name}", f"{one['per_s']:,.0f} /s", "", latency
    for path, one in found["pages"].items():
        slow = one["p99_ms"]
        figures = f"p50 {one['p50_ms']:.1f} ms; {_met(slow <= PAGE_MS)}"
        yield f"console, {number:,} executions: {path}", f"p99 {slow:.0f} ms", f"<= {PAGE_MS} ms", figures


def _fleet(found: Measured) -> Iterator[Line]:
    if not found:
        return  # a fleet has a PostgreSQL
    yield "fleet: the floor", f"{found['floor']['turns_per_s']:,.0f} turns/s", "", "one connection"
    sizes = [name.removeprefix("fleet ") for name in found if name.startswith("fleet ")]
    for workers in sizes:
        for side, label in (("fleet", "Holdfast"), ("dbos_loop", "a loop on DBOS")):
            one = found[f"{side} {workers}"]
            cpu = f"cpu {one['cpu_ms_per_turn']:.2f} ms a turn"
            yield f"fleet of {workers}: {label}", f"{one['turns_per_s']:,.0f} turns/s", "", cpu
        ours, theirs = found[f"fleet {workers}"], found[f"dbos_loop {workers}"]
        ratio = ours["turns_per_s"] / theirs["turns_per_s"]
        cpu = f"processor time {theirs['cpu_ms_per_turn'] / ours['cpu_ms_per_turn']:.1f} x"
        name, target = f"fleet of {workers}: Holdfast / a loop on DBOS", f">= {DBOS_RATIO:.0f}"
        yield name, f"{ratio:.2f} x", target, f"{_met(ratio >= DBOS_RATIO)}; {cpu}"
    for workers in sizes:
        one = found[f"activations {workers}"]
        cpu = f"cpu {one['cpu_ms_per_turn']:.2f} ms each"
        yield f"fleet of {workers}: activations", f"{one['turns_per_s']:,.0f} /s", "", cpu
    woken = found["woken"]
    memory = f"memory {woken['before_mb']:.0f} MB, at most {woken['peak_mb']:.0f} MB"
    yield (
        f"{woken['waking']:,} wake at once, {woken['parked']:,} parked: all claimed",
        f"{woken['all_claimed_s']:.2f} s",
        "",
        f"first {woken['first_s']:.2f} s, all done {woken['all_done_s']:.2f} s; {memory}",
    )


def _taken_over(found: Measured) -> Iterator[Line]:
    for where, one in found.items():
        others = f"min {one['min_s']:.2f}, median {one['median_s']:.2f}, p95 {one['p95_s']:.2f} s"
        yield (
            f"take-over of {one['kills']}, lease {one['lease_s']:g} s, {WHERE[where]}",
            f"max {one['max_s']:.2f} s",
            f"<= {one['lease_s']:g} s",
            f"{others}; {_met(one['max_s'] <= one['lease_s'])}",
        )


def _resumed(found: Measured) -> Iterator[Line]:
    yield (
        f"resume {found['executions']:,} after SIGKILL",
        f"{found['all_going_s']:.2f} s",
        "",
        f"first after {found['first_s']:.2f} s, all completed after {found['all_done_s']:.2f} s",
    )


def _met(met: bool) -> str:  # noqa: FBT001 - the only thing it says
    return "met" if met else "MISSED"
