"""Who comes in: what counts as a key, a link and a session, and until when."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from holdfast import App
from holdfast.config import Settings
from holdfast.errors import Unauthenticated, UsageError
from holdfast.testing import FakeClock


def play(database: str, story: Callable[[App, FakeClock], Awaitable[None]], **settings: object) -> None:
    async def whole() -> None:
        clock = FakeClock()
        async with App(database=database, clock=clock, settings=Settings(**settings)) as app:
            await asyncio.wait_for(story(app, clock), 20)

    asyncio.run(whole())


def test_a_key_is_good_until_it_expires(sqlite_database: str) -> None:
    """Also when it was just looked at."""

    async def story(app: App, clock: FakeClock) -> None:
        until = clock.now() + timedelta(seconds=10)
        _, secret = await app.access.create_key("ci", role="viewer", by="ann", expires_at=until)
        clock.advance(9.9)
        await app.access.caller_of_key(secret)
        clock.advance(0.1)
        with pytest.raises(Unauthenticated, match="expired at 2026-01-01 00:00 UTC"):
            await app.access.caller_of_key(secret)

    play(sqlite_database, story)


def test_a_session_ends_with_its_key(sqlite_database: str) -> None:
    """Who loses the key is logged out, in every browser."""

    async def story(app: App, clock: FakeClock) -> None:
        key, secret = await app.access.create_key("ci", role="viewer", by="ann")
        _, cookie = await app.access.open_session(secret)
        await app.access.caller_of_session(cookie)
        await app.access.revoke_key(key.id, by="ann")
        with pytest.raises(Unauthenticated, match="ended with the key"):
            await app.access.caller_of_session(cookie)

    play(sqlite_database, story)


def test_a_session_lasts_no_longer_than_its_key(sqlite_database: str) -> None:
    """A key for an hour opens no session for twelve."""

    async def story(app: App, clock: FakeClock) -> None:
        until = clock.now() + timedelta(hours=1)
        _, secret = await app.access.create_key("ci", role="viewer", by="ann", expires_at=until)
        await app.access.open_session(secret)
        assert [each.expires_at for each in await app.access.keys("session")] == [until]

    play(sqlite_database, story)


def test_a_session_is_over_after_twelve_hours(sqlite_database: str) -> None:
    """However busy it was."""

    async def story(app: App, clock: FakeClock) -> None:
        _, secret = await app.access.create_key("ci", role="viewer", by="ann")
        _, cookie = await app.access.open_session(secret)
        clock.advance(12 * 3_600 - 1)
        await app.access.caller_of_session(cookie)
        clock.advance(1)
        with pytest.raises(Unauthenticated, match="expired"):
            await app.access.caller_of_session(cookie)

    play(sqlite_database, story)


def test_a_link_is_good_for_ten_minutes(sqlite_database: str) -> None:
    """An old mail opens nothing."""

    async def story(app: App, clock: FakeClock) -> None:
        token = await app.access.login_link(name="Ada", role="viewer", by="root")
        clock.advance(600)
        with pytest.raises(Unauthenticated, match="expired"):
            await app.access.open_session(token)

    play(sqlite_database, story)


def test_each_kind_of_secret_opens_its_own_door(sqlite_database: str) -> None:
    """A stolen cookie is no key, a link no session, and a session opens no further one."""

    async def story(app: App, clock: FakeClock) -> None:
        _, secret = await app.access.create_key("ci", role="viewer", by="ann")
        token = await app.access.login_link(name="Ada", role="viewer", by="root")
        _, cookie = await app.access.open_session(secret)
        for call, given in [
            (app.access.caller_of_key, cookie),
            (app.access.caller_of_key, token),
            (app.access.caller_of_session, secret),
            (app.access.caller_of_session, token),
            (app.access.open_session, cookie),
            (app.access.caller_of_key, cookie.replace("hs_", "hf_")),
            (app.access.caller_of_session, secret.replace("hf_", "hs_")),
        ]:
            with pytest.raises(Unauthenticated):
                await call(given)

    play(sqlite_database, story)


@pytest.mark.parametrize("damage", ["last", "first", "other id", "shorter", "longer", "newline", "none"])
def test_a_damaged_key_is_nobodys(sqlite_database: str, damage: str) -> None:
    """Each is a guess, which doors count."""

    async def story(app: App, clock: FakeClock) -> None:
        _, secret = await app.access.create_key("ci", role="viewer", by="ann")
        other, _ = await app.access.create_key("other", role="admin", by="ann")
        swap = "A" if secret[-1] != "A" else "B"
        given = {
            "last": secret[:-1] + swap,
            "first": f"hf_{secret[3:35]}_{swap}{secret[37:]}",
            "other id": f"hf_{other.id}_{secret.split('_', 2)[2]}",
            "shorter": secret[:-1],
            "longer": secret + "A",
            "newline": secret + "\n",
            "none": "",
        }[damage]
        if given == secret:
            return
        with pytest.raises(Unauthenticated) as refused:
            await app.access.caller_of_key(given)
        assert refused.value.guessed

    play(sqlite_database, story)


def test_who_had_a_key_that_is_over_did_not_guess(sqlite_database: str) -> None:
    """A program that was deployed with an old key is told so, and is no attack."""

    async def story(app: App, clock: FakeClock) -> None:
        key, secret = await app.access.create_key("ci", role="viewer", by="ann")
        await app.access.revoke_key(key.id, by="ann")
        with pytest.raises(Unauthenticated, match="revoked") as refused:
            await app.access.caller_of_key(secret)
        assert not refused.value.guessed

    play(sqlite_database, story)


def test_a_runner_without_a_user_is_one_of_its_own(sqlite_database: str) -> None:
    """It sees what it started, and nobody else's."""

    async def story(app: App, clock: FakeClock) -> None:
        _, runner = await app.access.create_key("ci", role="runner", by="ann")
        _, bound = await app.access.create_key("web", role="runner", user="mia", by="ann")
        _, viewer = await app.access.create_key("board", role="viewer", by="ann")
        users = [(await app.access.caller_of_key(secret)).user for secret in (runner, bound, viewer)]
        assert users == ["ci", "mia", None]

    play(sqlite_database, story)


def test_a_user_whose_name_is_redacted_is_still_the_same(sqlite_database: str) -> None:
    """Executions carry a marker in the place of the name, and so does who may see them."""

    async def story(app: App, clock: FakeClock) -> None:
        _, secret = await app.access.create_key("ci", role="runner", by="ann")
        _, bound = await app.access.create_key("web", role="runner", user="mia", by="ann")
        prepare = (await app._parts.trail())._parts.prepare
        assert (await app.access.caller_of_key(secret)).user == prepare.user("ci") != "ci"
        assert (await app.access.caller_of_key(bound)).user == prepare.user("mia") != "mia"

    play(sqlite_database, story, redact_keys=("user",))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"role": "god"}, "one of viewer, runner, approver, operator, admin"),
        ({"name": " "}, "1 to 200 characters"),
        ({"name": "ci\nadmin"}, "can be printed"),
        ({"name": "x" * 201}, "1 to 200 characters"),
        ({"user": ""}, "user ''"),
        ({"agents": ["a\x00"]}, "agent 'a"),
        ({"agents": "support"}, r"\['support'\]"),
        ({"role": "admin", "user": "mia"}, "cannot be bound"),
        ({"by": " "}, "names nobody"),
    ],
)
def test_a_key_that_cannot_be_says_what_could(sqlite_database: str, given: dict[str, object], says: str) -> None:
    """Nothing is made."""

    async def story(app: App, clock: FakeClock) -> None:
        wanted = {"name": "ci", "role": "viewer", "by": "ann"} | given
        with pytest.raises(UsageError, match=says):
            await app.access.create_key(wanted.pop("name"), **wanted)
        assert not await app.access.keys()

    play(sqlite_database, story)


def test_a_key_cannot_expire_before_it_is_made(sqlite_database: str) -> None:
    """Nor at a time of an unknown zone."""

    async def story(app: App, clock: FakeClock) -> None:
        for at in (clock.now(), (clock.now() + timedelta(days=1)).replace(tzinfo=None)):
            with pytest.raises(UsageError, match="time to come, with its time zone"):
                await app.access.create_key("ci", role="viewer", by="ann", expires_at=at)

    play(sqlite_database, story)
