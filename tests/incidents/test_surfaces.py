"""People on four surfaces: asked on all, decided on one, told on the others; a crash loses and doubles nothing."""

import asyncio
from collections.abc import Awaitable, Callable

from holdfast.app import App
from tests.incidents.office import Office, open_office
from tests.incidents.place import Place, until
from tests.notify.http_server import Reply
from tests.notify.slack_server import texts
from tests.notify.telegram_server import plain


def with_office(place: Place, story: Callable[[Office, App], Awaitable[None]], *, within_s: float = 90) -> None:
    """Run a story with services; it starts workers and doors itself."""

    async def whole() -> None:
        async with asyncio.timeout(within_s), open_office(place) as office, place.app() as app:
            await story(office, app)

    asyncio.run(whole())


def slack_says(office: Office) -> str:
    return " ".join("".join(texts(message["blocks"])) for message in office.slack.messages.values())


def telegram_says(office: Office) -> str:
    return " ".join(plain(message["text"]) for message in office.telegram.messages.values())


def hook_types(office: Office) -> list[str]:
    return [request.json["type"] for request in office.hook.requests]


def test_when_one_surface_decides_the_others_say_so(place: Place):
    """Asked in Slack, Telegram, by mail and webhook; Ada follows her mail's link; all say `Approved by Ada`."""

    async def story(office: Office, app: App) -> None:
        worker = office.worker()
        try:
            async with office.door():
                approval = await office.ask(app)
                await until(lambda: bool(office.slack.messages and office.telegram.messages and office.mail.mails))
                await until(lambda: hook_types(office) == ["approval.opened"])
                shown = await office.http.get(office.link())
                assert (shown.status_code, "Waiting for a person" in shown.text) == (200, True)
                assert (await app.approvals())[0].id == approval.id  # looking decided nothing
                sent = await office.http.post(office.link(), data={"choice": "approve", "note": "fine"})
                assert sent.status_code == 303
                after = await office.http.get(office.link())
                assert "Approved by Ada" in after.text
                await until(lambda: "Approved by Ada" in slack_says(office))
                await until(lambda: "Approved by Ada" in telegram_says(office))
                await until(lambda: hook_types(office) == ["approval.opened", "approval.closed"])
                late = await office.post(approval.id, "reject")
                assert (late.status_code, "Already decided: approved by Ada" in late.text) == (409, True)
                await app.wait(approval.execution_id, 30)
                assert office.place.did() == ["send"]
        finally:
            worker.end()

    with_office(place, story)


def test_a_worker_killed_while_it_delivers_loses_and_doubles_nothing(place: Place):
    """SIGKILL after the services took it and before that was recorded: the next worker finds or names the same one."""

    async def story(office: Office, app: App) -> None:
        office.slack.next.append(Reply(hang=True))
        office.hook.next.append(Reply(hang=True))
        first = office.worker()
        try:
            await office.ask(app)
            await office.slack.answered.wait()
            await office.hook.answered.wait()
        finally:
            first.end()
        second = office.worker()
        try:
            await until(lambda: len(office.hook.requests) == 2)
            await until(lambda: all_done(place))
        finally:
            second.end()
        assert len(office.slack.messages) == 1
        assert len({request.headers["webhook-id"] for request in office.hook.requests}) == 1
        assert len({mail["Message-ID"] for mail in office.mail.mails}) == 1

    with_office(place, story)


def all_done(place: Place) -> bool:
    rows = place.sql("SELECT status FROM agent_outbox")
    return len(rows) == 4 and {status for (status,) in rows} == {"sent"}
