"""The page of one execution: its whole story, what may be done with it, and its blobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from holdfast.app import App
from holdfast.doors.http.console.asked import gist
from holdfast.doors.http.console.drawing import graph_of, words_of_graph
from holdfast.doors.http.console.panel import TABS, Tab
from holdfast.doors.http.console.shell import POLICY, app_of, fragment, page
from holdfast.doors.http.console.span import Span
from holdfast.doors.http.console.story import Story, panel, read_story, telling_tab
from holdfast.doors.http.guard import needs
from holdfast.doors.http.reached import reached
from holdfast.doors.story import Story as Words
from holdfast.types import Caller, Line, ModelUsage

router = APIRouter(include_in_schema=False)
Sees = Annotated[Caller, Depends(needs("see"))]
_DOWNLOAD: Final = {"content-security-policy": "sandbox; default-src 'none'", "x-content-type-options": "nosniff"}
_CHILDREN: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which part the address asks for."""

    page: int | None
    span: str
    """The number of the event it begins with, with an `m` behind it for a step's model call; empty: the whole."""
    tab: Tab | None
    """`None`: the first that has something to say."""

    @property
    def seq(self) -> int | None:
        """That number."""
        return _number(self.span.rstrip("m"))

    def href(self, **other: object) -> str:
        """The query of another look; nothing of `None`."""
        given: dict[str, object] = {"page": self.page, "span": self.span, "tab": self.tab, **other}
        return "?" + urlencode({name: value for name, value in given.items() if value not in (None, "")})


def look_of(request: Request) -> Look:
    """What is not understood counts as not said."""
    given = request.query_params
    tab = given.get("tab", "")
    span = given.get("span", "")
    return Look(
        page=_number(given.get("page", "")),
        span=span if _number(span.rstrip("m")) is not None else "",
        tab=cast("Tab", tab) if tab in TABS else None,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None


@router.get("/executions/{id_}")
async def execution(request: Request, id_: str, caller: Sees) -> Response:
    """The page."""
    line, look = await reached(app_of(request), caller, id_), look_of(request)
    if line.pruned_at is not None:
        left = await _left(app_of(request), line)
        return await page(request, "pruned.html", caller=caller, line=line, title="Pruned execution", left=left)
    context = await _with_graph(request, await _context(request, line, look))
    children = await app_of(request).glance.children(line.id, limit=_CHILDREN)
    more: dict[str, Any] = {"lines": children, "ticks": False, "caption": "Executions that this one started"}
    return await page(request, "execution.html", caller=caller, **context, **more)


async def _left(app: App, line: Line) -> str:
    """What stays of a pruned journal, told as `holdfast show` tells it."""
    words = Words(whole=True)
    return "\n".join(text.plain for event in await app.remains(line.id) for text in words.tell(event))


@router.get("/executions/{id_}/panel")
async def execution_panel(request: Request, id_: str, caller: Sees) -> Response:
    """The right panel alone."""
    line, look = await reached(app_of(request), caller, id_), look_of(request)
    drawn = fragment(request, "execution/panel.html", caller=caller, **await _context(request, line, look))
    return HTMLResponse(drawn, headers={"content-security-policy": POLICY})


@router.get("/executions/{id_}/blobs/{digest}")
async def execution_blob(request: Request, id_: str, digest: str, caller: Sees) -> Response:
    """A large value of it, to keep: never shown as a page, whatever is in it."""
    content = await app_of(request).glance.blob(caller, id_, digest)
    kind = "json" if content[:1] in {b"{", b"["} else "txt"
    name = f'attachment; filename="{digest[:16]}.{kind}"'
    return Response(content, media_type="application/octet-stream", headers={**_DOWNLOAD, "content-disposition": name})


async def execution_parts(request: Request, caller: Caller, line: Line, look: Look) -> Mapping[str, str]:
    """The parts of the page that live updates put anew; which span is chosen, the browser knows."""
    context = await _with_graph(request, await _context(request, line, look))
    return {
        name: fragment(request, f"execution/{name}.html", caller=caller, **context)
        for name in ("head", "graph", "spans")
    }


async def _with_graph(request: Request, context: dict[str, Any]) -> dict[str, Any]:
    return {**context, "drawing": await graph_of(request, context["story"]), **words_of_graph()}


async def _context(request: Request, line: Line, look: Look) -> dict[str, Any]:
    app = app_of(request)
    story = await read_story(app, line, page=look.page, around=look.seq)
    chosen = _chosen(story, look)
    usage: tuple[ModelUsage, ...] = ()
    if chosen is None and look.tab == "cost":
        usage = tuple(await app.control.usage(line.id))
    tab = look.tab or telling_tab(story, chosen)
    asked = await app.approvals("open", execution_id=line.id) if not line.ended else ()
    return {
        "title": gist(line.asked, at_most=90) or "Execution",
        "line": line,
        "story": story,
        "look": look,
        "chosen": chosen,
        "tabs": TABS,
        "tab": tab,
        "blocks": panel(story, tab, chosen=chosen, usage=usage),
        "approvals": asked[:5],
        "gist": gist,
        "span_name": span_name,
    }


def _chosen(story: Story, look: Look) -> Span | None:
    if look.seq is None:
        return None
    return story.model_of(look.seq) if look.span.endswith("m") else story.span(look.seq)


def span_name(span: Span) -> str:
    """How the address names a span."""
    return f"{span.seq}m" if span.kind == "model" else str(span.seq)
