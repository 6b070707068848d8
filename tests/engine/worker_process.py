"""A worker as a process of its own: `python worker_process.py DATABASE MODE`, telling on standard output what it does.

Modes: `stuck` begins an activation and never ends it, even when asked to stop; `deaf` blocks its event loop in one;
`polite` parks when asked to stop.
"""

import asyncio
import sys
import time

from holdfast.config import Settings, configure_logging
from holdfast.engine.local import install_signal_handlers
from holdfast.types import Claimed
from tests.engine.kit import engine, opened, park


def tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def work(database: str, mode: str) -> None:
    async with opened(database) as trail:

        async def activate(claimed: Claimed) -> None:
            tell(claimed.execution.id)
            if mode == "deaf":
                time.sleep(600)  # noqa: ASYNC251 - that is the point
            elif mode == "stuck":
                await asyncio.Event().wait()
            await worker.stopping.wait()
            await park(trail, claimed)

        worker = engine(trail, activate, lease_s=float(sys.argv[3]), grace_s=600)
        install_signal_handlers(worker)
        await worker.run()
        tell("stopped")


if __name__ == "__main__":
    configure_logging(Settings())
    asyncio.run(work(sys.argv[1], sys.argv[2]))
