"""One life of a process: it takes the request (again), works, and its person answers; or it is killed on the way."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from holdfast import App
from holdfast.config import Settings, configure_logging
from holdfast.ports import Journal
from holdfast.testing import CrashingJournal
from holdfast.testing.crash import _Process
from holdfast.trail import events as kinds
from holdfast.trail.audit import verify_database
from holdfast.types import Approval, Event, Execution
from tests.crash.faults import CrashingDatabase, LeapingClock, LeapingJournal, Trace, TracedWitness, wrap_database
from tests.crash.shop import INPUT, clerk, receipt
from tests.crash.witness import Witness

LIMIT_S = 20.0
"""An execution that has not ended by then is stuck."""

PAUSE_S = 400.0
"""Between two lives: more than an execution's `total_timeout_s`, less than a lease."""
SETTINGS = Settings(log_level="error", log_json=True, lease_s=3_600)
"""The lease is long, because the clock leaps: a dead worker is known by its pid."""

Wrap = Callable[[Journal], Journal]


def one_life(
    *, database: str, notes: Path, life: int, crash_at: str = "", spoil: Callable[[], Wrap | None] | None = None
) -> dict[str, Any]:
    """What a process makes of the story; it returns if it is not killed."""
    _Process.plan = trace = Trace(crash_at)
    configure_logging(SETTINGS)
    wrap = spoil() if spoil else None
    return asyncio.run(_live(database, TracedWitness(notes, life, trace), wrap, trace))


async def _live(database: str, witness: Witness, wrap: Wrap | None, trace: Trace) -> dict[str, Any]:
    # Each life begins well after the last: whatever waited for a time is due, and waiting has used up no time.
    clock = LeapingClock(PAUSE_S * (witness.life - 1))

    def around(journal: Journal) -> Journal:
        return CrashingJournal(LeapingJournal(wrap(journal) if wrap else journal, clock))  # type: ignore[return-value]

    async with App([clerk(witness)], database, settings=SETTINGS, clock=clock, wrap_journal=around) as app:
        await wrap_database(app, partial(CrashingDatabase, trace=trace))
        found = [event for known in await app.list() async for event in app.events(known.id, follow=False)]
        execution = await app.start("clerk", INPUT, idempotency_key="once")
        async with asyncio.timeout(LIMIT_S), app.worker():
            execution = await see_through(app, execution.id, witness)
        told = await testimony(app, execution)
    broken = (await verify_database(database)).first
    return told | {
        "life": witness.life,
        "durable": durable(found),
        "audit": str(broken or ""),
        "passings": trace.passings,
    }


async def see_through(app: App, execution_id: str, witness: Witness) -> Execution:
    """The person beside the machine: answers what is asked, truthfully, until the execution has ended."""
    while True:
        execution = await app.wait(execution_id)
        if execution.ended:
            return execution
        for question in await app.approvals(execution_id=execution_id):
            await answer(app, question, witness)


async def answer(app: App, question: Approval, witness: Witness) -> None:
    """Yes to what may run; of a doubt, what the ledger says."""
    if question.kind != "doubt":
        await app.decide(question.id, "approve", by="Ada")
        return
    key, tool = str(question.call_id), str(question.tool_name)
    if witness.has("effect", key):
        assert isinstance(question.arguments, Mapping)
        order = str(question.arguments["order"])
        await app.decide(question.id, "happened", by="Ada", edit=receipt(tool, order))
    else:
        witness.note("no", tool, key=key)
        await app.decide(question.id, "run", by="Ada")


async def testimony(app: App, execution: Execution) -> dict[str, Any]:
    """What the product's own record says at the end."""
    events = [event async for event in app.events(execution.id, follow=False)]
    approvals = await app.approvals(None, execution_id=execution.id)
    return {
        "id": execution.id,
        "status": execution.status,
        "reason": execution.status_reason,
        "error": execution.error,
        "result": execution.result,
        "steps": execution.step_count,
        "lease": execution.lease_owner,
        "executions": len(await app.list()),
        "calls": sorted(
            [call.id.removeprefix(execution.id), call.tool_name, call.status, call.tool_output]
            for call in execution.tool_calls
        ),
        "seqs": [event.seq for event in events],
        "kinds": [event.kind for event in events],
        "asked": sorted(str(approval.tool_name) for approval in approvals if approval.kind == "call"),
        "open": [approval.id for approval in approvals if approval.status == "open"],
    }


def durable(events: Sequence[Event]) -> dict[str, list[str]]:
    """What was paid for and done before this life: steps that were answered, calls that had ended."""
    over = ("completed", "failed", "denied")
    return {
        "steps": [str(event.data["step"]) for event in events if event.kind == kinds.MODEL_RESPONDED],
        "calls": [
            str(event.data["call_id"])
            for event in events
            if event.kind == kinds.CALL_ENDED and event.data["status"] in over
        ],
    }
