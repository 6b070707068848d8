"""Keys in the header: what counts, what guessing comes to, and how far a bound key reaches."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Message, Scope

from holdfast.doors.http.lapsed import end_lapsed
from holdfast.doors.http.options import HttpOptions
from tests.doors.http.security.conftest import Site, opened

UNKNOWN = f"hf_{'0' * 32}_{'x' * 43}"


def status(site: Site, **headers: str) -> int:
    return site.request("GET", "/v1/executions", headers=headers).status_code


def test_a_key_is_sent_as_a_bearer(site: Site) -> None:
    """In any spelling of the word."""
    key = site.keys["viewer"]
    assert [status(site, authorization=f"{word} {key}") for word in ("Bearer", "bearer", "BEARER")] == [200] * 3


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", UNKNOWN, f"Bearer {UNKNOWN}", "Bearer null"]
)
def test_anything_else_is_nobody(site: Site, header: str) -> None:
    """The answer says how to be somebody."""
    answer = site.request("GET", "/v1/executions", headers={"authorization": header})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "unauthenticated"


def test_a_key_in_the_address_is_none(site: Site) -> None:
    """Addresses stand in logs, histories and other sites' referrers."""
    key = site.keys["viewer"]
    for query in (f"key={key}", f"access_token={key}", f"api_key={key}"):
        assert site.request("GET", f"/v1/executions?{query}").status_code == 401


def test_a_revoked_key_is_nobody_at_once_where_it_is_revoked(site: Site) -> None:
    """And the program that uses it is told why."""
    made, key = site.run(site.app.access.create_key("old", role="viewer", by="test"))
    assert status(site, authorization=f"Bearer {key}") == 200
    site.run(site.app.access.revoke_key(made.id, by="test"))
    answer = site.request("GET", "/v1/executions", key=key)
    assert (answer.status_code, answer.json()["detail"]) == (401, "this key is revoked")


def test_guessing_slows_down_the_guesser_and_no_valid_key(site: Site) -> None:
    """Others behind the same address go on working, and other addresses are untouched."""
    guesser, guess = site.browser(address="198.51.100.7"), {"authorization": f"Bearer {UNKNOWN}"}
    came = [guesser.send("GET", "/v1/executions", headers=guess) for _ in range(25)]
    assert [answer.status_code for answer in came] == [401] * 20 + [429] * 5
    assert int(came[-1].headers["retry-after"]) >= 1
    valid = {"authorization": f"Bearer {site.keys['viewer']}"}
    assert guesser.send("GET", "/v1/executions", headers=valid).status_code == 200
    elsewhere = site.browser(address="198.51.100.8")
    assert elsewhere.send("GET", "/v1/executions", headers=guess).status_code == 401


def test_guessing_at_the_login_slows_down_too(site: Site) -> None:
    """A valid key still logs in from there."""
    guesser = site.browser(address="198.51.100.9")
    came = [guesser.log_in(UNKNOWN).status_code for _ in range(25)]
    assert came == [401] * 20 + [429] * 5
    assert guesser.post(f"/login/hl_{'0' * 32}_{'x' * 43}").status_code == 429
    assert guesser.log_in(site.keys["viewer"]).status_code == 303


@pytest.fixture(scope="module")
def slow_site(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Site]:
    database = shutil.copy(migrated_file, tmp_path_factory.mktemp("slow") / "trail.db")
    yield from opened(str(database), options=HttpOptions(requests_per_minute=30))


def test_a_key_that_asks_too_much_is_told_to_wait(slow_site: Site) -> None:
    """For how long, in the header that clients know; other keys are not slowed."""
    viewer, operator = slow_site.keys["viewer"], slow_site.keys["operator"]
    came = [slow_site.request("GET", "/v1/executions", key=viewer) for _ in range(6)]
    assert [answer.status_code for answer in came] == [200] * 5 + [429]
    assert 1 <= int(came[-1].headers["retry-after"]) <= 2
    assert came[-1].json()["code"] == "too_many_requests"
    assert slow_site.request("GET", "/v1/executions", key=operator).status_code == 200


async def followed(site: Site, path: str, key: str, said: list[bytes], begun: asyncio.Event) -> None:
    """A client that stays."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        said.append(message.get("body", b""))
        begun.set()

    headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {key}".encode()), (b"accept", b"text/event-stream")]
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("192.0.2.4", 4711), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await site.asgi(scope, receive, send)


def test_who_loses_a_key_is_told_nothing_more(site: Site) -> None:
    """A stream that is open ends; one of another key goes on."""
    waits = site.started("payer")

    async def story() -> None:
        access, streams = site.app.access, site.state["streams"]
        made, key = await access.create_key("leaving", role="viewer", by="test")
        said: list[bytes] = []
        path, begun = f"/v1/executions/{waits.id}/events", asyncio.Event()
        theirs = asyncio.create_task(followed(site, path, key, said, begun))
        others = asyncio.create_task(followed(site, path, site.keys["viewer"], [], asyncio.Event()))
        await begun.wait()
        await end_lapsed(access, streams)
        assert not theirs.done()
        await access.revoke_key(made.id, by="test")
        await end_lapsed(access, streams)
        await asyncio.wait_for(theirs, 10)
        assert b"event: closing" in b"".join(said)
        assert not others.done()
        others.cancel()
        await asyncio.wait({others})

    site.run(story())
