"""Webhooks are told of tasks at least once, with their token, and never where they must not lead."""

import logging
from collections.abc import Callable

import pytest
from a2a.types import (
    AuthenticationInfo,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError

from tests.doors.http.a2a.conftest import BINDINGS, Webhook, client_of, run, sent, states, words
from tests.doors.http.live import Live

both = pytest.mark.parametrize("binding", BINDINGS)


def config(url: str, **more: object) -> TaskPushNotificationConfig:
    secret = AuthenticationInfo(scheme="Bearer", credentials="cr3dentials")
    return TaskPushNotificationConfig(id="mine", url=url, token="t0ken", authentication=secret, **more)


def told(webhook: Webhook) -> list[str]:
    """What the webhook was told, in short."""
    found = [body.get("statusUpdate") or body["artifactUpdate"] for _, body in webhook.received]
    return [one["status"]["state"].removeprefix("TASK_STATE_") if "status" in one else "artifact" for one in found]


@both
def test_a_webhook_is_told_of_everything_with_its_token(live: Live, webhook: Webhook, binding: str) -> None:
    """Also of the question, and of what follows the answer; each in the form of a stream."""

    async def story() -> None:
        async with client_of(live, "payer", binding=binding, streaming=False) as client:
            (asked,) = await sent(client, words("pay"), task_push_notification_config=config(webhook.url))
            await sent(client, words("approve", task_id=asked.task.id))
        assert webhook.ended.wait(10)
        assert told(webhook) == ["WORKING", "INPUT_REQUIRED", "WORKING", "artifact", "COMPLETED"]
        for headers, body in webhook.received:
            assert headers["x-a2a-notification-token"] == "t0ken"
            assert headers["authorization"] == "Bearer cr3dentials"
            assert asked.task.id in str(body)

    run(story)


def test_a_webhook_that_fails_is_told_again(live: Live, webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    """Each update arrives, in order; no secret stands in the log."""
    webhook.fails = [503]
    with caplog.at_level(logging.DEBUG):

        async def story() -> None:
            async with client_of(live, "echo", streaming=False) as client:
                await sent(client, words("hello"), task_push_notification_config=config(webhook.url))
            assert webhook.ended.wait(20)

        run(story)
    assert told(webhook) == ["WORKING", "artifact", "COMPLETED"]
    for secret in ("t0ken", "cr3dentials", "s3cret"):
        assert secret not in caplog.text


def test_two_servers_tell_a_webhook_once(live: Live, webhook: Webhook) -> None:
    """While one is at it the other leaves it alone."""
    other = Live(live.agents, live.database, worker=False, private_webhooks=True)

    async def story() -> None:
        async with client_of(live, "echo", streaming=False) as client:
            for _ in range(3):
                await sent(client, words("hello"), task_push_notification_config=config(webhook.url))
                assert webhook.ended.wait(10)
                webhook.ended.clear()

    try:
        run(story)
    finally:
        other.close()
    assert told(webhook) == ["WORKING", "artifact", "COMPLETED"] * 3


@both
def test_configurations_are_made_shown_and_deleted(live: Live, binding: str) -> None:
    """Secrets are not shown again; deleting twice is deleting once."""

    async def story() -> None:
        async with client_of(live, "payer", binding=binding, streaming=False) as client:
            (asked,) = await sent(client, words("pay"))
            task_id = asked.task.id
            made = await client.create_task_push_notification_config(
                config("https://127.0.0.1:9/told", task_id=task_id)
            )
            assert (made.id, made.task_id, made.token) == ("mine", task_id, "t0ken")
            wanted = GetTaskPushNotificationConfigRequest(task_id=task_id, id="mine")
            shown = await client.get_task_push_notification_config(wanted)
            assert (shown.url, shown.token, shown.authentication.scheme) == (made.url, "", "Bearer")
            assert shown.authentication.credentials == ""
            listed = ListTaskPushNotificationConfigsRequest(task_id=task_id)
            assert [one.id for one in (await client.list_task_push_notification_configs(listed)).configs] == ["mine"]
            gone = DeleteTaskPushNotificationConfigRequest(task_id=task_id, id="mine")
            await client.delete_task_push_notification_config(gone)
            await client.delete_task_push_notification_config(gone)
            with pytest.raises(TaskNotFoundError):
                await client.get_task_push_notification_config(wanted)

    run(story)


def test_a_webhook_that_cannot_be_called_refuses_the_message(live: Live) -> None:
    """Before anything is started."""

    async def story() -> None:
        before = live.do(live.app.list(limit=1))
        async with client_of(live, "echo", streaming=False) as client:
            with pytest.raises(InvalidParamsError, match="https://"):
                await sent(client, words("hello"), task_push_notification_config=config("ftp://example.com"))
        assert live.do(live.app.list(limit=1)) == before

    run(story)


def test_a_task_has_so_many_webhooks_at_most(live: Live) -> None:
    """Nobody makes one task call the world."""

    async def story() -> None:
        async with client_of(live, "payer", streaming=False) as client:
            (asked,) = await sent(client, words("pay"))
            assert states([asked]) == ["INPUT_REQUIRED"]
            make: Callable[[int], TaskPushNotificationConfig] = lambda n: TaskPushNotificationConfig(  # noqa: E731
                task_id=asked.task.id, id=str(n), url="https://127.0.0.1:9"
            )
            for n in range(10):
                await client.create_task_push_notification_config(make(n))
            with pytest.raises(InvalidParamsError, match="at most 10"):
                await client.create_task_push_notification_config(make(10))

    run(story)


def test_what_a_stopped_server_owed_is_told_by_the_next(
    live: Live, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The debt is in the database."""
    database = str(tmp_path_factory.mktemp("owed") / "holdfast.db")
    webhook.fails = [500] * 100
    first = Live(live.agents, database, private_webhooks=True)

    async def story() -> None:
        async with client_of(first, "echo", streaming=False) as client:
            await sent(client, words("hello"), task_push_notification_config=config(webhook.url))

    run(story)
    first.close()
    webhook.fails = []
    second = Live(live.agents, database, worker=False, private_webhooks=True)
    try:
        assert webhook.ended.wait(20)
    finally:
        second.close()
    assert told(webhook) == ["WORKING", "artifact", "COMPLETED"]
