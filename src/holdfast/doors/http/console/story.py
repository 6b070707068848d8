"""One execution's story, a hundred turns of it at a time: what the page shows, worked out from what the journal has."""

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from holdfast.app import App
from holdfast.doors.http.console.axis import Axis, Piece
from holdfast.doors.http.console.blocks import Block, Entry, facts
from holdfast.doors.http.console.figures import money, now
from holdfast.doors.http.console.panel import Tab, panel_of
from holdfast.doors.http.console.span import Span
from holdfast.doors.http.console.spans import idle_of, spans_of, takeovers_of
from holdfast.doors.screen import words
from holdfast.trail import events as kinds
from holdfast.types import Event, Json, Line, ModelUsage, Outline

TURNS: Final = 100
"""On one page."""
_TELLING: Final[Sequence[Tab]] = ("output", "input", "attempts", "decisions")
_OUTPUT: Final = frozenset({kinds.COMPLETED, kinds.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a journal a page shows."""

    page: int
    """From 1."""
    pages: int
    first: int
    """The number of its first turn, from 1."""
    last: int
    turns: int
    """In all."""
    after: int
    until: int
    """Events above and up to these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A span with its bar."""

    span: Span
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that was read for a page."""

    line: Line
    window: Window
    spans: Sequence[Span]
    axis: Axis
    events: Sequence[Event]
    """Of the window."""
    changes: Sequence[Event]
    """Of the whole execution: its start, claims, parkings, retries and end."""
    takeovers: Mapping[int, str]

    @property
    def rows(self) -> Sequence[Row]:
        """The spans, with their bars."""
        return [Row(span=span, pieces=self.axis.pieces(span)) for span in self.spans]

    @property
    def asked(self) -> Json:
        """The input; large parts of it are references."""
        return next((event.data.get("input") for event in self.changes if event.kind == kinds.STARTED), None)

    @property
    def of_workflow(self) -> bool:
        """Whether its steps are code, or a plan."""
        return any(event.data.get("workflow") for event in self.changes if event.kind == kinds.STARTED)

    @property
    def limits(self) -> Mapping[str, Json]:
        """What it may use up."""
        started = next((event for event in self.changes if event.kind == kinds.STARTED), None)
        limits = started.data.get("limits") if started else None
        return limits if isinstance(limits, Mapping) else {}

    @property
    def end(self) -> Event | None:
        """How it ended, if it has."""
        return self.changes[-1] if self.line.ended and self.changes else None

    def span(self, seq: int) -> Span | None:
        """The row that begins with that event; a step's and its model call's begin with the same: the step's."""
        return next((one for one in self.spans if one.seq == seq), None)

    def model_of(self, seq: int) -> Span | None:
        """The model call that begins with that event."""
        return next((one for one in self.spans if one.seq == seq and one.kind == "model"), None)


async def read_story(app: App, line: Line, *, page: int | None, around: int | None) -> Story:
    """Read one page of it.

    Args:
        app: Whose record.
        line: Which execution; its caller is known to reach it.
        page: Which page. Default: the one with `around`, else the last.
        around: An event's number.
    """
    outline, changes = await asyncio.gather(app.glance.outline(line.id), app.glance.changes_of(line.id))
    window = window_of(outline, page=page, around=around)
    events = await app.glance.stretch(line.id, after=window.after, until=window.until)
    if not changes or changes[0].seq != 1:
        changes = [*await app.glance.stretch(line.id, after=0, until=1), *changes]
    return tell(line, window=window, events=events, changes=changes, present=now())


def tell(line: Line, *, window: Window, events: Sequence[Event], changes: Sequence[Event], present: datetime) -> Story:
    """Work the page out. Pure."""
    takeovers = takeovers_of(changes)
    begin = events[0].at if events else line.created_at
    end = events[-1].at if events else line.created_at
    if not line.ended and window.page == window.pages:
        end = max(present, end)
    return Story(
        line=line,
        window=window,
        spans=spans_of(events, takeovers),
        axis=Axis(begin, end, idle_of(changes, end)),
        events=events,
        changes=changes,
        takeovers=takeovers,
    )


def window_of(outline: Outline, *, page: int | None = None, around: int | None = None) -> Window:
    """Which events a page shows: whole turns, and what came before the first. Pure."""
    turns = outline.turns
    pages = max(1, -(-len(turns) // TURNS))
    if page is None:
        page = pages if around is None else max(1, -(-bisect_right(turns, around) // TURNS))
    page = min(max(page, 1), pages)
    first, following = (page - 1) * TURNS, page * TURNS
    return Window(
        page=page,
        pages=pages,
        first=first + 1,
        last=min(following, len(turns)),
        turns=len(turns),
        after=turns[first] - 1 if first else 0,
        until=turns[following] - 1 if following < len(turns) else outline.last_seq,
    )


def panel(story: Story, tab: Tab, *, chosen: Span | None, usage: Sequence[ModelUsage]) -> Sequence[Block]:
    """What the panel says about the chosen span, or about the whole. Pure."""
    if chosen is not None:
        return panel_of(_events_of(story, chosen), tab)
    if tab == "cost":
        return [_totals(story), *(_used(one) for one in usage)]
    if tab == "input":
        return panel_of([event for event in story.changes if event.kind == kinds.STARTED], tab)
    if tab == "output":
        return panel_of([event for event in story.changes[-1:] if event.kind in _OUTPUT], tab)
    if tab == "attempts":
        failed = [event for event in story.events if event.kind == kinds.MODEL_ATTEMPT_FAILED]
        blocks = panel_of(sorted([*story.changes, *failed], key=lambda event: event.seq), tab)
        return [_taken_over(story, block) if isinstance(block, Entry) else block for block in blocks]
    return panel_of(story.events, tab)


def telling_tab(story: Story, chosen: Span | None) -> Tab:
    """The first tab that has something to say, the outcome before the rest. Pure."""
    if chosen is None:
        return "output" if story.line.ended else "input"
    for tab in _TELLING:
        if panel(story, tab, chosen=chosen, usage=()):
            return tab
    return "raw"


def _events_of(story: Story, chosen: Span) -> Sequence[Event]:
    if chosen.kind != "step":
        return chosen.events
    inside = [one for one in story.spans if one.depth and one.step == chosen.step and one.queued_at >= chosen.queued_at]
    return sorted({event.seq: event for one in inside for event in one.events}.values(), key=lambda event: event.seq)


def _taken_over(story: Story, claim: Entry) -> Entry:
    """A claim as what it was: the end of another worker."""
    before = story.takeovers.get(claim.event.seq)
    if before is None:
        return claim
    said = f"by {words(claim.event.data.get('worker'))}: {before} stopped without parking it"
    return replace(claim, title="Taken over", said=said, status="failed")


def _totals(story: Story) -> Block:
    line, limits = story.line, story.limits
    of_tokens = f" of {limits['tokens']:,}" if isinstance(limits.get("tokens"), int) else ""
    of_usd = f" of ${words(limits['cost_usd'])}" if limits.get("cost_usd") is not None else ""
    of_steps = f" of {words(limits['steps'])}" if limits.get("steps") else ""
    return facts(
        "Altogether",
        cost=f"{money(line.cost_usd)}{of_usd}",
        tokens=f"{line.token_count:,}{of_tokens}",
        steps=f"{line.step_count:,}{of_steps}",
    )


def _used(one: ModelUsage) -> Block:
    return facts(
        one.model,
        calls=f"{one.calls:,}" + (f", {one.failed_calls:,} failed" if one.failed_calls else ""),
        input=f"{one.input_tokens:,} tokens",
        output=f"{one.output_tokens:,} tokens",
        read_from_cache=f"{one.cache_read_tokens:,} tokens" if one.cache_read_tokens else None,
        cost=money(one.cost_usd),
        time=f"{one.latency_ms / max(1, one.calls):,.0f} ms a call",
    )
