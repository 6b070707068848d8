"""Commands about money, tokens and pace: budgets, rates, costs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

from cyclopts import Parameter
from rich.text import Text

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, line, note, say, table
from holdfast.errors import UsageError
from holdfast.types import Account, Budget, BudgetScope, CostBy, OnExhausted, OverRate, Rate, RateScope, RateUnit

_BAR: Final = 12
"""Cells of the bar that shows how full a budget is."""


async def budgets(*, common: Common = COMMON) -> int:
    """List budgets: how much of each is spent, held and left, and when it resets.

    Args:
        common: What every command takes.
    """
    async with looking(common) as app:
        found, defined = await app.control.budgets(), (await app.control.look()).budgets
    if common.json:
        for account in found:
            emit(account)
        return exits.OK
    if not defined:
        note("no budgets: holdfast budget set NAME --scope user --usd 5 --window day")
        return exits.OK
    unused = [one for one in defined if one.name not in {account.budget.name for account in found}]
    rows = [_account_row(account) for account in found]
    rows += [[one.name, f"each {one.scope}", _ceiling(one), "", "", "", "", one.window, ""] for one in unused]
    columns = ["budget", "for", "ceiling", "spent", "held", "left", "", "window", "resets (UTC)"]
    draw(table(columns, rows, widest="budget"))
    return exits.OK


def _account_row(account: Account) -> list[str | Text]:
    share = float((account.spent + account.reserved) / account.amount) if account.amount else 1.0
    full = min(round(share * _BAR), _BAR)
    style = "red" if share >= 1 else "yellow" if share >= 0.8 else "green"
    one = account.budget
    return [
        one.name,
        account.subject or one.scope,
        _amount(one, account.amount),
        _amount(one, account.spent),
        _amount(one, account.reserved),
        _amount(one, account.left),
        line(("█" * full, style), ("·" * (_BAR - full), "dim"), f" {share:4.0%}"),
        one.window,
        f"{account.resets_at:%m-%d %H:%M}",
    ]


def _ceiling(one: Budget) -> str:
    return _amount(one, one.usd if one.usd is not None else Decimal(one.tokens or 0))


def _amount(one: Budget, amount: Decimal) -> str:
    return f"${amount:,.4f}" if one.usd is not None else f"{amount:,.0f}"


async def budget_set(  # noqa: PLR0913 - one per option
    name: str,
    /,
    *,
    scope: BudgetScope,
    subject: str | None = None,
    usd: Decimal | None = None,
    tokens: int | None = None,
    window: str = "day",
    on_exhausted: OnExhausted = "park",
    why: str = "",
    common: Common = COMMON,
) -> int:
    """Put a budget in force, or change the one of that name. It holds at once, in every worker.

    Args:
        name: What to call it.
        scope: user, agent or global.
        subject: Which user or agent. Default: each has a budget of its own.
        usd: US dollars.
        tokens: Tokens, instead of dollars.
        window: hour, day or month by the calendar (UTC), or rolling: 90m, 6h, 7d.
        on_exhausted: summarise (one closing summary, then failed), park (wait for room) or fail.
        why: For the record.
        common: What every command takes.
    """
    given = Budget(
        name=name, scope=scope, subject=subject, usd=usd, tokens=tokens, window=window, on_exhausted=on_exhausted
    )
    async with looking(common) as app:
        await app.control.set_budget(given, by=os_user(), why=why)
    return exits.done(f"budget {name} is in force: {_ceiling(given)} a {window}", given, as_json=common.json)


async def budget_top_up(name: str, amount: str, /, *, subject: str = "", why: str = "", common: Common = COMMON) -> int:
    """Raise one account's ceiling until its window is over; what waits for it goes on.

    Args:
        name: The budget.
        amount: Of its unit: tokens, or US dollars.
        subject: The user or agent, unless the budget is global.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.top_up(name, _number(amount), by=os_user(), subject=subject, why=why)
        found = next(one for one in await app.control.budgets() if (one.budget.name, one.subject) == (name, subject))
    return exits.done(f"budget {name}: {_amount(found.budget, found.left)} left", found, as_json=common.json)


async def budget_drop(name: str, /, *, why: str = "", common: Common = COMMON) -> int:
    """Take a budget away.

    Args:
        name: The budget.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.drop_budget(name, by=os_user(), why=why)
    return exits.done(f"budget {name} is gone", {"dropped": name}, as_json=common.json)


async def rates(*, common: Common = COMMON) -> int:
    """List how fast things may go.

    Args:
        common: What every command takes.
    """
    async with looking(common) as app:
        found = (await app.control.look()).rates
    if common.json:
        for rate in found:
            emit(rate)
        return exits.OK
    if not found:
        note("no rates: holdfast rate set NAME --scope user --unit requests --limit 10 --per-s 60")
        return exits.OK
    columns = ["rate", "for", "at most", "in", "burst", "over it"]
    rows = [
        [one.name, one.subject or one.scope, f"{one.limit:,} {one.unit.replace('_', ' ')}", f"{one.per_s:g} s",
         f"{one.burst or one.limit:,}", one.over]
        for one in found
    ]  # fmt: skip
    draw(table(columns, rows, widest="rate"))
    return exits.OK


async def rate_set(  # noqa: PLR0913 - one per option
    name: str,
    /,
    *,
    scope: RateScope,
    unit: RateUnit,
    limit: int,
    per_s: float = 60,
    subject: str | None = None,
    burst: int | None = None,
    over: OverRate = "park",
    why: str = "",
    common: Common = COMMON,
) -> int:
    """Put a rate in force, or change the one of that name.

    Args:
        name: What to call it.
        scope: user, agent, model or global.
        unit: requests, model_calls or tokens.
        limit: So many.
        per_s: In so many seconds.
        subject: Which user, agent or model. Default: each has a rate of its own.
        burst: So many at once after a rest. Default: the limit.
        over: park (wait for room) or refuse.
        why: For the record.
        common: What every command takes.
    """
    given = Rate(name=name, scope=scope, subject=subject, unit=unit, limit=limit, per_s=per_s, burst=burst, over=over)
    async with looking(common) as app:
        await app.control.set_rate(given, by=os_user(), why=why)
    return exits.done(
        f"rate {name} is in force: {limit:,} {unit.replace('_', ' ')} in {per_s:g} s", given, as_json=common.json
    )


async def rate_drop(name: str, /, *, why: str = "", common: Common = COMMON) -> int:
    """Take a rate away.

    Args:
        name: The rate.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        await app.control.drop_rate(name, by=os_user(), why=why)
    return exits.done(f"rate {name} is gone", {"dropped": name}, as_json=common.json)


async def costs(
    *, by: CostBy = "model", days: Annotated[float, Parameter(help="Of executions started in so many days.")] = 30,
    common: Common = COMMON,
) -> int:  # fmt: skip
    """Show what models were used for how much: by model, agent, user or day.

    Executions count once they have parked or ended.

    Args:
        by: model, agent, user or day.
        days: Of executions started in so many days.
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.control.costs(by=by, since=datetime.now(UTC) - timedelta(days=days))
    if common.json:
        for cost in found:
            emit(cost)
        return exits.OK
    if not found:
        note("no model was used yet")
        return exits.OK
    columns = [by, "executions", "calls", "tokens in", "tokens out", "cost"]
    rows = [
        [one.name or "(nobody)", f"{one.executions:,}", f"{one.calls:,}", f"{one.input_tokens:,}",
         f"{one.output_tokens:,}", f"${one.cost_usd:,.6f}"]
        for one in found
    ]  # fmt: skip
    draw(table(columns, rows, widest=by))
    say(line(f"in all ${sum((one.cost_usd for one in found), Decimal(0)):,.6f}"))
    return exits.OK


def _number(text: str) -> Decimal:
    try:
        return Decimal(text.replace("_", "").lstrip("$"))
    except InvalidOperation as error:
        raise UsageError(f"{text!r} is no amount: give a number, of tokens or US dollars") from error
