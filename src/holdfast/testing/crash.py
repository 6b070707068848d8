"""Crashes on demand: the process kills itself, as `kill -9` would, at a named point.

    HOLDFAST_CRASH_AT=after-commit:7          after the 7th append of this process is durable
    HOLDFAST_CRASH_AT=before-commit:7         before it
    HOLDFAST_CRASH_AT=before-tool:refund      before the first run of `refund`
    HOLDFAST_CRASH_AT=inside-tool:refund:2    in its second run, after a `Ledger` has its effect
    HOLDFAST_CRASH_AT=after-tool:refund       after it returned, before anything of it is recorded

The points are in wrappers around the ports, and where test code calls `crash_point`: the product has none.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from typing import cast

from holdfast.errors import UsageError
from holdfast.ports import Journal, Tool
from holdfast.types import Append, Appended, Context, Json

VARIABLE = "HOLDFAST_CRASH_AT"


def kill_self() -> None:
    """End this process as `kill -9` does: nothing is flushed, closed or told."""
    os.kill(os.getpid(), signal.SIGKILL)


class CrashPlan:
    """When to crash: at one passing of one point.

    Args:
        at: `point` or `point:n`, the n-th passing of it in this process, from 1. Default: never.
        crash: What happens there. Default: the process kills itself.

    Raises:
        UsageError: It names no point.
    """

    def __init__(self, at: str = "", *, crash: Callable[[], None] = kill_self) -> None:
        point, _, number = at.rpartition(":")
        self._point, self._number = (point, int(number)) if number.isdigit() else (at, 1)
        self._crash = crash
        self._passed: Counter[str] = Counter()
        if at and (not self._point or self._number < 1):
            raise UsageError(f"{at!r} names no point to crash at: write 'after-commit:7' or 'before-tool:refund'")

    @classmethod
    def from_environment(cls) -> "CrashPlan":
        """The plan in `HOLDFAST_CRASH_AT`."""
        return cls(os.environ.get(VARIABLE, ""))

    @property
    def passed(self) -> Mapping[str, int]:
        """How often each point was passed: what a first run without a crash tells a crash matrix."""
        return self._passed

    def reach(self, point: str) -> None:
        """Pass a point, or crash there."""
        self._passed[point] += 1
        if point == self._point and self._passed[point] == self._number:
            self._crash()


class _Process:
    """The plan of this process, read from its environment when first needed."""

    plan: CrashPlan | None = None


def process_plan() -> CrashPlan:
    """The one plan that `HOLDFAST_CRASH_AT` makes for this process."""
    if _Process.plan is None:
        _Process.plan = CrashPlan.from_environment()
    return _Process.plan


def crash_point(name: str) -> None:
    """A point of a test's own, e.g. in the middle of a tool: crashes when `HOLDFAST_CRASH_AT` says so."""
    process_plan().reach(name)


class CrashingJournal:
    """A journal with crash points before and after each append. Everything else is the journal's own.

    Args:
        journal: The real one.
        plan: Default: the process's.
    """

    def __init__(self, journal: Journal, plan: CrashPlan | None = None) -> None:
        self._journal = journal
        self._plan = plan or process_plan()

    async def append(self, append: Append) -> Appended:
        """Append, passing `before-commit` and `after-commit`."""
        self._plan.reach("before-commit")
        appended = await self._journal.append(append)
        self._plan.reach("after-commit")
        return appended

    def __getattr__(self, name: str) -> object:
        return cast("object", getattr(self._journal, name))


class CrashingTool:
    """A tool with crash points before and after each run. Everything else is the tool's own.

    Args:
        tool: The real one.
        plan: Default: the process's.
    """

    def __init__(self, tool: Tool, plan: CrashPlan | None = None) -> None:
        self._tool = tool
        self._plan = plan or process_plan()

    async def run(self, context: Context[object], arguments: Mapping[str, Json]) -> object:
        """Run it once, passing `before-tool:name` and `after-tool:name`."""
        self._plan.reach(f"before-tool:{self._tool.name}")
        result = await self._tool.run(context, arguments)
        self._plan.reach(f"after-tool:{self._tool.name}")
        return result

    def __getattr__(self, name: str) -> object:
        return cast("object", getattr(self._tool, name))
