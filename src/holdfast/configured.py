"""What configuration puts in force when a worker starts: budgets, rates, and the prices that budgets need."""

from collections.abc import Iterable

from holdfast.config import Settings
from holdfast.loop.desk import Cast
from holdfast.trail.trail import Trail
from holdfast.types import Budget

WHO = "configuration"
"""Stands on the operators' record for a change that the configuration made."""


async def obey_configuration(settings: Settings, trail: Trail, casts: Iterable[Cast]) -> None:
    """Set what is configured, take away what was configured and is no more, refuse what cannot be paid for.

    Raises:
        UsageError: A configured budget or rate cannot be.
        DeclarationError: A budget in dollars covers an agent with a model that nobody has a price for.
    """
    await _keep_budgets(settings, trail)
    await _keep_rates(settings, trail)
    known = await trail.controls()
    for budget in known.budgets:
        for cast in casts:
            if _charges_money(budget, cast.agent.name):
                cast.models.require_prices(f"budget {budget.name!r} is in dollars")


async def _keep_budgets(settings: Settings, trail: Trail) -> None:
    known = {budget.name: budget for budget in (await trail.controls()).budgets}
    wanted = {name: given.named(name) for name, given in settings.budgets.items()}
    for name, budget in wanted.items():
        if known.get(name) != budget:
            await trail.set_budget(budget, by=WHO)
    for name, budget in known.items():
        if budget.source == "config" and name not in wanted:
            await trail.drop_budget(name, by=WHO)


async def _keep_rates(settings: Settings, trail: Trail) -> None:
    known = {rate.name: rate for rate in (await trail.controls()).rates}
    wanted = {name: given.named(name) for name, given in settings.rates.items()}
    for name, rate in wanted.items():
        if known.get(name) != rate:
            await trail.set_rate(rate, by=WHO)
    for name, rate in known.items():
        if rate.source == "config" and name not in wanted:
            await trail.drop_rate(name, by=WHO)


def _charges_money(budget: Budget, agent: str) -> bool:
    return budget.usd is not None and (budget.scope != "agent" or budget.subject in {None, agent})
