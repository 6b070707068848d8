"""A worker process whose app has a schedule: `python -m tests.triggers.ticking DATABASE`."""

import asyncio
import sys

from holdfast import Agent, App, Say, Schedule

TICK = Schedule("tick", agent="clerk", every_s=1, missed="all", overlap="skip")


async def main() -> None:
    """Work until killed."""
    await App([Agent(name="clerk", models=[lambda _: Say("done")])], sys.argv[1], schedules=[TICK]).work()


if __name__ == "__main__":
    asyncio.run(main())
