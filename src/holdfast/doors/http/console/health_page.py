"""How the system is: workers, queue, breakers, rates, shares, database, alerts, deliveries given up."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast, get_args

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.doors.http.console.forms import Form
from holdfast.doors.http.console.shell import app_of, fragment, page, redirect
from holdfast.doors.http.console.stirring import changed_parts
from holdfast.doors.http.guard import needs
from holdfast.doors.http.stream import events_stream
from holdfast.errors import NotFound, Refused, UsageError
from holdfast.types import Breaker, BreakerKind, Caller, Fleet, Letter, Queue

router = APIRouter(include_in_schema=False)

_LETTERS: Final = 50
_REASONS: Final[Mapping[str, str]] = {
    "RATE_LIMITED": "for a rate or a provider",
    "MODEL_UNAVAILABLE": "for a model",
    "BUDGET": "for room in a budget",
    "RETRY_LATER": "to try again later",
    "PAUSED": "for a kill switch",
    "CHILD": "for another execution",
}
_EVERY_S: Final = 2.0
Sees = Annotated[Caller, Depends(needs("see"))]
Operates = Annotated[Caller, Depends(needs("operate"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """The queue in words."""

    due: str
    later: Sequence[tuple[str, str]]
    """What is waited for, and how many wait."""
    paused: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerView:
    """A breaker and its state, as a person reads it."""

    breaker: Breaker
    look: str
    """For the shape: tripped, half_open or closed."""
    word: str
    path: str
    """Where it is opened and closed."""


@router.get("/health")
async def health(request: Request, caller: Sees) -> Response:
    """The page. Of machines: it names nobody's executions to who reaches only some."""
    return await page(request, "health.html", caller=caller, title="Health", **await _found(request, caller))


@router.get("/live/health")
async def live_health(request: Request, caller: Sees) -> Response:
    """All of the page, whenever it looks different."""

    async def drawn() -> Mapping[str, str]:
        html = fragment(request, "health_now.html", caller=caller, **await _found(request, caller))
        return {"health-now": html}

    return events_stream(request, caller, changed_parts(app_of(request), drawn, every_s=_EVERY_S))


async def _found(request: Request, caller: Caller) -> dict[str, Any]:
    app = app_of(request)
    fleet, controls, alerts, dead = await asyncio.gather(
        app.control.fleet(),
        app.control.look(),
        app.control.alerts(),
        app.control.letters(status="dead", limit=_LETTERS),
    )
    whole = caller.user is None and not caller.agents
    return {
        "fleet": fleet,
        "queue": queue_view(fleet.queue),
        "breakers": [breaker_view(one) for one in controls.breakers],
        "state": app.health(),
        "whole": whole,
        "alerts": alerts if whole else (),
        "dead": dead if whole else (),
        "about": about,
        "size": _size(fleet),
        "kinds": get_args(BreakerKind),
        "place": _where(app.database),
        "switches": controls.switches,
        "shares": controls.shares,
    }


@router.post("/health/breakers/open")
async def open_breaker(request: Request, caller: Operates, form: Form) -> Response:
    """Open a breaker until somebody closes it."""
    _refuse_bound(caller)
    kind, name = form.text("kind"), form.text("name")
    if not name or kind not in get_args(BreakerKind):
        return redirect(request, "/health", problem="Say which breaker: its kind and its name.")
    why = form.text("why")
    try:
        await app_of(request).control.open_breaker(cast("BreakerKind", kind), name, by=caller.name, why=why)
    except (UsageError, Refused) as error:
        return redirect(request, "/health", problem=f"Not opened: {error}")
    return redirect(request, "/health", note=f"The breaker of {kind} {name} is open until somebody closes it.")


@router.post("/health/breakers/close")
async def close_breaker(request: Request, caller: Operates, form: Form) -> Response:
    """Close a breaker and forget its failures; what waits for it goes on."""
    _refuse_bound(caller)
    kind, name = cast("BreakerKind", form.text("kind")), form.text("name")
    try:
        await app_of(request).control.close_breaker(kind, name, by=caller.name, why=form.text("why"))
    except (UsageError, Refused) as error:
        return redirect(request, "/health", problem=f"Not closed: {error}")
    return redirect(request, "/health", note=f"The breaker of {kind} {name} is closed; what waited for it goes on.")


@router.post("/health/workers/drain")
async def drain(request: Request, caller: Operates, form: Form) -> Response:
    """Let a worker take up nothing more, and stop."""
    _refuse_bound(caller)
    try:
        await app_of(request).control.drain_worker(form.text("worker"), by=caller.name, why=form.text("why"))
    except NotFound as error:
        return redirect(request, "/health", problem=f"Not drained: {error}")
    return redirect(request, "/health", note="It takes up nothing more, and stops once its turns reached their commit.")


@router.post("/health/letters/{letter_id}/resend")
async def resend(request: Request, letter_id: str, caller: Operates) -> Response:
    """Let a delivery that was given up be tried again."""
    _refuse_bound(caller)
    try:
        await app_of(request).control.resend(letter_id, by=caller.name)
    except NotFound as error:
        return redirect(request, "/health", problem=f"Not sent again: {error}")
    return redirect(request, "/health", note="It is tried again now.")


def queue_view(queue: Queue) -> QueueView:
    """The queue, with a plus where counting ended. Pure."""
    later = [(_REASONS.get(name, name.lower().replace("_", " ")), f"{count:,}") for name, count in queue.later.items()]
    whole = queue.due + queue.paused < queue.most
    return QueueView(
        due=f"{queue.due:,}" if whole else f"{queue.most:,}+",
        later=later,
        paused=f"{queue.paused:,}" if queue.paused else "",
    )


def breaker_view(one: Breaker) -> BreakerView:
    """A breaker's state. Pure."""
    words = {"closed": "closed", "open": "open", "half_open": "trying one"}
    looks = {"closed": "closed", "open": "tripped", "half_open": "half_open"}
    return BreakerView(breaker=one, look=looks[one.status], word=words[one.status], path=f"{one.kind}:{one.name}")


def about(letter: Letter) -> str:
    """What a delivery was about, in words."""
    return {"card": "a question", "closed": "a decision", "notice": "an alert"}[letter.kind]


def _size(fleet: Fleet) -> str:
    size = float(fleet.place.size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1_000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:,.1f} {unit}"
        size /= 1_000
    return ""


def _where(database: str) -> str:
    """Where the database is, without who connects to it or how."""
    if "://" not in database:
        return database
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _refuse_bound(caller: Caller) -> None:
    """What concerns everybody is for those who reach everything."""
    if caller.user is not None or caller.agents:
        raise NotFound("there is no such thing for you")
