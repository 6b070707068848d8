"""The trail as a control room: what operators and configuration set, and how it stands."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from holdfast.errors import UsageError
from holdfast.trail import fleet
from holdfast.trail.controls import breaker, budget, grant, rate, read, share, spending
from holdfast.trail.controls.cell import Data
from holdfast.trail.parts import Parts
from holdfast.trail.requests import Manage, TopUp
from holdfast.types import (
    Account,
    AuditEntry,
    BreakerKind,
    Budget,
    Controls,
    Cost,
    CostBy,
    DayCost,
    Fleet,
    Grant,
    ModelUsage,
    Rate,
    Share,
    SwitchKind,
)

WAITS_FOR_BREAKERS = ("MODEL_UNAVAILABLE", "RATE_LIMITED")
"""Why executions park that an operator's closing of a breaker may help."""


class ControlSide:
    """Sets, takes away and shows; every change is on the operators' record with who and why."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # --- looking

    async def controls(self) -> Controls:
        """Everything that is in force now."""
        now = self._parts.clock.now()
        return await self._parts.reader.run(lambda c: read.controls(c, now))

    async def accounts(self) -> Sequence[Account]:
        """How each budget stands for each subject that it was charged for."""
        now = self._parts.clock.now()
        return await self._parts.reader.run(lambda c: read.accounts(c, now))

    async def fleet(self) -> Fleet:
        """Workers, queue, rates and the database at this moment."""
        now = self._parts.clock.now()
        return await self._parts.reader.run(lambda c: fleet.fleet(c, now))

    async def has_more_events(self, most: int) -> bool:
        """Whether the journal is longer than that; looks at no more than that."""
        return await self._parts.reader.run(lambda c: read.has_more_events(c, most))

    async def audit(self, *, after: int = 0, limit: int = 100) -> Sequence[AuditEntry]:
        """What operators, configuration and breakers changed; oldest first above the number `after`."""
        return await self._parts.reader.run(lambda c: read.audit(c, after=after, limit=limit))

    async def usage(self, execution_id: str) -> Sequence[ModelUsage]:
        """What an execution has had from each model, as of its last parking or end."""
        return await self._parts.reader.run(lambda c: read.usage(c, execution_id))

    async def costs(
        self, *, by: CostBy, since: datetime | None = None, user: str | None = None, agents: Sequence[str] = ()
    ) -> Sequence[Cost]:
        """Calls, tokens and US dollars in groups, dearest first."""
        span = self._span(since, user, agents)
        return await self._parts.reader.run(lambda c: spending.costs(c, by=by, span=span))

    async def costs_by_day(
        self, *, since: datetime | None = None, user: str | None = None, agents: Sequence[str] = ()
    ) -> Sequence[DayCost]:
        """The same by model on each day, in order of days."""
        span = self._span(since, user, agents)
        return await self._parts.reader.run(lambda c: spending.by_day(c, span))

    def _span(self, since: datetime | None, user: str | None, agents: Sequence[str]) -> spending.Span:
        return spending.Span(since=since, user=self._parts.prepare.user(user), agents=tuple(agents))

    # --- budgets and rates

    async def set_budget(self, given: Budget, *, by: str, why: str = "") -> None:
        """Put a budget in force, or change the one of that name.

        Raises:
            UsageError: It cannot be.
        """
        check_budget(given)
        await self._manage("budget.set", "budget", given.name, budget.as_data(given), by, why, wakes=("BUDGET",))

    async def drop_budget(self, name: str, *, by: str, why: str = "") -> None:
        """Take a budget away.

        Raises:
            NotFound: There is none of that name.
        """
        await self._manage("budget.dropped", "budget", name, None, by, why, must_exist=True, wakes=("BUDGET",))

    async def top_up(self, name: str, *, amount: Decimal, by: str, subject: str = "", why: str = "") -> None:
        """Raise the ceiling of one account until its window is over; what waits for it goes on.

        Raises:
            NotFound: There is no such budget.
            UsageError: The amount is none, or the subject does not fit.
        """
        if not amount.is_finite() or amount <= 0:
            raise UsageError(f"amount {amount}: give more than 0, in the budget's unit")
        prepare = self._parts.prepare
        asked = TopUp(budget=name, subject=subject, amount=amount, by=prepare.who(by), why=why, at=prepare.now())
        await self._parts.write(asked)

    async def set_rate(self, given: Rate, *, by: str, why: str = "") -> None:
        """Put a rate in force, or change the one of that name.

        Raises:
            UsageError: It cannot be.
        """
        check_rate(given)
        await self._manage("rate.set", "rate", given.name, rate.as_data(given), by, why, wakes=("RATE_LIMITED",))

    async def drop_rate(self, name: str, *, by: str, why: str = "") -> None:
        """Take a rate away.

        Raises:
            NotFound: There is none of that name.
        """
        await self._manage("rate.dropped", "rate", name, None, by, why, must_exist=True, wakes=("RATE_LIMITED",))

    async def set_share(self, given: Share, *, by: str, why: str = "") -> None:
        """Put a share of the workers in force, or change the one of that name.

        Raises:
            UsageError: It cannot be.
        """
        share.check(given)
        await self._manage("share.set", "share", given.name, share.as_data(given), by, why)

    async def drop_share(self, name: str, *, by: str, why: str = "") -> None:
        """Take a share away.

        Raises:
            NotFound: There is none of that name.
        """
        await self._manage("share.dropped", "share", name, None, by, why, must_exist=True)

    # --- stopping

    async def pause(self, kind: SwitchKind, name: str, *, by: str, why: str) -> None:
        """Stop an agent, a tool, a model or everything, in every worker, from the next dispatch on.

        Raises:
            IllegalTransition: It is stopped already.
            UsageError: It is not said why.
        """
        if not why.strip():
            raise UsageError("say why: whoever finds it stopped will ask")
        data: Data = {"why": why, "by": by, "at": self._parts.clock.now().isoformat()}
        await self._manage("switch.on", "switch", _switch(kind, name), data, by, why, must_be_new=True)

    async def resume(self, kind: SwitchKind, name: str, *, by: str, why: str = "") -> None:
        """Let it go on.

        Raises:
            NotFound: It is not stopped.
        """
        key = _switch(kind, name)
        await self._manage("switch.off", "switch", key, None, by, why, must_exist=True, wakes=("PAUSED",))

    async def open_breaker(self, kind: BreakerKind, name: str, *, by: str, why: str) -> None:
        """Open a breaker until somebody closes it."""
        data = breaker.forced(None, by=by, why=why or f"opened by {by}", now=self._parts.clock.now())
        await self._manage("breaker.forced", "breaker", breaker.key_of(kind, name), data, by, why)

    async def close_breaker(self, kind: BreakerKind, name: str, *, by: str, why: str = "") -> None:
        """Close a breaker and forget its failures; what waits for it goes on.

        Raises:
            NotFound: It is closed and has seen no failure.
        """
        key = breaker.key_of(kind, name)
        await self._manage("breaker.reset", "breaker", key, None, by, why, must_exist=True, wakes=WAITS_FOR_BREAKERS)

    # --- grants and channels

    async def add_grant(self, given: Grant) -> None:
        """Give a standing yes."""
        await self._manage("grant.given", "grant", given.id, grant.as_data(given), given.by, given.why)

    async def revoke_grant(self, grant_id: str, *, by: str, why: str = "") -> None:
        """Take it back: it covers nothing from now on.

        Raises:
            NotFound: There is none of that id.
        """
        change: Data = {"revoked_by": by}
        await self._manage("grant.revoked", "grant", grant_id, change, by, why, must_exist=True, merges=True)

    async def set_channel(self, name: str, data: Data | None, *, by: str) -> None:
        """Let notifications go to a channel, or no longer: `controls.tell.as_data` makes the data."""
        await self._manage("channel.set", "channel", name, data, by, "")

    # --- how

    async def _manage(  # noqa: PLR0913, PLR0917 - the parts of an entry
        self,
        action: str,
        kind: str,
        key: str,
        data: Data | None,
        by: str,
        why: str,
        *,
        merges: bool = False,
        must_exist: bool = False,
        must_be_new: bool = False,
        wakes: Sequence[str] = (),
    ) -> None:
        prepare = self._parts.prepare
        asked = Manage(
            action=action,
            kind=kind,
            key=key,
            data=data,
            by=prepare.who(by),
            why=prepare.words(why),
            at=prepare.now(),
            merges=merges,
            must_exist=must_exist,
            must_be_new=must_be_new,
            wakes=wakes,
        )
        await self._parts.write(asked)


def check_budget(given: Budget) -> None:
    """Whether a budget can be.

    Raises:
        UsageError: It cannot; the message says what would work.
    """
    _check_name("budget", given.name)
    if (given.tokens is None) == (given.usd is None):
        raise UsageError(f"budget {given.name!r}: give tokens or usd, one of the two")
    amount = given.tokens if given.usd is None else given.usd
    if amount is None or not Decimal(amount).is_finite() or amount <= 0:
        raise UsageError(f"budget {given.name!r}: {amount} is no ceiling: give more than 0")
    if given.scope == "global" and given.subject is not None:
        raise UsageError(f"budget {given.name!r}: a global budget has no subject; use scope user or agent")
    if given.subject == "":
        raise UsageError(f"budget {given.name!r}: leave the subject out to give each {given.scope} a budget of its own")
    try:
        budget.window_s(given.window)
    except UsageError as error:
        raise UsageError(f"budget {given.name!r}: {error}") from error


def check_rate(given: Rate) -> None:
    """Whether a rate can be.

    Raises:
        UsageError: It cannot; the message says what would work.
    """
    _check_name("rate", given.name)
    if given.limit < 1 or not 0 < given.per_s <= 366 * 86_400 or (given.burst is not None and given.burst < 1):
        raise UsageError(f"rate {given.name!r}: limit and burst are 1 or more, per_s is a time of up to a year")
    if given.unit == "requests" and given.scope == "model":
        raise UsageError(f"rate {given.name!r}: requests go to agents; limit a model by model_calls or tokens")
    if given.scope == "global" and given.subject is not None:
        raise UsageError(f"rate {given.name!r}: a global rate has no subject")


def _check_name(what: str, name: str) -> None:
    if not name or not all(char.isalnum() or char in "_-." for char in name) or len(name) > 100:
        raise UsageError(f"{what} name {name!r}: use letters, digits, '_', '-' and '.', up to 100 of them")


def _switch(kind: SwitchKind, name: str) -> str:
    if kind == "all":
        return "all:*"
    if not name:
        raise UsageError(f"which {kind}? give its name")
    return f"{kind}:{name}"
