"""Tells clients' webhooks what becomes of their tasks: at least once, in order, for as long as it takes.

Every server looks for what is due. One of them holds a subscription while it posts; where it dies, the hold runs out
and another one goes on behind the last event that was noted as told.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import httpx2
import structlog

from holdfast.app import App
from holdfast.doors.http.a2a import address
from holdfast.doors.http.a2a.story import Data, Story
from holdfast.errors import DeliveryFailed, StoreError
from holdfast.trail.subscriptions import Subscription, SubscriptionSide

log = structlog.get_logger("holdfast.a2a")

LOOKS_EVERY_S: Final = 0.5
GIVES_UP_AFTER: Final = 24
"""Attempts in a row that failed: about half a day."""
_HOLD_S: Final = 60
_AT_IT_S: Final = 30
"""For how long it posts for one subscription before it looks at others."""
_TIMEOUT: Final = dict.fromkeys(("connect", "read", "write", "pool"), 10.0)
"""Seconds."""
_AT_ONCE: Final = 20
_LONGEST_PAUSE_S: Final = 3_600
_REMEMBERED: Final = 1_000
"""Stories kept, so that a long one is not read from its beginning each time."""


class _Gone(DeliveryFailed):
    """The webhook says that it wants to be told nothing more."""


class Courier:
    """Posts what is due.

    Args:
        app: Whose executions.
        subscriptions: Where clients want to be told.
    """

    def __init__(self, app: App, subscriptions: SubscriptionSide) -> None:
        self._app, self._subscriptions = app, subscriptions
        self._stories: OrderedDict[tuple[str, str], Story] = OrderedDict()
        # Not a client: that one logs addresses, and would ask proxies and follow redirects to where nobody has looked.
        self._transport = httpx2.AsyncHTTPTransport(trust_env=False)

    async def run(self) -> None:
        """Post until cancelled."""
        async with self._transport:
            while True:
                try:
                    busy = await self._round()
                except StoreError as error:
                    log.warning("webhooks_wait", error=str(error))
                    busy = False
                if not busy:
                    await asyncio.sleep(LOOKS_EVERY_S)

    async def _round(self) -> bool:
        """Whether there was anything to do."""
        due = await self._subscriptions.subscriptions_due(limit=_AT_ONCE)
        came = await asyncio.gather(*(self._serve(one) for one in due), return_exceptions=True)
        for one, error in zip(due, came, strict=True):
            if isinstance(error, Exception):  # the others are told all the same; this one is due again after its hold
                log.error("webhook_failed", task=one.execution_id, config=one.id, exc_info=error)
        return bool(due)

    async def _serve(self, due: Subscription) -> None:
        held = await self._subscriptions.proceed(due, pause_s=_HOLD_S, failures=due.failures)
        if held is None:
            return  # another server is at it
        story = await self._story(held)
        try:
            async with asyncio.timeout(_AT_IT_S):
                told_seq = await self._tell(held, story)
        except TimeoutError:
            await self._note(held, max(held.told_seq, story.seq - 1))
        except DeliveryFailed as error:
            await self._failed(held, error, told_seq=max(held.told_seq, story.seq - 1))
        else:
            await self._told(held, story, told_seq)

    async def _story(self, held: Subscription) -> Story:
        """The task as its client knows it."""
        story = self._stories.pop((held.execution_id, held.id), None)
        if story is not None and story.seq == held.told_seq:
            return story
        story = Story(held.execution_id)
        async for event in self._app.events(held.execution_id, follow=False):
            if event.seq > held.told_seq:
                break
            story.hear(event)
        return story

    async def _tell(self, held: Subscription, story: Story) -> int:
        """Post each update; how far the client is told."""
        async for event in self._app.events(held.execution_id, after=story.seq, follow=False):
            for update in story.hear(event):
                await self._post(held, update)
        return story.seq

    async def _told(self, held: Subscription, story: Story, told_seq: int) -> None:
        if story.ended:
            await self._subscriptions.unsubscribe(held.execution_id, held.id)
            return
        await self._note(held, told_seq)
        self._stories[held.execution_id, held.id] = story
        if len(self._stories) > _REMEMBERED:
            self._stories.popitem(last=False)

    async def _note(self, held: Subscription, told_seq: int) -> None:
        await self._subscriptions.proceed(held, told_seq=told_seq)

    async def _failed(self, held: Subscription, error: DeliveryFailed, *, told_seq: int) -> None:
        failures = held.failures + 1
        # Neither the address nor a token: either may be secret.
        log.warning("webhook_failed", task=held.execution_id, config=held.id, error=str(error), failures=failures)
        if isinstance(error, _Gone) or failures >= GIVES_UP_AFTER:
            await self._subscriptions.unsubscribe(held.execution_id, held.id)
            return
        pause_s = max(error.retry_after_s or 0, min(2.0 ** (failures - 1), _LONGEST_PAUSE_S))
        pause_s = min(pause_s, _LONGEST_PAUSE_S)
        await self._subscriptions.proceed(held, pause_s=pause_s, told_seq=told_seq, failures=failures)

    async def _post(self, held: Subscription, update: Data) -> None:
        config: Data = dict(held.config)
        try:
            place = await address.resolved(config["url"], private=self._app.settings.private_webhooks)
            request = httpx2.Request(
                "POST",
                place.url,
                content=json.dumps(update, ensure_ascii=False).encode(),
                headers={**_headers(config), "host": place.header},
                extensions={"sni_hostname": place.host, "timeout": _TIMEOUT},
            )
            response = await self._transport.handle_async_request(request)
            await response.aclose()
        except address.Unreachable as error:
            raise DeliveryFailed(str(error)) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise DeliveryFailed(f"the webhook could not be reached: {type(error).__name__}") from None
        if response.status_code == 410:
            raise _Gone("the webhook answered 410")
        if response.status_code >= 300:
            raise DeliveryFailed(f"the webhook answered {response.status_code}")


def _headers(config: Data) -> dict[str, str]:
    headers = {"content-type": "application/a2a+json", "user-agent": "holdfast"}
    if config.get("token"):
        headers["x-a2a-notification-token"] = config["token"]
    authentication: Data = config.get("authentication", {})
    if authentication.get("scheme") and authentication.get("credentials"):
        headers["authorization"] = f"{authentication['scheme']} {authentication['credentials']}"
    return headers


@asynccontextmanager
async def delivering(app: App, subscriptions: SubscriptionSide) -> AsyncGenerator[None]:
    """Post what is due while the block runs."""
    task = asyncio.create_task(Courier(app, subscriptions).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
