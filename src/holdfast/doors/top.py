"""`holdfast top`: everything that lives, on one screen, straight from the database."""

import sys
from typing import Annotated

from cyclopts import Parameter

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import console, draw, emit, say, table
from holdfast.doors.top_frame import (
    COLUMNS,
    Frame,
    View,
    cells,
    control_lines,
    live_counts,
    question_lines,
    read,
    strip,
)
from holdfast.errors import MissingExtra
from holdfast.trail.place import locate
from holdfast.types import Caller


async def top(*, once: Annotated[bool, Parameter(negative=())] = False, common: Common = COMMON) -> int:
    """Watch executions, questions, budgets, breakers and workers live; needs no server.

    Args:
        once: Print one frame and end, as it does by itself where the output is no terminal.
        common: What every command takes.
    """
    caller = Caller(name=os_user(), role="viewer")
    if once or common.json or not sys.stdout.isatty():
        async with looking(common) as app:
            frame = await read(app, caller, database=locate(app.database).shown)
        _print(frame, common)
        return exits.OK
    try:
        from holdfast.doors.top_screen import Top
    except ModuleNotFoundError as error:
        raise MissingExtra("top", needed_for="holdfast top") from error
    async with looking(common) as app:
        await Top(app, caller).run_async()
    return exits.OK


def _print(frame: Frame, common: Common) -> None:
    if common.json:
        counts = live_counts(frame.stand.live)
        emit({"at": frame.at, "database": frame.database, "counts": counts, "stand": frame.stand,
              "workers": frame.fleet.workers, "executions": frame.lines, "approvals": frame.questions})  # fmt: skip
        return
    room = max(5, console().height - 14) if console().is_terminal else 50
    chosen = View().choose(frame)
    say(strip(frame), "")
    if chosen:
        draw(table(COLUMNS, [cells(one, frame) for one in chosen[:room]], widest="what"))
    more = len(frame.lines) - room
    say(*([f"… {more} more: holdfast executions"] if more > 0 else [] if chosen else ["nothing is live"]), "")
    say(*question_lines(frame, room=5), "", *control_lines(frame, room=8))
