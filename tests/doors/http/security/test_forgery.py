"""What another site makes a browser send does nothing."""

import pytest

from tests.doors.http.security.conftest import Browser, Site

START = {"agent": "helper", "input": "hello"}


@pytest.fixture(scope="module")
def browser(site: Site) -> Browser:
    """Of an operator who is logged in."""
    browser = site.browser()
    browser.log_in(site.keys["operator"])
    return browser


def theme(browser: Browser, **given) -> int:
    """What comes of the smallest form there is."""
    return browser.post("/theme", {"theme": "dark", **given.pop("data", {})}, **given).status_code


def test_a_form_of_ours_is_taken(browser: Browser) -> None:
    """It carries the page's token."""
    assert theme(browser, data={"csrf": browser.csrf}) == 303


@pytest.mark.parametrize("token", [None, "", "x", "0" * 64])
def test_a_form_without_the_pages_token_is_refused(browser: Browser, token: str | None) -> None:
    """Even when the browser says that it came from here."""
    assert theme(browser, data={} if token is None else {"csrf": token}) == 403


def test_the_token_of_another_session_is_none(site: Site, browser: Browser) -> None:
    """An attacker with a login of their own cannot use their token in somebody else's browser."""
    other = site.browser()
    other.log_in(site.keys["operator"])
    assert theme(browser, data={"csrf": other.csrf}) == 403


@pytest.mark.parametrize("from_", ["cross-site", "same-site", "surprise"])
def test_a_browser_that_says_another_site_sent_it_is_believed(browser: Browser, from_: str) -> None:
    """Also when the token is right, as after it leaked."""
    assert theme(browser, data={"csrf": browser.csrf}, site=from_) == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1", 303),
        ("http://127.0.0.1:80", 303),
        ("http://127.0.0.1:9999", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("http://[", 403),
    ],
)
def test_where_a_browser_says_less_the_origin_counts(browser: Browser, origin: str, status: int) -> None:
    """Over plain HTTP, browsers send no Sec-Fetch-Site: another port of this machine is another site."""
    headers = {"origin": origin}
    sent = browser.send("POST", "/theme", data={"theme": "dark", "csrf": browser.csrf}, headers=headers)
    assert sent.status_code == status


def test_a_header_carries_the_token_of_scripts(browser: Browser) -> None:
    """The console's own modules call the API so."""
    refused = browser.send("POST", "/v1/executions", json=START)
    taken = browser.send("POST", "/v1/executions", json=START, headers={"x-csrf-token": browser.csrf})
    assert (refused.status_code, taken.status_code // 100) == (403, 2)


def test_a_json_body_cannot_carry_the_token(browser: Browser) -> None:
    """A form of another site may send text that looks like JSON."""
    body = '{"agent": "helper", "input": "x", "csrf": "' + browser.csrf + '"}'
    sent = browser.send("POST", "/v1/executions", content=body, headers={"content-type": "text/plain"})
    assert sent.status_code == 403


def test_a_key_needs_no_token(site: Site) -> None:
    """No browser adds the header by itself."""
    assert site.request("POST", "/v1/executions", key=site.keys["operator"], json=START).status_code // 100 == 2


def test_a_key_beside_a_cookie_counts_alone(site: Site, browser: Browser) -> None:
    """A program that also has a cookie is who its key says."""
    headers = {"authorization": f"Bearer {site.keys['viewer']}"}
    assert browser.send("POST", "/v1/executions", json=START, headers=headers).status_code == 403


def test_another_site_cannot_log_a_browser_in_or_out(site: Site) -> None:
    """Nobody ends up working in a stranger's session."""
    browser = site.browser()
    assert browser.post("/login", {"key": site.keys["viewer"]}, site="cross-site").status_code == 403
    token = site.run(site.app.access.login_link(name="Eve", role="viewer", by="root"))
    assert browser.post(f"/login/{token}", site="cross-site").status_code == 403
    assert browser.session is None
    browser.log_in(site.keys["viewer"])
    assert browser.post("/logout", site="cross-site").status_code == 403
    assert browser.get("/").status_code == 200


def test_no_other_site_may_read(site: Site) -> None:
    """There is no CORS: a script elsewhere gets no answer to look at."""
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    asked = site.request("OPTIONS", "/v1/executions", headers=headers)
    got = site.request("GET", "/v1/executions", key=site.keys["viewer"], headers={"origin": "https://evil.example"})
    for answer in (asked, got):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert got.headers["cross-origin-resource-policy"] == "same-origin"
