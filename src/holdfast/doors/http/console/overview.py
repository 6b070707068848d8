"""The first page: how everything stands, what runs, who is waited for, what it costs, what goes wrong."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.app import App
from holdfast.doors.http.console.asked import gist
from holdfast.doors.http.console.figures import money, now, tokens
from holdfast.doors.http.console.remembered import remembered
from holdfast.doors.http.console.shell import app_of, fragment, page
from holdfast.doors.http.guard import needs
from holdfast.types import ENDED, Account, Alert, Approval, Caller, Failing, Line, Status, StatusCounts, Wanted

router = APIRouter(include_in_schema=False)

PARTS: Final = ("strip", "live", "waiting", "money", "failing", "alerts")
"""Each is a template in `pages/overview`, and an element of the page by that id."""
_ORDER: Final[Sequence[Status]] = ("running", "pending", "awaiting_review", "completed", "failed", "cancelled")
_LIVE: Final[Sequence[Status]] = ("running", "awaiting_review", "pending")
_SHOWN: Final = 14
"""Live executions on the page."""
_BUDGETS: Final = 4
_PATIENCE_S: Final = 0.08
"""A page waits so long for what is added up over a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the strip; a click filters."""

    status: Status
    count: str
    query: str
    lately: bool
    """It counts what started in the last 24 hours, not everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """A budget beside what was spent of it."""

    name: str
    subject: str
    spent: str
    amount: str
    used: float
    """Of 1; what is held counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything on the page."""

    standing: StatusCounts
    live: Sequence[Line]
    oldest: Approval | None
    open_approvals: int
    failing: Sequence[Failing]
    cost_today: Decimal | None
    accounts: Sequence[Account]
    alerts: Sequence[Alert]


@router.get("/")
async def overview(request: Request, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """The page."""
    shown = await _look(app_of(request), caller)
    return await page(request, "overview.html", caller=caller, title="Overview", parts=PARTS, **_context(shown))


async def overview_parts(request: Request, caller: Caller) -> Mapping[str, str]:
    """Each part of the page as it looks now."""
    context = _context(await _look(app_of(request), caller))
    return {name: fragment(request, f"overview/{name}.html", caller=caller, **context) for name in PARTS}


async def _look(app: App, caller: Caller) -> Overview:
    glance, sees_all = app.glance, caller.user is None and not caller.agents
    live = asyncio.gather(*(glance.lines(caller, Wanted(status=status), limit=_SHOWN) for status in _LIVE))
    standing, failing, oldest, count, cost = await asyncio.gather(
        glance.standing(caller),
        _failing(app, caller),
        glance.waiting(caller, limit=1),
        glance.open_approvals(caller),
        _cost_today(app, caller),
    )
    return Overview(
        standing=standing,
        live=[line for lines in await live for line in lines][:_SHOWN],
        oldest=next(iter(oldest), None),
        open_approvals=count,
        failing=failing[:5],
        cost_today=cost,
        accounts=await app.control.budgets() if sees_all else (),
        alerts=await app.control.alerts() if sees_all else (),
    )


async def _failing(app: App, caller: Caller) -> Sequence[Failing]:
    who = ("failing", caller.user, caller.agents)
    return (await remembered(app).ask(who, partial(app.glance.failing, caller)))[0]


async def _cost_today(app: App, caller: Caller) -> Decimal | None:
    """What today's executions cost; `None`: it is still being added up, and the next look has it."""
    midnight = now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    find = partial(app.control.costs, by="day", since=midnight, user=caller.user, agents=caller.agents)
    asking = asyncio.ensure_future(remembered(app).ask(("today", midnight, caller.user, caller.agents), find))
    await asyncio.wait({asking}, timeout=_PATIENCE_S)
    if not asking.done():
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())  # the next look tells
        return None
    found, _ = asking.result()
    return sum((one.cost_usd for one in found), Decimal(0))


# --- pure


def _context(shown: Overview) -> dict[str, Any]:
    return {
        "strip": strip(shown.standing),
        "lines": shown.live,
        "live_count": sum(count for status, count in shown.standing.counts.items() if status not in ENDED),
        "gist": gist,
        "oldest": shown.oldest,
        "waiting_count": shown.open_approvals,
        "failing": shown.failing,
        "cost_today": shown.cost_today,
        "ceilings": ceilings(shown.accounts),
        "alerts": shown.alerts[:6],
        "ticks": False,
        "caption": "Live executions",
    }


def strip(standing: StatusCounts) -> Sequence[Figure]:
    """The counts, in the order people look: what moves first."""
    return [
        Figure(
            status=status,
            count=_counted(standing, status),
            query=f"status={status}&since=24h" if status in ENDED else f"status={status}",
            lately=status in ENDED,
        )
        for status in _ORDER
    ]


def _counted(standing: StatusCounts, status: Status) -> str:
    count = standing.counts.get(status, 0)
    return f"{count:,}" if count < standing.most or not standing.most else f"{standing.most:,}+"


def ceilings(accounts: Sequence[Account]) -> Sequence[Ceiling]:
    """Budgets by how full they are, the fullest first."""
    found = [_ceiling(account) for account in accounts if account.amount > 0]
    return sorted(found, key=lambda one: -one.used)[:_BUDGETS]


def _ceiling(account: Account) -> Ceiling:
    write = tokens if account.budget.usd is None else money
    return Ceiling(
        name=account.budget.name,
        subject=account.subject,
        spent=write(account.spent),
        amount=write(account.amount) + (" tokens" if account.budget.usd is None else ""),
        used=float((account.spent + account.reserved) / account.amount),
    )
