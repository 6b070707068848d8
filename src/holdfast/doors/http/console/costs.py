"""What models cost: by day, model, agent and user; budgets with what is left; rates."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import Response

from holdfast.doors.http.console.charts import Stacked, gathered, stacked
from holdfast.doors.http.console.figures import money, now, tokens
from holdfast.doors.http.console.forms import Form
from holdfast.doors.http.console.remembered import remembered
from holdfast.doors.http.console.shell import app_of, page, redirect
from holdfast.doors.http.guard import needs
from holdfast.errors import NotFound, Refused, UsageError
from holdfast.types import Account, Caller, Cost, DayCost, Rate

router = APIRouter(include_in_schema=False)

SPANS: Final[Mapping[str, int]] = {"1": 1, "7": 7, "30": 30, "90": 90}
_ROWS: Final = 15
"""Of a table; the rest is added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row of a table, with its part of all."""

    name: str
    cost_usd: Decimal
    calls: int
    executions: int
    tokens: int
    share: float
    link: str = ""
    """Of the executions behind it; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """One account with its bar."""

    account: Account
    name: str
    amount: str
    spent: str
    reserved: str
    left: str
    spent_share: float
    reserved_share: float
    over: bool
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsView:
    """The numbers of the page."""

    total: Decimal
    calls: int
    input_tokens: int
    output_tokens: int
    executions: int
    chart: Markup
    legend: Sequence[str]
    days: Sequence[tuple[str, Decimal, int, int]]
    """Day, dollars, calls, tokens: what the chart shows, in numbers."""
    models: Sequence[Bar]
    agents: Sequence[Bar]
    users: Sequence[Bar]


@router.get("/costs")
async def costs(request: Request, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """The page."""
    days = SPANS.get(request.query_params.get("days", "30"), 30)
    since = datetime.combine(now().date() - timedelta(days=days - 1), datetime.min.time(), UTC)
    app = app_of(request)
    (view, age_s), accounts, controls = await asyncio.gather(
        remembered(app).ask(
            ("costs", caller.user, caller.agents, since), partial(_found, request, caller, since=since, days=days)
        ),
        app.control.budgets(),
        app.control.look(),
    )
    mine = [one for one in accounts if reached(caller, one.budget.scope, one.subject)]
    return await page(
        request, "costs.html", caller=caller, title="Costs", view=view, days=days, spans=SPANS, age_s=age_s,
        dollars=dollars, most_budgets=_ROWS, budgets=budget_views(mine),
        rates=[one for one in controls.rates if _rate_reached(caller, one)],
    )  # fmt: skip


@router.post("/costs/budgets/{name}/top-up")
async def top_up(
    request: Request, name: str, caller: Annotated[Caller, Depends(needs("operate"))], form: Form
) -> Response:
    """Raise one account's ceiling until its window is over."""
    subject = form.text("subject")
    scopes = {one.name: one.scope for one in (await app_of(request).control.look()).budgets}
    if name not in scopes or not reached(caller, scopes[name], subject):
        raise NotFound(f"no budget {name!r}")
    try:
        amount = form.number("amount")
        await app_of(request).control.top_up(name, amount, by=caller.name, subject=subject, why=form.text("why"))
    except (UsageError, Refused) as error:
        return redirect(request, "/costs", problem=f"Not topped up: {error}")
    return redirect(request, "/costs", note=f"{name} has {amount:,} more until its window is over.")


async def _found(request: Request, caller: Caller, *, since: datetime, days: int) -> CostsView:
    control = app_of(request).control
    user, only = caller.user, caller.agents
    by_day, agents, users = await asyncio.gather(
        control.costs_by_day(since=since, user=user, agents=only),
        control.costs(by="agent", since=since, user=user, agents=only),
        control.costs(by="user", since=since, user=user, agents=only),
    )
    return costs_view(by_day, agents, users, first=since, days=days)


def costs_view(
    by_day: Sequence[DayCost], agents: Sequence[Cost], users: Sequence[Cost], *, first: datetime, days: int
) -> CostsView:
    """What the page shows of what was found. Pure."""
    columns = [f"{first + timedelta(days=at):%Y-%m-%d}" for at in range(days)]
    series: dict[str, list[float]] = {}
    for one in by_day:
        values = series.setdefault(one.model, [0.0] * days)
        if one.day in columns:
            values[columns.index(one.day)] += float(one.cost_usd)
    shown = gathered({name: values for name, values in series.items() if any(values)})
    chart = Stacked(
        title=f"Dollars a day by model, the last {days} days", columns=[c[5:] for c in columns], series=shown
    )
    total = sum((one.cost_usd for one in by_day), Decimal(0))
    return CostsView(
        total=total,
        calls=sum(one.calls for one in by_day),
        input_tokens=sum(one.input_tokens for one in by_day),
        output_tokens=sum(one.output_tokens for one in by_day),
        executions=sum(one.executions for one in agents),
        chart=stacked(chart, key="by-day"),
        legend=[one.name for one in shown],
        days=_days(by_day),
        models=_bars(_by_model(by_day), total),
        agents=_bars(agents, total, link="agent"),
        users=_bars(users, total, link="user"),
    )


def budget_views(accounts: Sequence[Account]) -> Sequence[BudgetView]:
    """Budgets with their bars, the fullest first."""
    return sorted((_budget(one) for one in accounts), key=lambda one: (-one.spent_share - one.reserved_share, one.name))


def reached(caller: Caller, scope: str, subject: str) -> bool:
    """Whether a budget is any of this caller's business."""
    match scope:
        case "user":
            return caller.user in {None, subject}
        case "agent":
            return not caller.agents or subject in caller.agents
        case _:
            return caller.user is None and not caller.agents


def _budget(one: Account) -> BudgetView:
    say = dollars if one.budget.usd is not None else tokens
    amount = float(one.amount) or 1.0
    spent = min(float(one.spent) / amount, 1.0)
    return BudgetView(
        account=one,
        name=f"{one.budget.name} of {one.subject}" if one.subject else one.budget.name,
        amount=say(one.amount),
        spent=say(one.spent),
        reserved=say(one.reserved),
        left=say(max(one.left, Decimal(0))),
        spent_share=spent,
        reserved_share=min(float(one.reserved) / amount, 1.0 - spent),
        over=one.left <= 0,
        unit="US dollars" if one.budget.usd is not None else "tokens",
    )


def dollars(amount: Decimal) -> str:
    """To the cent from a dollar on; less is told to a hundredth of a cent."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else money(amount)


def _rate_reached(caller: Caller, rate: Rate) -> bool:
    return rate.subject is None or rate.scope == "model" or reached(caller, rate.scope, rate.subject)


def _by_model(by_day: Sequence[DayCost]) -> Sequence[Cost]:
    sums: dict[str, Cost] = {}
    for one in by_day:
        so_far = sums.get(one.model)
        sums[one.model] = Cost(
            name=one.model,
            executions=one.executions + (so_far.executions if so_far else 0),
            calls=one.calls + (so_far.calls if so_far else 0),
            input_tokens=one.input_tokens + (so_far.input_tokens if so_far else 0),
            output_tokens=one.output_tokens + (so_far.output_tokens if so_far else 0),
            cost_usd=one.cost_usd + (so_far.cost_usd if so_far else Decimal(0)),
        )
    return sorted(sums.values(), key=lambda one: (-one.cost_usd, one.name))


def _days(by_day: Sequence[DayCost]) -> Sequence[tuple[str, Decimal, int, int]]:
    """Newest first."""
    found: dict[str, tuple[Decimal, int, int]] = {}
    for one in by_day:
        usd, calls, used = found.get(one.day, (Decimal(0), 0, 0))
        found[one.day] = (usd + one.cost_usd, calls + one.calls, used + one.input_tokens + one.output_tokens)
    return [(day, *found[day]) for day in sorted(found, reverse=True)]


def _bars(found: Sequence[Cost], total: Decimal, *, link: str = "") -> Sequence[Bar]:
    shown = [_bar(one, total, link) for one in found[:_ROWS]]
    rest = found[_ROWS:]
    if not rest:
        return shown
    added = Cost(
        name=f"{len(rest)} others",
        executions=sum(one.executions for one in rest),
        calls=sum(one.calls for one in rest),
        input_tokens=sum(one.input_tokens for one in rest),
        output_tokens=sum(one.output_tokens for one in rest),
        cost_usd=sum((one.cost_usd for one in rest), Decimal(0)),
    )
    return [*shown, _bar(added, total, "")]


def _bar(one: Cost, total: Decimal, link: str) -> Bar:
    return Bar(
        name=one.name or "nobody's",
        cost_usd=one.cost_usd,
        calls=one.calls,
        executions=one.executions,
        tokens=one.input_tokens + one.output_tokens,
        share=float(one.cost_usd / total) if total else 0.0,
        link=f"/executions?{urlencode({link: one.name})}" if link and one.name else "",
    )
