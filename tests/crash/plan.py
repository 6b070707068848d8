"""A plan that is killed at its commits and inside its effects, each time by a process of its own, and then goes on."""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from holdfast import Agent, App, Call, Context, Conversation, Final, Plan, Planner, Reply, Task, never_ask, tool
from holdfast.testing import CrashingJournal, CrashPlan, Ledger
from holdfast.testing.crash import _Process
from tests.crash.forks import Story, play
from tests.crash.places import Place, place_from

LEDGER: list[Ledger] = []


@tool(effect="irreversible", review=never_ask)
def pay(ctx: Context, what: str) -> str:
    """Pay."""
    LEDGER[0].record(what, "pay")
    return f"paid {what}"


@pay.probe
def paid(ctx: Context, what: str) -> str | None:
    return f"paid {what}" if LEDGER[0].happened(what) else None


def look(conversation: Conversation) -> Reply:
    if conversation.input == "odd":
        return Call("cannot_complete", {"reason": "odd"})
    return Final(f"saw {conversation.input}")


def write(conversation: Conversation) -> Final:
    """A plan of which a task fails, and one for what is left."""
    asked: Any = conversation.input
    if "tasks" not in asked:
        return Final(
            Plan(
                tasks=(
                    Task(id="look", use="looker", input="here"),
                    Task(id="odd", use="looker", input="odd"),
                    Task(id="pay", use="pay", input={"what": {"$from": "look"}}),
                    Task(id="end", use="looker", input=[{"$from": "odd"}, {"$from": "pay"}]),
                )
            )
        )
    return Final(Plan(tasks=(Task(id="again", use="pay", input={"what": {"$from": "pay"}}),)))


LOOKER = Agent(name="looker", models=[look])
PLANNER = Planner(name="trip", models=[write], agents=[LOOKER], tools=[pay], approve=True, retries=0)


def live(database: str, ledger: str, at: str) -> dict[str, Any]:
    """One process: take the execution up, or start it; its person agrees to plans; until it ends."""
    plan = _Process.plan = CrashPlan(at)
    LEDGER[:] = [Ledger(ledger)]

    async def whole() -> dict[str, Any]:
        async with App([PLANNER], database, wrap_journal=lambda journal: CrashingJournal(journal, plan)) as app:
            async with app.worker():
                started = await app.start("trip", "go", idempotency_key="once")
                while not (now := await app.wait(started.id, 30)).ended:
                    for asked in await app.approvals():
                        await app.decide(asked.id, "approve", by="ada")
            told = [event async for event in app.events(now.id, follow=False)]
            steps = [str(event.data["name"]) for event in told if event.kind == "step.ended"]
            return {
                "end": [now.status, now.status_reason, now.result, now.descendants, now.waits_for],
                "steps": sorted(steps),
                "plans": [event.kind for event in told if event.kind.startswith("plan.")],
                "executions": sorted(one.agent_type for one in await app.list()),
                "passed": dict(plan.passed),
            }

    return asyncio.run(whole())


def story(place: Place, order: dict[str, Any], number: int, at: str) -> Story:
    """A life that is killed at a point, and the one after it."""
    ledger = str(Path(order["notes"]) / str(number))
    first = last = yield partial(live, place.make(number), ledger, at)
    if first.killed:
        last = yield partial(live, place.url_of(number), ledger, "")
    place.drop(number)
    effects = sorted(one.key for one in Ledger(ledger).effects())
    told = {"at": at, "killed": first.killed, "said": last.said, "effects": effects}
    order["told"].append(told)
    print(json.dumps(told))  # noqa: T201


def main(order: dict[str, Any]) -> None:
    place = place_from(order["place"])
    order["told"] = []
    play([story(place, order, 0, "")], at_once=1, limit_s=60)
    passed: dict[str, int] = order["told"][0]["said"]["passed"]
    # What is committed together differs a little from life to life: the last few points may not be come to.
    commits = [f"after-commit:{n}" for n in range(1, passed["after-commit"] - 4, order["every"])]
    inside = [
        f"{point}:{n}" for point in passed if point.startswith("inside-tool") for n in range(1, passed[point] + 1)
    ]
    play([story(place, order, n, at) for n, at in enumerate([*commits, *inside], 1)], at_once=4, limit_s=60)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
