"""Courier, channel and service together: a crash at the worst moment neither loses a message nor doubles it."""

import asyncio
import base64
from collections.abc import Awaitable, Callable

from holdfast.config import SlackSettings, WebhookSettings
from holdfast.notify.courier import Courier
from holdfast.notify.people import People
from holdfast.notify.slack import Slack
from holdfast.notify.webhook import Webhook
from holdfast.ports import Channel
from holdfast.testing import FakeClock
from tests.notify.deliveries import CLOSED, outgoing
from tests.notify.http_server import HttpServer, Reply, Request, serving
from tests.notify.memory_outbox import MemoryOutbox
from tests.notify.slack_server import TOKEN, SlackServer, texts

SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()


class Office:
    """An outbox, a clock, and couriers that may die."""

    def __init__(self, channel: Channel, clock: FakeClock) -> None:
        self.channel, self.clock, self.outbox = channel, clock, MemoryOutbox(clock)

    async def deliver(self, worker: str = "w1") -> None:
        await Courier(self.outbox, [self.channel], worker_id=worker, clock=self.clock).deliver(self.channel)

    async def die_while_delivering(self, taken: asyncio.Event) -> None:
        dying = asyncio.ensure_future(self.deliver("dying"))
        await taken.wait()
        dying.cancel()
        self.clock.advance(90)


def with_slack(story: Callable[[SlackServer, Office], Awaitable[None]]) -> None:
    """Run a story with a workspace."""

    async def told() -> None:
        async with serving(SlackServer()) as server:
            assert isinstance(server, SlackServer)
            given = {"token": TOKEN, "signing_secret": "s", "channel": "C1", "base_url": server.url}
            slack = Slack(SlackSettings.model_validate(given), people=People([]))
            await story(server, Office(slack, FakeClock()))
            await slack.close()

    asyncio.run(told())


def test_slack_has_one_message_after_a_crash():
    """Killed after Slack took it and before it was recorded: the next courier finds it."""

    async def story(server: SlackServer, office: Office) -> None:
        row = office.outbox.put(outgoing(attempts=0))
        server.next.append(Reply(hang=True))
        await office.die_while_delivering(server.answered)
        await office.deliver("w2")
        assert row.status == "sent"
        assert len(server.messages) == 1

    with_slack(story)


def test_the_found_message_is_the_one_that_is_updated():
    """After that crash the decision still takes the buttons away."""

    async def story(server: SlackServer, office: Office) -> None:
        office.outbox.put(outgoing(attempts=0))
        server.next.append(Reply(hang=True))
        await office.die_while_delivering(server.answered)
        await office.deliver("w2")
        office.outbox.put(outgoing(CLOSED, id="out-2", attempts=0))
        await office.deliver("w2")
        (message,) = server.messages.values()
        assert "Approved by Ada" in "".join(texts(message["blocks"]))

    with_slack(story)


def test_a_receiver_that_remembers_ids_takes_one_webhook_after_a_crash():
    """It arrives twice, under one id."""
    taken: list[str] = []

    def receive(request: Request) -> Reply:
        taken.append(request.headers["webhook-id"])
        return Reply(status=204)

    async def told() -> None:
        async with serving(HttpServer(receive)) as server:
            clock = FakeClock()
            settings = WebhookSettings.model_validate({"url": server.url, "secret": SECRET})
            webhook = Webhook(settings, clock=clock)
            office = Office(webhook, clock)
            row = office.outbox.put(outgoing(channel="webhook", attempts=0))
            server.next.append(Reply(hang=True))
            await office.die_while_delivering(server.answered)
            await office.deliver("w2")
            await webhook.close()
            assert row.status == "sent"
            assert taken == ["msg_out-1", "msg_out-1"]

    asyncio.run(told())


def test_a_rate_limit_is_kept_to_the_second():
    """Slack says 30 seconds: nothing is tried before, and it arrives after."""

    async def story(server: SlackServer, office: Office) -> None:
        row = office.outbox.put(outgoing(attempts=0))
        server.next.append(Reply({"ok": False}, status=429, headers={"retry-after": "120"}))
        await office.deliver()
        asked = len(server.requests)
        office.clock.advance(119)
        await office.deliver()
        assert (row.status, len(server.requests)) == ("waiting", asked)
        office.clock.advance(1)
        await office.deliver()
        assert row.status == "sent"

    with_slack(story)
