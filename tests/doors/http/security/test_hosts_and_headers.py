"""Names that are not ours, and headers that keep pages, lines and logs to themselves."""

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from holdfast.config import Settings
from holdfast.config.logs import configure_logging
from holdfast.doors.http.options import HttpOptions
from tests.doors.http.security.conftest import Site, opened
from tests.logs import forget_logging


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Site]:
    database = shutil.copy(migrated_file, tmp_path_factory.mktemp("public") / "trail.db")
    options = HttpOptions(hosts=("holdfast.internal",))
    yield from opened(str(database), options=options, public_url="https://agents.example.com")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8321", 200),
        ("localhost:8321", 200),
        ("[::1]:8321", 200),
        ("LOCALHOST", 200),
        ("agents.example.com", 200),
        ("holdfast.internal:8321", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("agents.example.com.evil.example", 421),
        ("evil.example:8321@127.0.0.1", 421),
        ("127.0.0.1@evil.example", 421),
        ("169.254.169.254", 421),
        ("", 421),
        ("[", 421),
    ],
)
def test_only_our_own_names_are_served(public: Site, host: str, status: int) -> None:
    """A foreign name may be pointed at this address: its pages would count as ours."""
    assert public.request("GET", "/healthz", headers={"host": host}).status_code == status


def test_a_name_that_is_not_ours_reaches_nothing(public: Site) -> None:
    """Not even with a valid key, and the answer says what to set."""
    answer = public.request("GET", "/v1/executions", key=public.keys["admin"], headers={"host": "evil.example"})
    assert (answer.status_code, "--allow-host" in answer.text) == (421, True)


def test_behind_a_proxy_that_speaks_https_cookies_stay_with_it(public: Site) -> None:
    """The public address says that people come over HTTPS, though the proxy speaks plain HTTP to us."""
    answer = public.browser("http://agents.example.com").log_in(public.keys["viewer"])
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "strict-transport-security" in answer.headers
    near = public.browser("http://127.0.0.1").log_in(public.keys["viewer"])
    assert "secure" not in near.headers["set-cookie"].lower()
    assert "strict-transport-security" not in near.headers


@pytest.mark.parametrize("path", ["/login", "/", "/healthz", "/v1/executions", "/nothing", "/static/console.css"])
def test_every_answer_keeps_to_itself(site: Site, path: str) -> None:
    """No frame, no guessing of types, no foreign script, nothing inline, no evaluation of text."""
    headers = site.browser().get(path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert set(policy.values()) <= {"'none'", "'self'", "'self' data:"}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_answers_are_kept_by_nobody(site: Site) -> None:
    """Except our own static files, which are the same for everybody."""
    browser = site.browser()
    browser.log_in(site.keys["viewer"])
    assert browser.get("/").headers["cache-control"] == "no-store"
    assert site.request("GET", "/v1/executions", key=site.keys["viewer"]).headers["cache-control"] in {
        "no-store", "private, no-cache", "no-cache",
    }  # fmt: skip


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "%0d%0a", "%0a", "\u560a"])
def test_what_is_sent_begins_no_header_of_the_answer(site: Site, break_: str) -> None:
    """Neither through a path that is redirected, nor through a form."""
    sent = f"/executions{break_}set-cookie: planted=1"
    browser = site.browser()
    answers = [
        browser.post("/login", {"key": site.keys["viewer"], "next": sent}),
        browser.send("GET", "/executions", params={"q": sent}, headers={"accept": "text/html"}),
        browser.send("GET", "/login", params={"next": sent}, headers={"accept": "text/html"}),
    ]
    for answer in answers:
        assert "planted" not in answer.headers.get("set-cookie", "")
        assert not [value for value in answer.headers.values() if "\n" in value or "\r" in value]


def test_a_header_that_would_break_its_line_is_mended(site: Site) -> None:
    """Wherever a value comes from: the last step before the server sees to it."""
    from starlette.responses import Response

    async def careless() -> Response:
        response = Response("done")
        response.raw_headers.append((b"x-note", b"a\r\nset-cookie: planted=1"))
        return response

    site.application.add_api_route("/careless", careless)
    site.application.router.routes.insert(0, site.application.router.routes.pop())
    answer = site.request("GET", "/careless")
    site.application.router.routes.pop(0)
    assert answer.headers["x-note"] == "a  set-cookie: planted=1"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("as_json", [True, False])
def test_a_request_writes_one_line_of_log_at_most(site: Site, monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    """What a caller sends forges no line, and moves no cursor of who reads along."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging(Settings(log_json=as_json, log_level="debug"))
    logs = structlog.get_logger("holdfast.http")
    logs.warning("request_failed", path="/a\n2026-11-21 [error] forged\x1b[2J\r\x00", name="\u202eevil")
    logs.warning("a\nforged\x1b[31m line")
    forget_logging()
    lines = written.getvalue().splitlines()
    assert len(lines) == 2
    assert not {"\x1b", "\r", "\x00"} & set(written.getvalue())
