"""What runs beside an engine: a watch over alerts, a rule of retention, couriers for the channels there are."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from holdfast.config import Settings
from holdfast.configured import CHANNELS
from holdfast.engine.beside import Attendant
from holdfast.engine.clock import new_id
from holdfast.engine.local import LocalEngine
from holdfast.engine.retention import Keep, Retention
from holdfast.engine.watch import Watch
from holdfast.policy.alerts import with_defaults
from holdfast.ports import Clock
from holdfast.trail.trail import Trail

_LAST_ROUND_S = 10.0
"""Seconds that a drain gives to what is due on channels."""


def attendants(
    engine: LocalEngine, *, settings: Settings, trail: Trail, clock: Clock, only: bool = False
) -> Sequence[Attendant]:
    """Whoever attends this engine.

    Args:
        engine: What works.
        settings: Which channels there are, and what people want to hear of.
        trail: Where deliveries and alerts are.
        clock: Time.
        only: It works on one execution alone: it does not look after alerts. Default: it does.

    Raises:
        MissingExtra: A channel is configured whose library is not installed.
    """
    watching = () if only else (watch(engine, settings=settings, trail=trail, clock=clock).run,)
    keep = Keep(payloads=settings.retention.payloads, everything=settings.retention.everything)
    if not only and keep != Keep():
        watching = (*watching, Retention(trail, keep, clock=clock, new_id=new_id).run)
    if not any(getattr(settings, name) for name in CHANNELS):
        return watching
    from holdfast.notify.courier import Courier  # noqa: PLC0415 - for those who have channels
    from holdfast.notify.routing import make_channels  # noqa: PLC0415 - HTTP clients

    channels = make_channels(settings, clock=clock).values()
    courier = Courier(trail, channels, worker_id=lambda: engine.worker_id, clock=clock, public_url=settings.public_url)

    async def last_round() -> None:
        with suppress(TimeoutError):  # what is left waits for another worker
            async with asyncio.timeout(_LAST_ROUND_S):
                await courier.empty()

    engine.before_leaving = last_round
    return (*watching, courier.run)


def watch(engine: LocalEngine, *, settings: Settings, trail: Trail, clock: Clock) -> Watch:
    """The watch over alerts."""
    given = settings.alerts.items()
    off = {rule.kind for _, rule in given if not rule.enabled}
    configured = [rule.named(name) for name, rule in given if rule.enabled]
    rules = [rule for rule in with_defaults(configured) if rule in configured or rule.kind not in off]
    return Watch(trail, rules, worker_id=lambda: engine.worker_id, clock=clock)
