"""`holdfast metrics`: how well each agent does."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from rich.text import Text

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common
from holdfast.doors.retry import moment
from holdfast.doors.screen import console, draw, emit, line, note, say, shorten, table
from holdfast.types import AgentHealth


async def metrics(*, agent: str | None = None, since: str = "7d", common: Common = COMMON) -> int:
    """Show how well each agent does, from its executions that ended since then; what counts is said by `--help`.

    Args:
        agent: Only this one.
        since: Those that ended since then: 30min, 24h, 7d, a date as 2026-11-21, or all.
        common: What every command takes.
    """
    after = None if since == "all" else moment(since)
    async with looking(common) as app:
        found = await app.control.health_metrics(agent=agent, since=after)
    for one in found if common.json else ():
        emit(one)
    if common.json:
        return exits.OK
    if not found:
        note("nothing ended since then: look further back with --since 30d or --since all")
        return exits.OK
    columns = [name for name in _COLUMNS if console().width >= 110 or name not in _WIDE]
    draw(table(columns, [[_COLUMNS[name](one) for name in columns] for one in found], widest="agent"))
    say(*(_failures(one) for one in found if one.failures))
    return exits.OK


def percent(share: float | None) -> str:
    """A share of all, for people; a dash where there is nothing to divide by."""
    return "-" if share is None else f"{share:.1%}"


def duration(seconds: float | None) -> str:
    """A time, for people: `850 ms`, `12.4 s`, `0:03:20`."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else str(timedelta(seconds=round(seconds)))


_COLUMNS: Final[Mapping[str, Callable[[AgentHealth], str]]] = {
    "agent": lambda it: shorten(it.agent, 40),
    "ended": lambda it: f"{it.executions:,}",
    "completion": lambda it: percent(it.completion_rate),
    "steps": lambda it: f"{it.average_steps:.1f}",
    "useful": lambda it: percent(it.step_efficiency),
    "tools ok": lambda it: percent(it.tool_success_rate),
    "asked": lambda it: percent(it.human_review_rate),
    "tokens each": lambda it: "-" if it.tokens_per_completion is None else f"{it.tokens_per_completion:,.0f}",
    "cost each": lambda it: "-" if it.cost_per_completion_usd is None else f"${it.cost_per_completion_usd:.4f}",
    "p50": lambda it: duration(it.p50_duration_s),
    "p95": lambda it: duration(it.p95_duration_s),
}
_WIDE: Final = {"tokens each", "p50", "steps"}
"""Left out where the terminal is narrow; `--json` has everything."""


def _failures(one: AgentHealth) -> Text:
    by_number = sorted(one.failures.items(), key=lambda pair: (-pair[1], pair[0]))
    return line((f"{one.agent} failed ", "dim"), ", ".join(f"{count} {reason}" for reason, count in by_number))
