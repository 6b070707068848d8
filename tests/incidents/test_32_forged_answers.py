"""**An attacker posts a forged Slack, Telegram or webhook answer**: refused, recorded, and nothing is decided."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from holdfast.app import App
from holdfast.notify.inbound.links import Invitation, token
from holdfast.types import Approval
from tests.incidents.office import Office, open_office, refused
from tests.incidents.place import Place


def forged_link(asked: Approval) -> str:
    """A link that somebody signed with a key of their own."""
    invitation = Invitation(approval_id=asked.id, person="Ada", expires_at=asked.expires_at)
    return token(invitation, SecretStr("g" * 40))


def with_door(place: Place, story: Callable[[Office, App], Awaitable[None]], *, within_s: float = 90) -> None:
    """Run a story with a worker and a door as processes of their own."""

    async def whole() -> None:
        async with asyncio.timeout(within_s), open_office(place) as office, place.app() as app:
            worker = office.worker()
            try:
                async with office.door():
                    await story(office, app)
            finally:
                worker.end()

    asyncio.run(whole())


def test_forged_stale_and_replayed_answers_are_refused_and_the_genuine_one_decides_once(place: Place):
    """An attacker posts what they like; the person's own answer counts, once, and what was refused is on the record."""

    async def story(office: Office, app: App) -> None:
        asked, other = await office.ask(app), await office.ask(app)
        an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
        forged = [
            await office.press(asked.id, secret="not the signing secret"),
            await office.press(asked.id, at=an_hour_ago),
            await office.http.post("/channels/slack", content=b"payload=%7B%7D"),
            await office.press(asked.id, user={"id": "U666"}),
            await office.tap(asked.id, token="t" * 32),
            await office.http.post("/channels/telegram", json={"update_id": 1}),
            await office.post(asked.id, secret="whsec_" + "YWFh" * 11),
            await office.post(asked.id, at=an_hour_ago),
            await office.post(asked.id, body=b'{"type": "approval.answer"}'),
            await office.post(asked.id, by="Mallory"),
            await office.http.post(f"/answer/{forged_link(asked)}", data={"choice": "approve"}),
        ]
        assert [reply.status_code for reply in forged] == [401, 401, 401, 403, 401, 401, 401, 401, 401, 403, 403]
        assert [one.status for one in await app.approvals(None)] == ["open", "open"]

        at = datetime.now(UTC)
        genuine = await office.press(asked.id, at=at)
        assert genuine.status_code == 200
        assert (await office.press(asked.id, at=at)).status_code == 403  # the very same request, played again
        assert (await office.tap(other.id, "reject")).status_code == 200
        assert (await office.tap(other.id, "reject")).status_code == 403
        found = {one.id: one for one in await app.approvals(None)}
        assert (found[asked.id].status, found[asked.id].decided_by) == ("approved", "Ada")
        assert (found[other.id].status, found[other.id].decided_by) == ("rejected", "Ada")
        await app.wait(asked.execution_id, 30)
        assert office.place.did() == ["send"]

        kinds = {(entry.data["channel"], entry.data["reason"]) for entry in await refused(app)}
        assert kinds == {
            ("slack", "bad_signature"), ("slack", "stale"), ("slack", "missing_signature"),
            ("slack", "unknown_person"), ("slack", "replayed"),
            ("telegram", "bad_signature"), ("telegram", "missing_signature"), ("telegram", "replayed"),
            ("webhook", "bad_signature"), ("webhook", "stale"), ("webhook", "unknown_person"),
            ("email", "bad_signature"),
        }  # fmt: skip

    with_door(place, story)


def test_a_flood_of_forged_answers_does_not_fill_the_database(place: Place):
    """Two hundred of a kind within a minute are one entry at once and one with their number at the end."""

    async def story(office: Office, app: App) -> None:
        posted = [office.http.post("/channels/slack", content=b"x") for _ in range(200)]
        for some in range(0, 200, 20):
            replies = await asyncio.gather(*posted[some : some + 20])
            assert {reply.status_code for reply in replies} == {401}
        assert len(await refused(app)) == 1

    with_door(place, story)


def test_a_request_that_is_too_large_is_not_read(place: Place):
    """Nobody sends a megabyte to press a button."""

    async def story(office: Office, app: App) -> None:
        reply = await office.http.post("/channels/webhook", content=b"x" * 1_200_000)
        assert reply.status_code == 413

    with_door(place, story)
