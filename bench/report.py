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


def _resumed(found: Measured) -> Iterator[Line]:
    yield (
        f"resume {found['executions']:,} after SIGKILL",
        f"{found['all_going_s']:.2f} s",
        "",
        f"first after {found['first_s']:.2f} s, all completed after {found['all_done_s']:.2f} s",
    )


def _met(met: bool) -> str:  # noqa: FBT001 - the only thing it says
    return "met" if met else "MISSED"
