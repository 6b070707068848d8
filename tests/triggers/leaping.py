"""A worker process with hourly schedules, one for each policy: `python -m tests.triggers.leaping DATABASE`.

It says what time it is after each look, so that who turns its clock knows that it has noticed.
"""

import asyncio
import sys
from datetime import UTC, datetime

from holdfast import Agent, App, Say, Schedule
from holdfast.config import Settings
from holdfast.engine import timekeeper

HOURLY = [
    Schedule(missed, agent="clerk", cron="0 * * * *", missed=missed, overlap="queue")
    for missed in ("skip", "latest", "all")
]


async def main() -> None:
    """Work until killed, looking more often than others, for a test waits for each look."""
    timekeeper.EVERY_S = 0.1
    look = timekeeper.Timekeeper.look

    async def look_and_say(self: timekeeper.Timekeeper) -> float:
        wait_s = await look(self)
        sys.stdout.write(f"{datetime.now(UTC).isoformat()}\n")
        sys.stdout.flush()
        return wait_s

    timekeeper.Timekeeper.look = look_and_say
    agents = [Agent(name="clerk", models=[lambda _: Say("done")])]
    await App(agents, sys.argv[1], schedules=HOURLY, settings=Settings(log_level="error", lease_s=1)).work()


if __name__ == "__main__":
    asyncio.run(main())
