"""The graph on the page of an execution: a planner's plan, or the path through a workflow, as it stands now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from fastapi import Request
from markupsafe import Markup

from holdfast.app import App
from holdfast.doors.http.console.graph_svg import graph_svg, said, shape
from holdfast.doors.http.console.shell import app_of, url
from holdfast.doors.http.console.story import Story
from holdfast.doors.plans import Drawing, drawing_of, proposed
from holdfast.teams.paths import Path
from holdfast.types import Approval, Event

MOST_EVENTS: Final = 5_000
"""A longer journal is not drawn: reading it would keep the page waiting, and nobody could take the graph in."""
MOST_CHILDREN: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What the page shows of it."""

    title: str
    count: str
    """How far it is, in words."""
    what: str
    notes: Sequence[str]
    path: Path
    svg: Markup


async def graph_of(request: Request, story: Story) -> Graph | None:
    """The graph of an execution; `None`: it has none, or is too long for one."""
    line, app = story.line, app_of(request)
    if not story.of_workflow or line.pruned_at is not None or line.last_seq > MOST_EVENTS:
        return None
    events = story.events
    if story.window.pages > 1:
        events = await app.glance.stretch(line.id, after=0, until=line.last_seq)
    events = [await _whole(app, line.id, event) for event in events]
    children = await app.glance.children(line.id, limit=MOST_CHILDREN)
    drawing = drawing_of(events, children, app.agents.get(line.agent_type))
    if drawing is None or not (drawing.path.nodes or drawing.notes):
        return None
    return _drawn(drawing, partial(_address, request))


def graph_of_question(request: Request, asked: Approval) -> Markup | None:
    """The plan that people are asked about, drawn; `None`: they are asked about something else."""
    drawing = proposed(asked)
    return None if drawing is None else graph_svg(drawing, partial(_address, request))


def words_of_graph() -> dict[str, object]:
    """What its template needs to speak of states."""
    return {"said": said, "shape": shape}


def _drawn(drawing: Drawing, href: "partial[str]") -> Graph:
    return Graph(
        title=drawing.title,
        count=drawing.count,
        what=drawing.what,
        notes=drawing.notes,
        path=drawing.path,
        svg=graph_svg(drawing, href),
    )


def _address(request: Request, execution_id: str) -> str:
    return url(request, f"/executions/{execution_id}")


async def _whole(app: App, execution_id: str, event: Event) -> Event:
    """An event of a plan whose tasks are so many that they stand apart, with them."""
    if not isinstance(event.data.get("tasks"), Mapping):
        return event
    (found,) = await app.journal(execution_id, after=event.seq - 1, limit=1)
    return replace(event, data=found.data)
