"""`holdfast prune`: what is old goes, while everything works on."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from cyclopts import Parameter

from holdfast.app import App
from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.grants import seconds
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import emit, note, say
from holdfast.doors.switches import By
from holdfast.errors import UsageError
from holdfast.trail.prune_vacuum import vacuum
from holdfast.types import Ending, PruneBatch, PruneRule

_TELL_EVERY_S: Final = 2.0


@dataclass(slots=True)
class _Progress:
    """What was done so far, told now and then."""

    tells: bool
    executions: int = 0
    events: int = 0
    payloads: int = 0
    spared: int = 0
    longest_s: float = 0.0
    """Of one transaction."""
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def add(self, step: PruneBatch) -> None:
        self.executions += step.executions
        self.events += step.events
        self.payloads += step.payloads
        self.spared += step.spared
        self.longest_s = max(self.longest_s, step.took_s)
        if self.tells and time.monotonic() - self.told > _TELL_EVERY_S:
            self.told = time.monotonic()
            note(f"  {self.words()} so far")

    def words(self) -> str:
        kept = f", {self.spared:,} spared for living threads" if self.spared else ""
        payloads = f", {self.payloads:,} large payloads" if self.payloads else ""
        return f"{self.executions:,} executions, {self.events:,} events{payloads}{kept}"

    def plain(self) -> dict[str, object]:
        return {
            "executions": self.executions,
            "events": self.events,
            "payloads": self.payloads,
            "spared": self.spared,
            "seconds": round(time.monotonic() - self.began, 3),
            "longest_transaction_ms": round(self.longest_s * 1000, 1),
        }


async def prune(  # noqa: PLR0913 - one option each
    *,
    older_than: str,
    keep_audit: Annotated[bool, Parameter(negative=())] = False,
    agent: tuple[str, ...] = (),
    status: tuple[Ending, ...] = (),
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(negative=())] = False,
    vacuum_: Annotated[bool, Parameter(name="--vacuum", negative=())] = False,
    why: str = "",
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Take away executions that ended long ago, each with all that it started.

    Works beside workers and servers, in transactions of a few hundredths of a second. Ctrl-C stops it; what was done is
    done, and the next run does the rest. What goes is on the operators' record, and verify-audit checks that.

    Args:
        older_than: How long ago they must have ended, such as 90d.
        keep_audit: Keep who decided what: rows, decisions and approvals without what was read, said and returned.
        agent: Only those of this agent; may be given several times.
        status: Only completed, failed or cancelled ones; may be given several times.
        dry_run: Say what would go, and change nothing.
        yes: Do not ask before.
        vacuum_: Give free space of a SQLite file back to the disk; no worker may run meanwhile.
        why: For the record.
        by: Who. Default: the user of this machine.
        common: What every command takes.
    """
    before = datetime.now(UTC) - timedelta(seconds=seconds(older_than))
    rule = PruneRule(before=before, keep_audit=keep_audit, agents=agent, statuses=status)
    async with looking(common) as app:
        if dry_run or not yes:
            would = await app.control.would_prune(rule)
            if dry_run:
                return _told(would, rule, common)
            if would.executions and not _agreed(would, rule):
                note("nothing was pruned")
                return exits.OK
        done = _Progress(tells=not common.json)
        try:
            async for step in _steps(app, rule, by or os_user(), why):
                done.add(step)
        except (asyncio.CancelledError, KeyboardInterrupt):
            note(f"stopped after {done.words()}; run it again to go on")
            raise
        database = app.database
    if vacuum_:
        await asyncio.to_thread(vacuum, database)
    longest = f"; the longest transaction took {done.longest_s * 1000:.0f} ms" if done.executions else ""
    return exits.done(f"pruned {done.words()}{longest}", done.plain(), as_json=common.json)


async def _steps(app: App, rule: PruneRule, by: str, why: str) -> AsyncIterator[PruneBatch]:
    async for step in app.control.prune(rule, by=by, why=why):
        yield step
    async for step in app.control.forget_payloads():
        yield step


def _told(would: PruneBatch, rule: PruneRule, common: Common) -> int:
    if common.json:
        emit({"would": {"executions": would.executions, "events": would.events, "spared": would.spared}})
    else:
        say(f"would prune {_amount(would, rule)}")
    return exits.OK


def _amount(would: PruneBatch, rule: PruneRule) -> str:
    """What would go, and what of it would stay."""
    stays = "of which only the record of who decided what stays" if rule.keep_audit else "of which nothing stays"
    spared = f"; {would.spared:,} more are spared, for threads that live" if would.spared else ""
    return (
        f"{would.executions:,} executions that ended before {rule.before:%Y-%m-%d %H:%M} UTC, "
        f"with {would.events:,} events, {stays}{spared}"
    )


def _agreed(would: PruneBatch, rule: PruneRule) -> bool:
    """Whether the person at the terminal agrees; a program says `--yes`.

    Raises:
        UsageError: Nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"this would prune {_amount(would, rule)}: add --yes to do it without being asked")
    return input(f"Prune {_amount(would, rule)}? [y/N] ").strip().lower() in {"y", "yes"}
