"""A worker that is told to stop while it rests and something of its runs."""

import asyncio

from holdfast.types import Claimed
from tests.engine.kit import opened, park, start, working


def test_an_activation_that_ends_while_its_worker_stops_disturbs_nobody(sqlite_database: str):
    """The worker's rest is over by then; waking it again would be an error in the log of every clean stop."""
    troubles: list[dict[str, object]] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
        began = asyncio.Event()
        async with opened(sqlite_database) as trail:

            async def activate(claimed: Claimed) -> None:
                began.set()
                await engine.stopping.wait()
                await park(trail, claimed)

            await start(trail)
            async with working(trail, activate) as engine:
                await began.wait()
                while engine._resting is None:  # noqa: ASYNC110 - the engine does not say when it rests
                    await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert troubles == []
