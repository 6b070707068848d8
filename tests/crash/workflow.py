"""Workflows that are killed at every commit and inside every effect, each by a process of its own, and then go on."""

import asyncio
import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from holdfast import Agent, App, Context, Conversation, Final, Flow, StepFailed, tool, workflow
from holdfast.testing import CrashingJournal, CrashPlan, Ledger
from holdfast.testing.crash import _Process
from tests.crash.forks import Story, play

LEDGER: list[Ledger] = []


def effect(ctx: Context, what: str) -> str:
    LEDGER[0].record(ctx.idempotency_key.rpartition(":")[2], what)
    return what


def happened(ctx: Context, what: str) -> str | None:
    return what if LEDGER[0].happened(ctx.idempotency_key.rpartition(":")[2]) else None


def refuse() -> None:
    raise OSError("no line")


def assess(_: Conversation) -> Final:
    return Final(7)


ASSESSOR = Agent(name="assessor", models=[assess], output=int)


@workflow
async def succeeds(flow: Flow, amount: int) -> list[object]:
    begun = flow.now()
    found = await flow.step("look", lambda: amount, effect="read")
    paid = await flow.step("pay", effect, "pay", probe=happened)
    both = await flow.parallel(
        flow.step("book", effect, "book", effect="idempotent"), flow.agent("assess", ASSESSOR, "x")
    )
    sent = await flow.map("send", effect, ["a", "b"], at_once=1, probe=happened)
    return [found, paid, *both, sent, begun == flow.now()]


@tool(effect="idempotent")
def take_back(ctx: Context, what: str) -> str:
    """Take an effect back."""
    return effect(ctx, f"undo {what}")


@workflow
async def fails(flow: Flow, amount: int) -> None:
    await flow.step("pay", effect, "pay", probe=happened, undo=take_back)
    await flow.step("book", effect, "book", effect="idempotent", undo=take_back)
    try:
        await flow.step("try", refuse, effect="read", retries=0)
    except StepFailed:
        await flow.step("tell", refuse, effect="read", retries=0)


def live(database: str, ledger: str, flow: str, at: str) -> dict[str, Any]:
    """One process: take the execution up, or start it, and work until it ends or waits for people."""
    plan = _Process.plan = CrashPlan(at)
    LEDGER[:] = [Ledger(ledger)]

    async def whole() -> dict[str, Any]:
        async with App([succeeds, fails], database, wrap_journal=lambda journal: CrashingJournal(journal, plan)) as app:
            async with app.worker():
                started = await app.start(flow, 5, idempotency_key="once")
                ended = await app.wait(started.id, 30)
            steps = [call.status for call in (await app.get(ended.id)).tool_calls]
            found = {"status": ended.status, "reason": ended.status_reason, "result": ended.result}
            return {**found, "error": ended.error, "steps": steps, "passed": dict(plan.passed)}

    return asyncio.run(whole())


def story(place: Path, order: dict[str, Any], at: str) -> Story:
    """A life that is killed at a point, and the one after it."""
    place.mkdir()
    database, ledger = str(shutil.copy(order["template"], place / "trail.db")), str(place / "ledger")
    first = last = yield partial(live, database, ledger, order["flow"], at)
    if first.killed:
        last = yield partial(live, database, ledger, order["flow"], "")
    effects = [f"{one.key}={one.tool}" for one in Ledger(ledger).effects()]
    told = {"at": at, "killed": first.killed, "said": last.said, "effects": effects}
    order["told"].append(told)
    print(json.dumps(told))  # noqa: T201


def main(order: dict[str, Any]) -> None:
    place = Path(order["place"])
    order["told"] = []
    play([story(place / "calm", order, "")], at_once=1, limit_s=60)
    passed: dict[str, int] = order["told"][0]["said"]["passed"]
    wanted = [point for point in passed if point.startswith(tuple(order["points"]))]
    points = [f"{point}:{n}" for point in wanted for n in range(1, passed[point] + 1)]
    play([story(place / str(n), order, at) for n, at in enumerate(points)], at_once=4, limit_s=60)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
