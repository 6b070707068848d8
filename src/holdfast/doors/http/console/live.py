"""What pages hear while they are open: their own rows and parts, drawn again when something changed.

The bell says that something happened; what a page shows is then asked by primary key, at most some times a second
however much happens. A page says what it shows, so a stream that begins anew leaves nothing out.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.doors.http.console.asked import gist
from holdfast.doors.http.console.drawing import MOST_CHILDREN
from holdfast.doors.http.console.execution import Look, execution_parts, look_of
from holdfast.doors.http.console.executions import PAGE, Filters, filters_of
from holdfast.doors.http.console.figures import now
from holdfast.doors.http.console.overview import overview_parts
from holdfast.doors.http.console.shell import app_of, fragment
from holdfast.doors.http.guard import needs
from holdfast.doors.http.reached import reached
from holdfast.doors.http.stream import Sent, events_stream
from holdfast.policy.roles import may
from holdfast.types import Caller, Line

router = APIRouter(include_in_schema=False)
ROWS_EVERY_S: Final = 0.15
"""A page's rows are asked for at most so often."""
PARTS_EVERY_S: Final = 1.0
Draw = Callable[[], Awaitable[Mapping[str, str]]]
Sees = Annotated[Caller, Depends(needs("see"))]


@router.get("/live/executions")
async def live_executions(request: Request, caller: Sees, rows: str = "", newest: str = "") -> Response:
    """Rows of the list that changed since the page has them: `rows` is `id~seq,id~seq`."""
    known = _known(rows)
    return events_stream(request, caller, _rows(request, caller, known, newest=newest, filters=filters_of(request)))


@router.get("/live/overview")
async def live_overview(request: Request, caller: Sees) -> Response:
    """Parts of the overview that changed."""

    async def parts() -> Mapping[str, str]:
        return await overview_parts(request, caller)

    return events_stream(request, caller, _parts(app_of(request).control.changes(most_every_s=PARTS_EVERY_S), parts))


@router.get("/live/executions/{id_}")
async def live_execution(request: Request, id_: str, caller: Sees) -> Response:
    """The story of one execution as it grows, until it ends."""
    line = await reached(app_of(request), caller, id_)
    return events_stream(request, caller, _story(request, caller, line, look_of(request)))


async def _story(request: Request, caller: Caller, line: Line, look: Look) -> AsyncGenerator[Sent]:
    glance, shown = app_of(request).glance, ""
    children: Sequence[str] = ()
    looks = True
    while looks:
        looks = False
        async for _ in glance.stirs([line.id, *children]):
            # Where a graph is drawn, it shows what the children wait for.
            line, *below = await glance.lines_of(caller, [line.id, *children])
            now_shown = f"{line.last_seq} {[child.status for child in below]}"
            if now_shown == shown:
                continue
            shown, began = now_shown, time.monotonic()
            drawn = await execution_parts(request, caller, line, look)
            yield _sent("parts", drawn)
            if line.ended:
                return
            # A long story takes longer to draw: it may have a quarter of the time.
            await asyncio.sleep(max(ROWS_EVERY_S, 3 * (time.monotonic() - began)))
            present = await _children(request, line) if drawn["graph"].strip() else ()
            if looks := present != children:
                children = present
                break


async def _children(request: Request, line: Line) -> Sequence[str]:
    return [child.id for child in await app_of(request).glance.children(line.id, limit=MOST_CHILDREN)]


async def _rows(
    request: Request, caller: Caller, known: dict[str, int], *, newest: str, filters: Filters
) -> AsyncGenerator[Sent]:
    glance, told = app_of(request).glance, not newest
    async for _ in glance.stirs([*known]):
        changed = [line for line in await glance.lines_of(caller, [*known]) if line.last_seq != known[line.id]]
        if changed:
            known |= {line.id: line.last_seq for line in changed}
            yield _sent("rows", {line.id: _row(request, caller, line) for line in changed})
        if not told:
            first = await glance.lines(caller, filters.wanted(now()), limit=1)
            if told := bool(first) and first[0].id != newest:
                yield _sent("newer", {})
        await asyncio.sleep(ROWS_EVERY_S)


async def _parts(stirs: AsyncIterator[None], draw: Draw) -> AsyncGenerator[Sent]:
    """Parts whenever they look different. Their first look is told too: the page may be older than the stream."""
    shown: dict[str, str] = {}
    async for _ in stirs:
        drawn = await draw()
        changed = {name: html for name, html in drawn.items() if shown.get(name) != html}
        shown |= changed
        if changed:
            yield _sent("parts", changed)


def _known(rows: str) -> dict[str, int]:
    pairs = (one.partition("~") for one in rows.split(",")[:PAGE] if one)
    return {execution_id: int(seq) if seq.isdecimal() else 0 for execution_id, _, seq in pairs}


def _row(request: Request, caller: Caller, line: Line) -> str:
    return fragment(request, "execution_row.html", caller=caller, line=line, gist=gist, ticks=may(caller, "run"))


def _sent(event: str, told: Mapping[str, str] | Sequence[str]) -> Sent:
    return Sent(event=event, data=json.dumps(told))
