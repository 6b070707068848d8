"""Another process on the same database: `python -m tests.conformance.other_process VERB DATABASE ...`.

It prints one line for each thing that was acknowledged, and waits for a line on standard input before it begins.
"""

import asyncio
import os
import sys

from holdfast.errors import HoldfastError
from tests.conformance.world import World, event, ruling, step


async def claim(world: World, name: str) -> None:
    """Take what there is, three at a time."""
    async with world.trail() as trail:
        await trail.register(name, host="h", pid=os.getpid(), lease_s=60)
        say("ready")
        sys.stdin.readline()
        while some := await trail.claim(name, agents=["clerk"], limit=3):
            for claimed in some:
                say(claimed.execution.id)


async def decide(world: World, name: str, approval_id: str) -> None:
    """Answer one question twenty-five times at once."""
    async with world.trail() as trail:
        say("ready")
        sys.stdin.readline()
        people = [trail.decide(ruling(approval_id, by=f"{name}-{i}")) for i in range(25)]
        for came in await asyncio.gather(*people, return_exceptions=True):
            say(came.code if isinstance(came, HoldfastError) else f"won {came.decided_by}")


async def answer_all(world: World, name: str) -> None:
    """Say yes to everything that is open, a hundred at once, in the order in which it was asked."""
    async with world.trail() as trail:
        asked = await trail.approvals()
        say("ready")
        sys.stdin.readline()
        for start in range(0, len(asked), 100):
            some = asked[start : start + 100]
            came = await asyncio.gather(
                *(trail.decide(ruling(one.id, by=name)) for one in some), return_exceptions=True
            )
            for one, what in zip(some, came, strict=True):
                say(f"{what.code if isinstance(what, HoldfastError) else 'won'} {one.id}")


async def append(world: World, name: str) -> None:
    """Add steps to twenty executions until killed."""
    async with world.trail() as trail:
        await trail.register(name, host="h", pid=os.getpid(), lease_s=0.5)
        await asyncio.gather(*(world.start(trail, id=f"{name}-{i}") for i in range(20)))
        held = await trail.claim(name, agents=["clerk"], limit=20)
        say("ready")
        sys.stdin.readline()

        async def work(claimed):
            while True:
                done = await trail.append(step(claimed, event(step=1)))
                say(f"{claimed.execution.id} {done.seq}")

        await asyncio.gather(*(work(claimed) for claimed in held))


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # unbuffered: what was said was acknowledged


if __name__ == "__main__":
    verb, database, *rest = sys.argv[1:]
    asyncio.run(
        {"claim": claim, "decide": decide, "answer_all": answer_all, "append": append}[verb](World(database), *rest)
    )
