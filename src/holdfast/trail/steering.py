"""The trail as what steers the fleet: workers are drained, executions let go of the version they were pinned to."""

import asyncio
from typing import Final

from holdfast.errors import NotFound
from holdfast.trail import serving
from holdfast.trail.parts import Parts
from holdfast.trail.worker_requests import Drain, Steer, Unpin

_AT_ONCE: Final = 1_000
_TRIES: Final = 20
_PAUSE_S: Final = 0.1


class SteeringSide:
    """Drains and unpins; both are on the operators' record with who and why."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def drain_worker(self, worker_id: str, *, by: str, why: str = "") -> bool:
        """Let a worker take nothing new that another worker could take, and stop; `False`: it was told before.

        Raises:
            NotFound: There is no such worker.
        """
        prepare = self._parts.prepare
        asked = Drain(worker_id=worker_id, by=prepare.who(by), why=prepare.words(why), at=prepare.now())
        drained = await self._steer(asked)
        if drained is None:
            raise NotFound(f"no worker {worker_id!r} that takes up work; holdfast workers lists them")
        return bool(drained)

    async def unpin(
        self, agent: str, *, by: str, why: str = "", version: str | None = None, execution_id: str | None = None
    ) -> int:
        """Let executions go on with any version of their agent; how many that were.

        Those that other processes are at just now are waited for, a few seconds.
        """
        prepare, done = self._parts.prepare, 0
        for _ in range(_TRIES):
            asked = Unpin(
                agent=agent,
                version=version,
                execution_id=execution_id,
                limit=_AT_ONCE,
                by=prepare.who(by),
                why=prepare.words(why),
                at=prepare.now(),
            )
            while count := await self._steer(asked) or 0:
                done += count
            if execution_id is not None or not await self._is_pinned(agent, version):
                break
            await asyncio.sleep(_PAUSE_S)
        return done

    async def keeps_pins(self, worker_id: str) -> bool:
        """Whether something stays with a version that, of all workers that do not drain, only this one has."""
        now = self._parts.clock.now()
        return await self._parts.reader.run(lambda c: serving.keeps_pins(c, worker_id, now))

    async def _is_pinned(self, agent: str, version: str | None) -> bool:
        found = await self._parts.reader.run(lambda c: serving.pinned(c, [agent]))
        return any(version in {None, pin} for _, pin in found)

    async def _steer(self, asked: Steer) -> int | None:
        done = await self._parts.write(asked)
        assert done is None or isinstance(done, int)  # noqa: S101 - what steering comes to
        return done
