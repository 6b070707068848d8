"""Runs one execution against a failing provider, and gathers everything that is on record about it afterwards."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import structlog

from holdfast import Agent, App, Limits
from holdfast.config import Settings
from holdfast.testing import FakeClock, Ledger
from holdfast.trail import events as kinds
from holdfast.types import Account, AuditEntry, Breaker, Budget, Event, Execution, ModelUsage

ESCAPED = {"activation_failed", "engine_in_trouble", "not_given_back", "token_listener_failed"}
"""What is logged when an exception got as far as the worker."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """An execution that has ended or parked, and what the database says about it."""

    execution: Execution
    events: Sequence[Event]
    usage: Sequence[ModelUsage]
    account: Account | None
    """The budget of everybody; `None` when nothing was ever held of it."""
    breakers: Sequence[Breaker]
    record: Sequence[AuditEntry]
    logs: Sequence[Mapping]

    def of(self, kind: str) -> list[Mapping]:
        """The data of the events of a kind."""
        return [event.data for event in self.events if event.kind == kind]

    @property
    def end(self) -> tuple[str, str | None]:
        """Status and reason."""
        return self.execution.status, self.execution.status_reason

    @property
    def attempts(self) -> list[tuple[str, str]]:
        """The failed attempts: class, and what followed."""
        return [(data["failure"], data["then"]) for data in self.of(kinds.MODEL_ATTEMPT_FAILED)]

    @property
    def gate(self) -> Breaker | None:
        """The provider's, if it is not open to everybody."""
        return next((one for one in self.breakers if one.kind == "provider"), None)

    @property
    def breaker(self) -> Breaker | None:
        """The model's, if it has seen failures."""
        return next((one for one in self.breakers if one.kind == "model"), None)

    @property
    def opened(self) -> list[str]:
        """Breakers and gates of which the operators' record says that they opened."""
        return [entry.data["breaker"] for entry in self.record if entry.kind == "breaker.opened"]

    @property
    def held(self) -> int:
        """Tokens that were reserved for attempts with an unknown bill, going by the journal."""
        held = 0
        reserved = 0
        for event in self.events:
            if event.kind == kinds.MODEL_REQUESTED:
                reserved = event.data["reserved_tokens"]
            elif event.data.get("bill_unknown"):
                held += reserved
        return held

    @property
    def escaped(self) -> list[Mapping]:
        """Exceptions that nobody made a failure of."""
        return [line for line in self.logs if line["event"] in ESCAPED or line.get("exc_info")]


def run(database: str, ledger: Ledger, *models: object, tools: Sequence[object] = (), **options: object) -> Ran:
    """One execution of an agent, by a worker, until it has ended, waits for a person, or has parked."""
    defaults = {"name": "clerk", "models": models, "tools": tools, "deps": ledger, "limits": Limits(tokens=200_000)}
    agent = Agent(**defaults | options)
    settings = Settings(breakers={"failures": 2, "open_s": 60})

    async def story() -> Ran:
        async with App([agent], database, settings=settings, clock=FakeClock(auto=True)) as app:
            await app.control.set_budget(Budget(name="all", scope="global", usd=Decimal(1000)), by="Ada")
            with structlog.testing.capture_logs() as logs:
                async with app.worker():
                    started = await app.start("clerk", "Where is order 7?")
                    async for event in app.events(started.id):
                        if event.kind == kinds.PARKED:
                            break
            return await look(app, started.id, logs)

    return asyncio.run(story())


async def look(app: App, execution_id: str, logs: Sequence[Mapping] = ()) -> Ran:
    """What is on record of an execution, and of everything that all share."""
    accounts = await app.control.budgets()
    return Ran(
        execution=await app.get(execution_id),
        events=[event async for event in app.events(execution_id, follow=False)],
        usage=await app.control.usage(execution_id),
        account=accounts[0] if accounts else None,
        breakers=(await app.control.look()).breakers,
        record=await app.control.record(limit=1_000),
        logs=logs,
    )
