"""What operators do to everything at once: budgets, rates, switches, breakers, and the record of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal

from holdfast.composition import Parts
from holdfast.errors import UsageError
from holdfast.trail.audit import Report, verify_database
from holdfast.types import (
    Account,
    AgentHealth,
    Alert,
    AuditEntry,
    BreakerKind,
    Budget,
    Controls,
    Cost,
    CostBy,
    DayCost,
    Fleet,
    Letter,
    LetterStatus,
    ModelUsage,
    PruneBatch,
    PruneRule,
    Rate,
    Share,
    Stand,
    SwitchKind,
)


class ControlRoom:
    """The verbs of an operator, as `app.control`. Each change holds in every worker and is on the record.

    Every verb that changes something takes `by`, who does it, and `why`.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def look(self) -> Controls:
        """Everything that is in force: budgets, rates, switches, breakers, grants."""
        return await (await self._parts.trail()).controls()

    async def budgets(self) -> Sequence[Account]:
        """How each budget stands, for each subject that it was charged for."""
        return await (await self._parts.trail()).accounts()

    async def costs(
        self,
        *,
        by: CostBy = "model",
        since: datetime | None = None,
        user: str | None = None,
        agents: Sequence[str] = (),
    ) -> Sequence[Cost]:
        """Calls, tokens and dollars by model, agent, user or day.

        Args:
            by: The groups.
            since: Of executions that were started then or later. Default: of all, which reads them all.
            user: Only of this user's. Default: everybody's.
            agents: Only of these agents'. Default: all.
        """
        return await (await self._parts.trail()).costs(by=by, since=since, user=user, agents=agents)

    async def costs_by_day(
        self, *, since: datetime | None = None, user: str | None = None, agents: Sequence[str] = ()
    ) -> Sequence[DayCost]:
        """The same by model on each day (UTC), in order of days."""
        return await (await self._parts.trail()).costs_by_day(since=since, user=user, agents=agents)

    async def fleet(self) -> Fleet:
        """Workers with what they hold, the queue, how full rates are, and the database."""
        return await (await self._parts.trail()).fleet()

    async def drain_worker(self, worker_id: str, *, by: str, why: str = "") -> bool:
        """Let a worker take up nothing more that another worker could take; `False`: it was told before.

        It stops as it does at SIGTERM, as soon as nothing is left that is pinned to versions which only it has.

        Raises:
            NotFound: There is no such worker.
        """
        return await (await self._parts.trail()).drain_worker(worker_id, by=by, why=why)

    async def unpin(
        self, agent: str, *, by: str, why: str = "", version: str | None = None, execution_id: str | None = None
    ) -> int:
        """Let executions that have not ended go on with any version of their agent; how many there were.

        Args:
            agent: Whose.
            by: Who says so.
            why: For the record.
            version: Only those that are pinned to this one. Default: to any.
            execution_id: Only this one. Default: all.
        """
        trail = await self._parts.trail()
        return await trail.unpin(agent, by=by, why=why, version=version, execution_id=execution_id)

    async def health_metrics(self, *, agent: str | None = None, since: datetime | None = None) -> Sequence[AgentHealth]:
        """How well each agent does, by name, from its executions that ended at `since` or later; `None`: from all."""
        return await (await self._parts.trail()).health_metrics(agent=agent, since=since)

    async def stand(self) -> Stand:
        """How everything stands now: live executions, open questions, leases, breakers, shared budgets, alerts."""
        return await (await self._parts.trail()).stand()

    async def changes(self, *, most_every_s: float = 0.4, least_every_s: float = 2.0) -> AsyncIterator[None]:
        """Tick at once, then when something may have changed, but within these seconds of the last tick."""
        trail = await self._parts.trail()
        async for _ in trail.changes(most_every_s=most_every_s, least_every_s=least_every_s):
            yield

    async def metrics_text(self, accept: str = "") -> tuple[bytes, str]:
        """The Prometheus exposition and its content type, as an `Accept` header wants it.

        What this process does is counted from the first call on; the database is looked at every two seconds at most.

        Raises:
            MissingExtra: The library is not installed.
        """
        return await (await self._parts.metrics())(accept)

    async def usage(self, execution_id: str) -> Sequence[ModelUsage]:
        """What one execution has had from each model, as of its last parking or end."""
        return await (await self._parts.trail()).usage(execution_id)

    async def record(self, *, after: int = 0, limit: int = 100) -> Sequence[AuditEntry]:
        """What operators, configuration and breakers changed, oldest first."""
        return await (await self._parts.trail()).audit(after=after, limit=limit)

    async def verify(self, *, most_events: int) -> Report | None:
        """Check the hash chains of the whole record, unless it has more events than that; `None`: it has."""
        if await (await self._parts.trail()).has_more_events(most_events):
            return None
        return await verify_database(self._parts.database)

    async def alerts(self) -> Sequence[Alert]:
        """What is the matter now, oldest first. A worker looks every few seconds."""
        return await (await self._parts.trail()).alerts()

    async def letters(self, *, status: LetterStatus | None = None, limit: int = 100) -> Sequence[Letter]:
        """How deliveries to channels stand, newest first; `dead` are those that were given up.

        Raises:
            UsageError: `limit` is below 1.
        """
        if limit < 1:
            raise UsageError(f"limit={limit}: give 1 or more")
        return await (await self._parts.trail()).letters(status=status, limit=limit)

    async def resend(self, letter_id: str, *, by: str) -> None:
        """Let a delivery that was given up be tried again.

        Raises:
            NotFound: None of that id was given up.
        """
        await (await self._parts.trail()).resend(letter_id, by=by)

    async def set_budget(self, budget: Budget, *, by: str, why: str = "") -> None:
        """Put a budget in force, or change the one of that name.

        Raises:
            UsageError: It cannot be; the message says what would work.
        """
        await (await self._parts.trail()).set_budget(budget, by=by, why=why)

    async def drop_budget(self, name: str, *, by: str, why: str = "") -> None:
        """Take a budget away.

        Raises:
            NotFound: There is none of that name.
        """
        await (await self._parts.trail()).drop_budget(name, by=by, why=why)

    async def top_up(self, name: str, amount: Decimal | int, *, by: str, subject: str = "", why: str = "") -> None:
        """Raise one account's ceiling until its window is over; what waits for it goes on.

        Args:
            name: The budget.
            amount: Of its unit: tokens, or US dollars.
            by: Who.
            subject: The user or agent; of a global budget empty.
            why: For the record.

        Raises:
            NotFound: There is no such budget.
            UsageError: The amount or the subject cannot be.
        """
        await (await self._parts.trail()).top_up(name, amount=Decimal(amount), by=by, subject=subject, why=why)

    async def prune(self, rule: PruneRule, *, by: str, why: str = "") -> AsyncGenerator[PruneBatch]:
        """Take away what is old, in transactions of a few hundredths of a second; a value for each.

        To stop, do not ask for the next one: what was done is done, and the next run does the rest. Payloads that
        nobody refers to any more go with `forget_payloads`.

        Raises:
            UsageError: It is not said who does it.
        """
        trail = await self._parts.trail()
        async with aclosing(trail.prune(rule, by=by, why=why)) as steps:
            async for step in steps:
                yield step

    async def would_prune(self, rule: PruneRule) -> PruneBatch:
        """What `prune` would take away now."""
        return await (await self._parts.trail()).would_prune(rule)

    async def forget_payloads(self) -> AsyncGenerator[PruneBatch]:
        """Take away payloads that no record refers to and nobody used for a day; reads every record that may."""
        trail = await self._parts.trail()
        async with aclosing(trail.forget_payloads()) as steps:
            async for step in steps:
                yield step

    async def set_rate(self, rate: Rate, *, by: str, why: str = "") -> None:
        """Put a rate in force, or change the one of that name.

        Raises:
            UsageError: It cannot be; the message says what would work.
        """
        await (await self._parts.trail()).set_rate(rate, by=by, why=why)

    async def drop_rate(self, name: str, *, by: str, why: str = "") -> None:
        """Take a rate away.

        Raises:
            NotFound: There is none of that name.
        """
        await (await self._parts.trail()).drop_rate(name, by=by, why=why)

    async def set_share(self, share: Share, *, by: str, why: str = "") -> None:
        """Say how much of the workers an agent or user gets, or change the share of that name.

        Raises:
            UsageError: It cannot be; the message says what would work.
        """
        await (await self._parts.trail()).set_share(share, by=by, why=why)

    async def drop_share(self, name: str, *, by: str, why: str = "") -> None:
        """Take a share away.

        Raises:
            NotFound: There is none of that name.
        """
        await (await self._parts.trail()).drop_share(name, by=by, why=why)

    async def pause(self, kind: SwitchKind, name: str = "*", *, by: str, why: str) -> None:
        """Stop an agent, a tool, a model or everything, in every worker, from the next dispatch on.

        Raises:
            IllegalTransition: It is stopped already.
            UsageError: It is not said what, or why.
        """
        await (await self._parts.trail()).pause(kind, name, by=by, why=why)

    async def resume(self, kind: SwitchKind, name: str = "*", *, by: str, why: str = "") -> None:
        """Let it go on.

        Raises:
            NotFound: It is not stopped.
        """
        await (await self._parts.trail()).resume(kind, name, by=by, why=why)

    async def open_breaker(self, kind: BreakerKind, name: str, *, by: str, why: str) -> None:
        """Open a breaker until somebody closes it."""
        await (await self._parts.trail()).open_breaker(kind, name, by=by, why=why)

    async def close_breaker(self, kind: BreakerKind, name: str, *, by: str, why: str = "") -> None:
        """Close a breaker and forget its failures.

        Raises:
            NotFound: It is closed and has seen no failure.
        """
        await (await self._parts.trail()).close_breaker(kind, name, by=by, why=why)
