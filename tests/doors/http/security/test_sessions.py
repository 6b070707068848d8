"""Logging in and out: what the cookie is, whose it is, and when it ends."""

from starlette.routing import Mount, Router

from tests.doors.http.security.conftest import Browser, Site


def test_a_key_logs_a_browser_in(site: Site) -> None:
    """The cookie is for this server alone: no script reads it, no other site makes the browser send it."""
    browser = site.browser()
    answer = browser.log_in(site.keys["viewer"])
    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= {part.strip() for part in cookie.split(";")}
    assert "secure" not in cookie
    assert site.keys["viewer"] not in str(answer.headers)
    assert browser.get("/").status_code == 200


def test_over_https_the_cookie_stays_there(site: Site) -> None:
    """And the browser is told to come that way only."""
    answer = site.browser("https://127.0.0.1").log_in(site.keys["viewer"])
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_wrong_key_gets_the_form_again(site: Site) -> None:
    """It says what is wrong, shows nothing of the key, and there is no session."""
    browser = site.browser()
    answer = browser.log_in("hf_0123456789_" + "x" * 43, site="same-origin")
    assert (answer.status_code, browser.session) == (401, None)
    assert "Nobody knows this key or link" in answer.text
    assert "x" * 43 not in answer.text


def test_a_link_asks_before_it_logs_in(site: Site) -> None:
    """Programs open the links of mails before people do: looking uses nothing up."""
    token = site.run(site.app.access.login_link(name="Ada", role="operator", by="root"))
    browser = site.browser()
    for _ in range(2):
        shown = browser.get(f"/login/{token}", headers={"accept": "text/html", "sec-fetch-site": "cross-site"})
        assert (shown.status_code, browser.session) == (200, None)
    assert browser.post(f"/login/{token}").status_code == 303
    assert site.run(site.app.access.caller_of_session(browser.session or "")).name == "Ada"


def test_a_link_logs_in_once(site: Site) -> None:
    """Who comes second gets the form, and the reason."""
    token = site.run(site.app.access.login_link(name="Ada", role="operator", by="root"))
    site.browser().post(f"/login/{token}")
    second = site.browser()
    answer = second.post(f"/login/{token}")
    assert (answer.status_code, second.session) == (401, None)
    assert "used before" in answer.text


def test_a_session_that_somebody_planted_is_worth_nothing(site: Site) -> None:
    """Logging in makes a new one: whoever knows the cookie from before knows no session."""
    planted = site.run(site.app.access.open_session(site.keys["viewer"]))[1]
    browser = site.browser()
    browser.cookies.set("holdfast_session", planted, domain="127.0.0.1", path="/")
    answer = browser.log_in(site.keys["operator"])
    fresh = answer.headers["set-cookie"].split("holdfast_session=")[1].split(";")[0]
    assert fresh != planted
    attacker = site.browser()
    attacker.cookies.set("holdfast_session", planted)
    assert attacker.get("/").headers["location"].startswith("/login")


def test_an_invented_session_is_never_taken_over(site: Site) -> None:
    """A cookie of the right shape that this server did not make becomes nobody's session."""
    invented = f"hs_{'0' * 32}_{'x' * 43}"
    browser = site.browser()
    browser.cookies.set("holdfast_session", invented)
    assert browser.get("/").status_code == 303
    assert f"holdfast_session={invented}" not in str(browser.log_in(site.keys["viewer"]).headers)


def test_who_logs_out_is_out(site: Site) -> None:
    """Also with a copy of the cookie."""
    browser = site.browser()
    browser.log_in(site.keys["viewer"])
    copy = browser.session
    answer = browser.post("/logout", {"csrf": browser.csrf})
    assert (answer.status_code, answer.headers["location"], browser.session) == (303, "/login", None)
    thief = site.browser()
    thief.cookies.set("holdfast_session", copy or "")
    assert thief.get("/").status_code == 303


def test_an_over_session_is_taken_away_and_asks_to_log_in(site: Site) -> None:
    """With the way back to where one was."""
    key, secret = site.run(site.app.access.create_key("short", role="viewer", by="test"))
    browser = site.browser()
    browser.log_in(secret)
    site.run(site.app.access.revoke_key(key.id, by="test"))
    sent = browser.get("/executions?status=failed")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/executions%3Fstatus%3Dfailed")
    shown = browser.get(sent.headers["location"])
    assert "ended with the key" in shown.text
    assert browser.session is None


def test_who_is_logged_in_is_sent_on(site: Site) -> None:
    """The form is for who is not."""
    browser = site.browser()
    browser.log_in(site.keys["viewer"])
    sent = browser.get("/login?next=/approvals")
    assert (sent.status_code, sent.headers["location"]) == (303, "/approvals")


def test_a_link_in_a_chat_leads_a_logged_in_person_on(site: Site) -> None:
    """From another site no strict cookie comes along: a page of ours asks again, and then it does."""
    shown = site.browser().get(
        "/login?next=/executions/1", headers={"accept": "text/html", "sec-fetch-site": "cross-site"}
    )
    assert 'content="0; url=/login?again=1&amp;next=/executions/1"' in shown.text


def test_logging_in_leads_to_our_own_pages_only(site: Site) -> None:
    """A link to the login page cannot send anybody elsewhere."""
    for elsewhere in (
        "https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)",
        "\\\\evil.example", "/\r\nset-cookie: a=b", " //evil.example", "",
    ):  # fmt: skip
        answer = site.browser().post("/login", {"key": site.keys["viewer"], "next": elsewhere})
        assert answer.headers["location"] == "/", elsewhere
        assert "a=b" not in str(answer.headers)


def test_below_a_prefix_everything_stays_below_it(site: Site) -> None:
    """The cookie is for that part of the host alone, and nobody is sent out of it."""
    browser = Browser(site, "http://127.0.0.1", "192.0.2.1", Router([Mount("/agents", app=site.asgi)]))
    sent = browser.get("/agents/executions")
    assert sent.headers["location"] == "/agents/login?next=/executions"
    answer = browser.post("/agents/login", {"key": site.keys["viewer"], "next": "/executions"})
    assert answer.headers["location"] == "/agents/executions"
    assert "path=/agents;" in answer.headers["set-cookie"].lower() + ";"
    assert browser.get("/agents/executions").status_code == 200
    assert browser.post("/agents/theme", {"theme": "dark", "csrf": browser.csrf}).status_code == 303
    out = browser.post("/agents/logout", {"csrf": browser.csrf})
    assert (out.headers["location"], browser.session) == ("/agents/login", None)
