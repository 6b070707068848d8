"""What configuration puts in force when a worker starts: budgets, rates, shares, schedules, channels, prices."""

from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import datetime

from pydantic_core import to_jsonable_python

from holdfast.config import Settings
from holdfast.loop.desk import Cast
from holdfast.policy.schedule import check, first
from holdfast.trail.controls.tell import as_data
from holdfast.trail.trail import Trail
from holdfast.types import Budget, Schedule, Scheduled

CHANNELS = ("slack", "telegram", "email", "webhook")
"""The settings that each make a channel, by its name."""
WHO = "configuration"
"""Stands on the operators' record for a change that the configuration made."""


async def obey_configuration(settings: Settings, trail: Trail, casts: Iterable[Cast], *, only: bool = False) -> None:
    """Set what is configured, take away what was configured and is no more, refuse what cannot be paid for.

    Args:
        settings: What is configured.
        trail: Where it is put in force.
        casts: The agents of this worker.
        only: It works on one execution alone: it takes no channel away from workers with another configuration.

    Raises:
        UsageError: A configured budget or rate cannot be.
        DeclarationError: A budget in dollars covers an agent with a model that nobody has a price for.
    """
    await _keep_budgets(settings, trail)
    await _keep_rates(settings, trail)
    await _keep_shares(settings, trail)
    await _keep_channels(settings, trail, drops=not only)
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


async def _keep_shares(settings: Settings, trail: Trail) -> None:
    known = {share.name: share for share in (await trail.controls()).shares}
    wanted = {name: given.named(name) for name, given in settings.shares.items()}
    for name, share in wanted.items():
        if known.get(name) != share:
            await trail.set_share(share, by=WHO)
    for name, share in known.items():
        if share.source == "config" and name not in wanted:
            await trail.drop_share(name, by=WHO)


async def keep_schedules(
    trail: Trail, settings: Settings, declared: Iterable[Schedule], agents: Container[str], *, now: datetime
) -> None:
    """Set what configuration and code declare; take away what they declared before for these agents, and no more.

    Raises:
        UsageError: One of them cannot be.
    """
    known = await trail.schedules()
    wanted = {name: given.named(name) for name, given in settings.schedules.items()}
    wanted |= {one.name: one for one in declared}
    for one in wanted.values():
        clean = replace(one, input=to_jsonable_python(one.input))
        await keep_schedule(trail, clean, known, now=now, by=WHO)
    for one in known:
        mine = one.schedule.source != "operator" and one.schedule.agent in agents
        if mine and one.schedule.name not in wanted:
            await trail.drop_schedule(one.schedule.name, by=WHO)


async def keep_schedule(  # noqa: PLR0913 - what it is compared with
    trail: Trail, wanted: Schedule, known: Iterable[Scheduled], *, now: datetime, by: str, why: str = ""
) -> Scheduled:
    """Put a schedule in force; one that is as it was goes on undisturbed.

    Raises:
        UsageError: It cannot be.
    """
    check(wanted, now=now)
    before = next((one for one in known if one.schedule.name == wanted.name), None)
    if before and before.schedule == wanted:
        return before
    after = replace(before or Scheduled(schedule=wanted, next_at=None), schedule=wanted, next_at=first(wanted, now))
    await trail.set_schedule(after, by=by, why=why)
    return after


async def _keep_channels(settings: Settings, trail: Trail, *, drops: bool) -> None:
    wanted = [name for name in CHANNELS if getattr(settings, name)]
    if wanted:
        from holdfast.notify.routing import routes  # noqa: PLC0415 - HTTP clients, for those who have channels

        of = routes(settings)
        groups = {group for person in settings.people.values() for group in person.groups}
        reached = {group: of(group) for group in (None, *sorted(groups))}
        for name in wanted:
            await trail.set_channel(name, as_data(reached, name, updates=name != "email"), by=WHO)
    for name in (await trail.controls()).channels if drops else ():
        if name not in wanted:
            await trail.set_channel(name, None, by=WHO)


def _charges_money(budget: Budget, agent: str) -> bool:
    return budget.usd is not None and (budget.scope != "agent" or budget.subject in {None, agent})
