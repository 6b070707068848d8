"""What takes deliveries from the outbox to people, until each is there or given up with a reason.

One line for each channel, one delivery at a time: a service that is slow or wants fewer messages holds up its own line
only. A row is taken for a while, sent, recorded. Between the last two a crash may come; then the row is taken again
with the same id, by which the channel lets the service recognise it where the service can.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from random import random
from typing import Final, TypeAlias

import structlog

from holdfast.errors import DeliveryFailed, StoreError
from holdfast.notify.backoff import next_attempt
from holdfast.ports import Channel, Clock, Outbox
from holdfast.types import Card, Closed, Notice, Outgoing

log = structlog.get_logger("holdfast.notify")

ATTEMPTS: Final = 12
_IDLE_S: Final = 30.0
_AWAY_S: Final = 1.0

OnDead: TypeAlias = Callable[[Outgoing, str], Awaitable[None]]
"""Told of a delivery before it is given up, perhaps twice: so that people learn of it another way."""


class Courier:
    """Delivers through channels what the outbox holds.

    Args:
        outbox: Where deliveries wait.
        channels: Ways to people.
        worker_id: Who holds the rows that are taken; or what says so now, for a worker that may get another name.
        clock: Time.
        jitter: Numbers from 0 to 1. Default: random.
        attempts: Attempts until a delivery is given up. Default: 12, over about a day.
        timeout_s: Seconds that one attempt may take. Default: 30.
        on_dead: Told of each delivery that is given up. Default: nobody, but the log.
        public_url: Where people reach the console, for links. Default: messages have none.
    """

    def __init__(  # noqa: PLR0913 - one for each thing it is given
        self,
        outbox: Outbox,
        channels: Iterable[Channel],
        *,
        worker_id: str | Callable[[], str],
        clock: Clock,
        jitter: Callable[[], float] = random,
        attempts: int = ATTEMPTS,
        timeout_s: float = 30,
        on_dead: OnDead | None = None,
        public_url: str | None = None,
    ) -> None:
        self._outbox, self._channels = outbox, list(channels)
        self._worker_id = (lambda: worker_id) if isinstance(worker_id, str) else worker_id
        self._clock, self._jitter = clock, jitter
        self._attempts, self._timeout_s, self._on_dead = attempts, timeout_s, on_dead
        self._public_url = public_url

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set and what is in hand is done, then close the channels."""
        try:
            async with asyncio.TaskGroup() as lines:
                lines.create_task(stop.wait())
                for channel in self._channels:
                    lines.create_task(self._serve(channel, stop), name=f"courier-{channel.name}")
        finally:
            for channel in self._channels:
                await channel.close()

    async def empty(self) -> None:
        """Deliver what is due now, on all channels at once; a channel that fails is left at that."""
        async with asyncio.TaskGroup() as lines:
            for channel in self._channels:
                lines.create_task(self._empty(channel))

    async def _empty(self, channel: Channel) -> None:
        try:
            while await self.deliver(channel) == 0.0:
                pass
        except StoreError as error:
            log.warning("outbox away", channel=channel.name, error=str(error))

    async def deliver(self, channel: Channel) -> float | None:
        """Take one delivery of a channel, if any is due, and see it through.

        Returns:
            Seconds until the channel may be tried again; `None`: nothing was due.
        """
        me = self._worker_id()
        taken = await self._outbox.due(me, channel=channel.name, limit=1, hold_s=self._timeout_s * 3)
        if not taken:
            return None
        outgoing = taken[0] if self._public_url is None else linked(taken[0], self._public_url)
        try:
            ref = await self._attempt(channel, outgoing)
        except DeliveryFailed as failed:
            await self._failed(outgoing, failed, me)
            return failed.retry_after_s or 0.0
        await self._recorded(lambda: self._outbox.sent(outgoing.id, worker_id=me, ref=ref))
        log.info("delivered", channel=channel.name, id=outgoing.id, attempt=outgoing.attempts)
        return 0.0

    async def _serve(self, channel: Channel, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                wait_s = await self.deliver(channel)
                if wait_s is None:
                    await _unless(stop, self._outbox.wait_for_mail(channel.name, timeout_s=_IDLE_S))
                elif wait_s > 0:
                    await _unless(stop, self._clock.sleep(wait_s))
            except StoreError as error:
                log.warning("outbox away", channel=channel.name, error=str(error))
                await _unless(stop, self._clock.sleep(_AWAY_S))
            except Exception:  # one line's defect must not end the others
                log.exception("courier stumbled", channel=channel.name)
                await _unless(stop, self._clock.sleep(_AWAY_S))

    async def _attempt(self, channel: Channel, outgoing: Outgoing) -> str | None:
        """One attempt, whose every end is a reference or `DeliveryFailed`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._through(channel, outgoing)
        except (DeliveryFailed, StoreError):
            raise
        except TimeoutError:
            raise DeliveryFailed(f"{channel.name} did not answer within {self._timeout_s:g} s") from None
        except Exception as error:  # a defect in a channel must not hold up its line
            log.exception("channel broke", channel=channel.name, id=outgoing.id)
            raise DeliveryFailed(f"{channel.name} broke: {type(error).__name__}") from error

    async def _through(self, channel: Channel, outgoing: Outgoing) -> str | None:
        delivery = outgoing.delivery
        if not isinstance(delivery, Closed):
            return await channel.send(outgoing)
        for ref in await self._outbox.refs(delivery.card.approval_id, channel=channel.name):
            await channel.update(ref, delivery)
        return None

    async def _failed(self, outgoing: Outgoing, failed: DeliveryFailed, me: str) -> None:
        next_at = next_attempt(
            failed,
            attempts=outgoing.attempts,
            most=self._attempts,
            now=self._clock.now(),
            jitter=self._jitter(),
        )
        where = outgoing.address.channel
        log.warning("not delivered", channel=where, id=outgoing.id, error=str(failed), next_at=str(next_at or "never"))
        if next_at is None and self._on_dead is not None:
            await self._on_dead(outgoing, str(failed))
        await self._recorded(lambda: self._outbox.failed(outgoing.id, worker_id=me, error=str(failed), next_at=next_at))

    async def _recorded(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write down what happened, also when the database is away for a moment: else it would happen again."""
        until = self._clock.monotonic() + self._timeout_s
        while True:
            try:
                return await write()
            except StoreError:
                if self._clock.monotonic() >= until:
                    raise
                await self._clock.sleep(_AWAY_S)


def linked(outgoing: Outgoing, public_url: str) -> Outgoing:
    """The same with the address at which the console shows what it is about."""
    delivery = outgoing.delivery
    match delivery:
        case Card():
            delivery = replace(delivery, link=f"{public_url}/approvals/{delivery.approval_id}")
        case Closed(card=card):
            link = f"{public_url}/approvals/{card.approval_id}"
            delivery = replace(delivery, card=replace(card, link=link))
        case Notice():
            delivery = replace(delivery, link=f"{public_url}/health")
    return replace(outgoing, delivery=delivery)


async def _unless(stop: asyncio.Event, waiting: Awaitable[None]) -> None:
    """Wait, but not longer than until `stop` is set."""
    wanted, stopped = asyncio.ensure_future(waiting), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([wanted, stopped], return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            wanted.result()
    finally:
        wanted.cancel()
        stopped.cancel()
        await asyncio.gather(wanted, stopped, return_exceptions=True)
