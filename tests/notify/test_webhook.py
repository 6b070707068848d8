"""A program of yours is told, can check that it is us, and can tell a second attempt."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

import pytest
from pydantic import SecretStr

from holdfast.config import WebhookSettings
from holdfast.errors import DeliveryFailed
from holdfast.notify.signature import verified
from holdfast.notify.webhook import Webhook
from holdfast.testing import FakeClock
from tests.notify.deliveries import APPROVAL, CLOSED, NOTICE, outgoing
from tests.notify.http_server import HttpServer, Reply, serving

SECRET = SecretStr("whsec_" + base64.b64encode(b"x" * 32).decode())


def receiver(story: Callable[[HttpServer, Webhook, FakeClock], Awaitable[None]]) -> None:
    """Run a story against a receiver."""

    async def told() -> None:
        async with serving(HttpServer(lambda _: Reply(status=204))) as server:
            clock = FakeClock()
            settings = WebhookSettings(url=f"{server.url}/hook", secret=SECRET)
            webhook = Webhook(settings, clock=clock)
            try:
                await story(server, webhook, clock)
            finally:
                await webhook.close()

    asyncio.run(told())


def test_a_question_is_posted_and_signed():
    """The signature holds for the bytes that arrived."""

    async def story(server: HttpServer, webhook: Webhook, clock: FakeClock) -> None:
        await webhook.send(outgoing())
        request = server.requests[0]
        assert verified(SECRET, headers=request.headers, body=request.body, now=clock.now())[0] == "msg_out-1"
        assert request.json["type"] == "approval.opened"
        assert request.json["data"]["approval_id"] == APPROVAL
        assert request.json["data"]["arguments"] == {"order_id": "1042", "amount": "120.00"}

    receiver(story)


def test_an_id_has_no_dots():
    """What is signed is id, time and body with dots between: none may be ambiguous."""

    async def story(server: HttpServer, webhook: Webhook, clock: FakeClock) -> None:
        await webhook.send(outgoing(id="a:opened:2026-01-01T00:00:00.5+00:00"))
        assert server.requests[0].headers["webhook-id"] == "msg_a_opened_2026-01-01T00_00_00_5_00_00"

    receiver(story)


def test_a_second_attempt_has_the_same_id_and_body():
    """A receiver that remembers ids takes it once, though it is signed anew."""

    async def story(server: HttpServer, webhook: Webhook, clock: FakeClock) -> None:
        server.next.append(Reply(cut=True))
        with pytest.raises(DeliveryFailed):
            await webhook.send(outgoing())
        clock.advance(3_600)
        await webhook.send(outgoing(attempts=2))
        first, second = server.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body
        assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]

    receiver(story)


def test_an_end_is_posted_once_for_all_messages():
    """A question and its reminder end together: both updates carry one id."""

    async def story(server: HttpServer, webhook: Webhook, clock: FakeClock) -> None:
        await webhook.update("msg_1", CLOSED)
        await webhook.update("msg_2", CLOSED)
        assert {request.headers["webhook-id"] for request in server.requests} == {f"msg_{APPROVAL}_approved"}
        assert server.requests[0].json["data"]["by"] == "Ada"

    receiver(story)


def test_an_alert_is_posted():
    """With its key, by which a receiver ends it later."""

    async def story(server: HttpServer, webhook: Webhook, clock: FakeClock) -> None:
        await webhook.send(outgoing(NOTICE))
        told = json.loads(server.requests[0].body)
        assert (told["type"], told["data"]["key"]) == ("alert.firing", "budget:global:80")

    receiver(story)


@pytest.mark.parametrize(("status", "permanent"), [(410, True), (404, False), (302, False), (500, False)])
def test_only_gone_is_for_ever(status: int, permanent: bool):
    """Redirects are not followed, errors are tried again, 410 ends it."""

    async def story(server: HttpServer, webhook: Webhook, clock: FakeClock) -> None:
        server.next.append(Reply(status=status, headers={"location": f"{server.url}/elsewhere"}))
        with pytest.raises(DeliveryFailed) as failed:
            await webhook.send(outgoing())
        assert failed.value.permanent is permanent
        assert [request.path for request in server.requests] == ["/hook"]

    receiver(story)


@pytest.mark.parametrize(
    ("given", "wait_s"), [("120", 120), ("999999999", 86_400), ("nan", None), ("-5", 0), ("soon", 0)]
)
def test_retry_after_is_believed_within_reason(given: str, wait_s: float | None):
    """Seconds are honoured up to a day; nonsense is not."""

    async def story(server: HttpServer, webhook: Webhook, clock: FakeClock) -> None:
        server.next.append(Reply(status=503, headers={"retry-after": given}))
        with pytest.raises(DeliveryFailed) as failed:
            await webhook.send(outgoing())
        assert failed.value.retry_after_s == wait_s

    receiver(story)
