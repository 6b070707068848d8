"""Logging in: what the cookie is, whose it is, and when it ends."""

import pytest

from tests.doors.http.security.conftest import Site


def test_a_key_logs_a_browser_in(site: Site) -> None:
    """The cookie is for this server alone: no script reads it, no other site makes the browser send it."""
    browser = site.browser()
    answer = browser.log_in(site.keys["viewer"])
    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= {part.strip() for part in cookie.split(";")}
    assert site.keys["viewer"] not in str(answer.headers)
    assert browser.get("/").status_code == 200
