"""Commands about executions that ended failed: dead-letters, retry."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from holdfast.app import App
from holdfast.doors import exits
from holdfast.doors.answer import By
from holdfast.doors.desk import find_execution, looking
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, note, say, shorten, table
from holdfast.errors import HoldfastError, UsageError
from holdfast.types import DeadLetter

_AGO = re.compile(r"(\d+) ?(min|m|h|d)")
_UNITS: Final = {"min": 60, "m": 60, "h": 3_600, "d": 86_400}
_MOST: Final = 10_000


async def dead_letters(
    *,
    agent: str | None = None,
    reason: str | None = None,
    since: str | None = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 50,
    common: Common = COMMON,
) -> int:
    """List executions that ended failed, the newest failure first.

    Args:
        agent: Only those of this agent.
        reason: Only those that failed for this reason, e.g. LOOP_DETECTED.
        since: Only failures since then: 30min, 24h, 7d, or a date as 2026-11-21.
        limit: How many at most.
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.dead_letters(agent=agent, reason=reason, since=moment(since), limit=limit)
    if common.json:
        for letter in found:
            emit(letter)
    elif not found:
        note("nothing failed")
    else:
        columns = ("id", "agent", "reason", "good until", "failed", "error")
        draw(table(columns, [_row(letter) for letter in found], widest="error"))
        note(f"holdfast retry ID{common.where} goes on behind the last good step")
    return exits.OK


def _row(letter: DeadLetter) -> list[str]:
    step = f"step {letter.last_good_step} of {letter.step_count}"
    failed = f"{letter.failed_at:%Y-%m-%d %H:%M}"
    return [letter.id, shorten(letter.agent, 20), letter.reason, step, failed, shorten(letter.error or "", 160)]


async def retry(  # noqa: PLR0913 - one option each
    id_: Annotated[str | None, Parameter(name="ID")] = None,
    /,
    *,
    from_step: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    failed: Annotated[bool, Parameter(negative=())] = False,
    agent: str | None = None,
    reason: str | None = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    yes: Annotated[bool, Parameter(negative=())] = False,
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Let failed executions go on; nothing that happened is done again.

    Args:
        id_: Its id, or at least 6 characters of its start or end.
        from_step: Do the turns from this step on anew. Default: go on after the last durable step.
        failed: Instead of one ID: all that failed and fit --agent and --reason.
        agent: With --failed: only those of this agent.
        reason: With --failed: only those that failed for this reason.
        limit: With --failed: how many at most, the newest failures first.
        yes: With --failed: do not ask before.
        by: Who says so. Default: the user of this machine.
        common: What every command takes.
    """
    who = by or os_user()
    _refuse_misfit(id_, failed=failed, filtered=agent is not None or reason is not None, from_step=from_step)
    async with looking(common) as app:
        if id_ is not None:
            execution = await app.retry((await find_execution(app, id_)).id, by=who, from_step=from_step)
            if common.json:
                emit(execution)
            else:
                say(f"{execution.id} is {execution.status}: it goes on as soon as a worker is free")
            return exits.OK
        found = await app.dead_letters(agent=agent, reason=reason, limit=min(limit, _MOST))
        if found and not yes and not _agreed(len(found)):
            note("nothing was retried")
            return exits.OK
        return await _retry_all(app, found, who, common)


async def _retry_all(app: App, found: Sequence[DeadLetter], by: str, common: Common) -> int:
    """Retry each; one that cannot be is named and keeps nobody else from it."""
    done, refused = 0, 0
    for letter in found:
        try:
            execution = await app.retry(letter.id, by=by)
        except HoldfastError as error:
            refused += 1
            exits.print_error(error.code, str(error), as_json=common.json)
            continue
        done += 1
        if common.json:
            emit(execution)
    if not common.json:
        say(f"{done} retried{f', {refused} refused' if refused else ''}")
    return exits.FAILED if refused else exits.OK


def _agreed(count: int) -> bool:
    """Whether the person at the terminal agrees; a program says `--yes`.

    Raises:
        UsageError: Nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"{count} failed executions fit: add --yes to retry them without being asked")
    answer = input(f"Retry {count} failed execution{'' if count == 1 else 's'}? [y/N] ")
    return answer.strip().lower() in {"y", "yes"}


def _refuse_misfit(id_: str | None, *, failed: bool, filtered: bool, from_step: int | None) -> None:
    if (id_ is None) != failed:
        raise UsageError("give one ID, or --failed for all that fit --agent and --reason")
    if filtered and not failed:
        raise UsageError("--agent and --reason go with --failed: holdfast retry --failed --reason LOOP_DETECTED")
    if from_step is not None and failed:
        raise UsageError("--from-step is of one execution: give its ID instead of --failed")


def moment(given: str | None) -> datetime | None:
    """A time as people write it: so long ago, or a date.

    Raises:
        UsageError: It is neither.
    """
    if given is None:
        return None
    if ago := _AGO.fullmatch(given.strip()):
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise UsageError(f"--since {given!r}: write 30min, 24h, 7d or a date as 2026-11-21") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
