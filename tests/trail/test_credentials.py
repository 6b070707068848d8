"""Credentials on both databases: made once, used once, ended once, each change on the record."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from holdfast import App
from holdfast.errors import NotFound, Unauthenticated
from holdfast.testing import FakeClock
from holdfast.trail.audit import verify_database
from holdfast.trail.credentials import Credential


def play(database: str, story: Callable[[App, App, FakeClock], Awaitable[None]]) -> None:
    """Two processes on one database."""

    async def whole() -> None:
        clock = FakeClock()
        first, second = App(database=database, clock=clock), App(database=database, clock=clock)
        async with asyncio.timeout(30), first as one, second as other:
            await story(one, other, clock)

    asyncio.run(whole())


def test_a_key_works_at_once_in_another_process_until_it_is_revoked(database: str) -> None:
    """Made on the command line, it works in a running server; revoked there, it is heeded within two seconds."""

    async def story(cli: App, server: App, clock: FakeClock) -> None:
        key, secret = await cli.access.create_key("ci", role="runner", by="ann", user="mia", agents=["support"])
        caller = await server.access.caller_of_key(secret)
        assert (caller.name, caller.role, caller.user, caller.agents) == ("ci", "runner", "mia", ("support",))
        await cli.access.revoke_key(key.id, by="ann")
        clock.advance(2)
        with pytest.raises(Unauthenticated, match="revoked"):
            await server.access.caller_of_key(secret)

    play(database, story)


def test_a_login_link_is_good_once_however_many_use_it_at_once(database: str) -> None:
    """Eight browsers in two processes, one session."""

    async def story(one: App, other: App, clock: FakeClock) -> None:
        token = await one.access.login_link(name="Ada", role="approver", by="root")
        tries = [app.access.open_session(token) for app in (one, other) * 4]
        came = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(each, tuple) for each in came) == 1
        assert sum(isinstance(each, Unauthenticated) for each in came) == 7
        assert len(await one.access.keys("session")) == 1

    play(database, story)


def test_every_change_is_on_the_record_and_no_secret_is(database: str) -> None:
    """Who made what for whom, who logged in, who ended it; and the record is unbroken."""

    async def story(app: App, _: App, clock: FakeClock) -> None:
        key, secret = await app.access.create_key("ci", role="viewer", by="ann")
        _, cookie = await app.access.open_session(secret)
        await app.access.close_session(cookie)
        await app.access.revoke_key(key.id, by="bob")
        record = await app.control.record()
        assert [(entry.kind, entry.data["by"]) for entry in record] == [
            ("key.created", "ann"), ("session.opened", "ci"), ("session.closed", "ci"), ("key.revoked", "bob"),
        ]  # fmt: skip
        told = str(record)
        assert secret.rsplit("_", 1)[1] not in told
        assert cookie.rsplit("_", 1)[1] not in told

    play(database, story)
    assert asyncio.run(verify_database(database)).ok


def test_the_database_has_no_secret(sqlite_database: str) -> None:
    """Whoever reads the table finds hashes."""

    async def story(app: App, _: App, clock: FakeClock) -> None:
        key, secret = await app.access.create_key("ci", role="viewer", by="ann")
        stored = await (await app._parts.trail()).credential(key.id)
        assert stored is not None
        assert secret not in str(stored)
        assert len(stored.hash) == 64

    play(sqlite_database, story)


def test_ending_twice_is_ending_once(database: str) -> None:
    """The time of the first end stands, and one entry."""

    async def story(app: App, other: App, clock: FakeClock) -> None:
        key, _ = await app.access.create_key("ci", role="viewer", by="ann")
        first = await app.access.revoke_key(key.id, by="ann")
        clock.advance(60)
        again = await other.access.revoke_key(key.id, by="bob")
        assert again.revoked_at == first.revoked_at
        assert [entry.kind for entry in await app.control.record()] == ["key.created", "key.revoked"]

    play(database, story)


def test_making_again_after_a_lost_answer_makes_one(database: str) -> None:
    """A commit of unknown outcome is tried again: there is one key and one entry."""

    async def story(app: App, _: App, clock: FakeClock) -> None:
        key, _ = await app.access.create_key("ci", role="viewer", by="ann")
        trail = await app._parts.trail()
        again = await trail.issue(Credential(key=key, hash="0" * 64))
        assert again == key
        assert len(await app.access.keys()) == len(await app.control.record()) == 1

    play(database, story)


def test_ending_what_is_not_there_says_so(sqlite_database: str) -> None:
    """With where to look."""

    async def story(app: App, _: App, clock: FakeClock) -> None:
        with pytest.raises(NotFound, match="holdfast keys list"):
            await app.access.revoke_key("0123456789", by="ann")

    play(sqlite_database, story)


def test_sessions_that_were_over_a_month_ago_are_forgotten(database: str) -> None:
    """Keys are kept for good: who looks back finds whose they were."""

    async def story(app: App, _: App, clock: FakeClock) -> None:
        _, secret = await app.access.create_key("ci", role="viewer", by="ann", expires_at=None)
        await app.access.open_session(secret, lasts_s=60)
        clock.advance(31 * 86_400)
        await app.access.open_session(secret)
        assert (len(await app.access.keys("session")), len(await app.access.keys())) == (1, 1)

    play(database, story)


def test_when_a_key_was_used_is_seen(sqlite_database: str) -> None:
    """Within a minute, and at no cost to the request."""

    async def story(app: App, other: App, clock: FakeClock) -> None:
        _, secret = await app.access.create_key("ci", role="viewer", by="ann")
        clock.advance(90)
        await app.access.caller_of_key(secret)
        await app.access._touching
        assert [key.last_used_at for key in await other.access.keys()] == [clock.now()]

    play(sqlite_database, story)
