"""Asks sensors what is new: one worker of the fleet each at a time, each new item once."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Protocol, cast

import structlog

from holdfast.engine.hold import Hold, Holds
from holdfast.errors import HoldfastError, StoreError, UsageError
from holdfast.ports import Clock
from holdfast.sensors import Sensor
from holdfast.types import Item, Items, NewExecution, Sensed

log = structlog.get_logger("holdfast.sensors")

EVERY_S: Final = 5.0
_HOLD_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 3_600.0
_MOST: Final = 1_000
"""Items of one look: what is more belongs behind the cursor."""
_LONGEST_KEY: Final = 300


class Seen(Holds, Protocol):
    """Where it is kept how far sensors are."""

    async def sensed(self, name: str) -> Sensed: ...
    async def fire(  # noqa: PLR0913 - what a look changes
        self, kind: str, key: str, *, was: Any, changes: Any, starts: Sequence[NewExecution], cancels: Sequence[str]
    ) -> bool: ...


Request = Callable[[Sensor, Item], NewExecution]
"""Makes the request about an item."""


class Sensing:
    """Asks the sensors of an app.

    Args:
        seen: Where it is kept how far they are.
        sensors: To be asked.
        request: Makes the request about an item.
        worker_id: Says who this is now.
        clock: Time.
    """

    def __init__(
        self, seen: Seen, sensors: Sequence[Sensor], request: Request, *, worker_id: Callable[[], str], clock: Clock
    ) -> None:
        self._seen, self._sensors, self._request = seen, sensors, request
        self._clock = clock
        self._holds = {
            one.name: Hold(seen, f"sensor:{one.name}", for_s=_HOLD_S + one.timeout_s, worker_id=worker_id, clock=clock)
            for one in sensors
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until `stop` is set; a slow sensor holds up no other."""
        looking = [asyncio.create_task(self._keep_looking(one)) for one in self._sensors]
        try:
            await stop.wait()
        finally:
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)

    async def _keep_looking(self, one: Sensor) -> None:
        while True:
            wait_s = EVERY_S
            try:
                wait_s = await self.look(one)
            except StoreError as error:
                log.warning("sensor_not_asked", sensor=one.name, error=str(error))
            except Exception:  # a defect of ours must not end the looking
                log.exception("sensor_stumbled", sensor=one.name)
            await asyncio.sleep(max(min(wait_s, _HOLD_S / 2), 0.01))

    async def look(self, one: Sensor) -> float:
        """Ask it, if its time has come and it is this worker's turn; seconds until the next time."""
        if not await self._holds[one.name].is_mine():
            return _HOLD_S / 2
        was = await self._seen.sensed(one.name)
        now = self._clock.now()
        if was.next_at and now < was.next_at <= now + timedelta(seconds=max(one.every_s, _LONGEST_PAUSE_S)):
            return (was.next_at - now).total_seconds()
        try:
            starts, cursor = await self._ask(one, was)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - other people's code may raise anything
            return await self._failed(one, was, error)
        await self._store(one, was, starts, one.every_s, cursor=cursor, failures=0, error=None)
        return one.every_s

    async def _ask(self, one: Sensor, was: Sensed) -> tuple[list[NewExecution], Any]:
        async with asyncio.timeout(one.timeout_s):
            found = cast("object", await one.look(was.cursor))
        if not isinstance(found, Items):
            raise UsageError(f"sensor {one.name!r} gave {type(found).__name__}: return Items([...], cursor)")
        if len(found.items) > _MOST:
            raise UsageError(f"sensor {one.name!r} gave {len(found.items):,} items: give up to {_MOST:,} at a time")
        for item in found.items:
            if not item.key or len(item.key) > _LONGEST_KEY:
                raise UsageError(f"sensor {one.name!r}: an item's key has 1 to {_LONGEST_KEY} characters")
        return [self._request(one, item) for item in found.items], found.cursor

    async def _failed(self, one: Sensor, was: Sensed, error: Exception) -> float:
        said = str(error) if isinstance(error, HoldfastError) else f"{type(error).__name__}: {error}"
        failures = was.failures + 1
        pause_s = min(one.every_s * 2 ** min(failures, 20), max(_LONGEST_PAUSE_S, one.every_s))
        log.warning("sensor_failed", sensor=one.name, failures=failures, error=said, next_try_s=pause_s)
        with suppress(HoldfastError):
            await self._store(one, was, [], pause_s, cursor=was.cursor, failures=failures, error=said[:1_000])
        return pause_s

    async def _store(  # noqa: PLR0913 - what a look changes
        self, one: Sensor, was: Sensed, starts: Sequence[NewExecution], wait_s: float, *, cursor: Any, failures: int,
        error: str | None,
    ) -> None:  # fmt: skip
        next_at = (self._clock.now() + timedelta(seconds=wait_s)).isoformat()
        stored = await self._seen.fire(
            "sensor",
            one.name,
            was={"cursor": was.cursor, "next_at": was.next_at.isoformat() if was.next_at else None},
            changes={"cursor": cursor, "next_at": next_at, "failures": failures, "error": error},
            starts=starts,
            cancels=(),
        )
        if stored and starts:
            log.info("sensor_saw", sensor=one.name, items=len(starts))
