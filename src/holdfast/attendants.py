"""What runs beside an engine: couriers for the channels that are configured."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from holdfast.config import Settings
from holdfast.configured import CHANNELS
from holdfast.engine.beside import Attendant
from holdfast.engine.local import LocalEngine
from holdfast.ports import Clock
from holdfast.trail.trail import Trail

_LAST_ROUND_S = 10.0
"""Seconds that a drain gives to what is due on channels."""


def attendants(engine: LocalEngine, *, settings: Settings, trail: Trail, clock: Clock) -> Sequence[Attendant]:
    """Whoever attends this engine: nobody, where nothing is configured.

    Raises:
        MissingExtra: A channel is configured whose library is not installed.
    """
    if not any(getattr(settings, name) for name in CHANNELS):
        return ()
    from holdfast.notify.courier import Courier  # noqa: PLC0415 - for those who have channels
    from holdfast.notify.routing import make_channels  # noqa: PLC0415 - HTTP clients

    channels = make_channels(settings, clock=clock).values()
    courier = Courier(trail, channels, worker_id=lambda: engine.worker_id, clock=clock)

    async def last_round() -> None:
        with suppress(TimeoutError):  # what is left waits for another worker
            async with asyncio.timeout(_LAST_ROUND_S):
                await courier.empty()

    engine.before_leaving = last_round
    return (courier.run,)
