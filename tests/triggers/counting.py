"""A worker process whose sensor sees three new numbers a second: `python -m tests.triggers.counting DATABASE`."""

import asyncio
import sys

from holdfast import Agent, App, Item, Items, Say, sensor
from holdfast.config import Settings
from holdfast.engine.beside import attended


@sensor(agent="clerk", every_s=1)
async def numbers(cursor: int | None) -> Items:
    """The next three."""
    start = cursor or 0
    sys.stdout.write(f"{start}\n")
    sys.stdout.flush()
    return Items([Item(str(n), n) for n in range(start, start + 3)], start + 3)


async def main() -> None:
    """Work until killed; whoever is killed is followed at once, for its name is the same."""
    agents = [Agent(name="clerk", models=[lambda _: Say("done")])]
    app = App(agents, sys.argv[1], sensors=[numbers], settings=Settings(lease_s=1))
    async with app:
        engine = await app._parts.engine(2, None)
        engine._worker_id = engine._name = "counter"
        attendants = await app._parts.attendants(engine)
        await attended(engine, engine.run(), *attendants)


if __name__ == "__main__":
    asyncio.run(main())
