"""A supervisor with a panel and a handover, killed at every commit, each time by a process of its own, and resumed."""

import asyncio
import json
import shutil
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from holdfast import Agent, App, Call, Calls, Conversation, Final, Panel, Reply
from holdfast.testing import CrashingJournal, CrashPlan
from holdfast.testing.crash import _Process
from tests.crash.forks import Story, play


def says(word: str) -> Agent[str]:
    return Agent(name=word, models=[lambda _: Final(word)])


def lead(conversation: Conversation) -> Reply:
    done = {call.tool for call in conversation.calls}
    if "delegate_to_reviewers" not in done:
        return Calls([Call("delegate_to_reviewers", {"task": "Good?"}), Call("delegate_to_looks", {"task": "Where?"})])
    if "transfer_to_closer" not in done:
        return Calls([Call("transfer_to_closer", {"reason": "The rest is yours."})])
    return Final("unreachable")


def close(conversation: Conversation) -> Reply:
    came = [str(call.result["result"]) for call in conversation.calls if call.tool.startswith("delegate")]
    return Final(" and ".join(sorted(came)))


REVIEWERS = Panel("reviewers", [says("good"), says("bad"), says("fair")], resolve=["vote", "person"])
BOSS = Agent(
    name="boss",
    models=[lead],
    team=[REVIEWERS, says("looks")],
    handover=[Agent(name="closer", models=[close])],
)


def live(database: str, at: str) -> dict[str, Any]:
    """One process: take the execution up, or start it; its person chooses; until it ends."""
    plan = _Process.plan = CrashPlan(at)

    async def whole() -> dict[str, Any]:
        async with App([BOSS], database, wrap_journal=lambda journal: CrashingJournal(journal, plan)) as app:
            async with app.worker():
                started = await app.start("boss", "Go.", idempotency_key="once")
                while not (now := await app.wait(started.id, 30)).ended:
                    for asked in await app.approvals():
                        await app.decide(asked.id, "answer", by="ada", note="bad")
            kinds = Counter([event.kind async for event in app.events(now.id, follow=False)])
            return {
                "end": [now.status, now.status_reason, now.result, now.error, now.descendants, now.waits_for],
                "executions": sorted(one.agent_type for one in await app.list()),
                "asked": len(await app.approvals(None)),
                "kinds": {kind: kinds[kind] for kind in ONCE},
                "passed": dict(plan.passed),
            }

    return asyncio.run(whole())


ONCE = ("child.started", "child.ended", "panel.resolved", "conversation.transferred", "approval.opened", "call.ended")


def story(place: Path, order: dict[str, Any], at: str) -> Story:
    """A life that is killed at a point, and the one after it."""
    place.mkdir()
    database = str(shutil.copy(order["template"], place / "trail.db"))
    first = last = yield partial(live, database, at)
    if first.killed:
        last = yield partial(live, database, "")
    told = {"at": at, "killed": first.killed, "said": last.said}
    order["told"].append(told)
    print(json.dumps(told))  # noqa: T201


def main(order: dict[str, Any]) -> None:
    place = Path(order["place"])
    order["told"] = []
    play([story(place / "calm", order, "")], at_once=1, limit_s=60)
    passed: dict[str, int] = order["told"][0]["said"]["passed"]
    points = [f"after-commit:{n}" for n in range(1, passed["after-commit"] + 1)]
    play([story(place / str(n), order, at) for n, at in enumerate(points)], at_once=4, limit_s=60)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
