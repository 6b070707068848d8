"""Keys, people, channels, and whether the record is whole."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from holdfast.config import Settings
from holdfast.doors.http.console.settings import channels
from tests.doors.console.served import Served

OpenPage = Callable[..., Page]


def test_channels_are_named_and_nothing_of_them_is_told():
    """Whether it is configured is all that a page says."""
    chosen = Settings(slack={"token": "xoxb-1", "signing_secret": "s" * 32, "channel": "C1"})  # type: ignore[arg-type]
    assert channels(chosen) == [("slack", True), ("telegram", False), ("email", False), ("webhook", False)]


def test_a_key_is_made_shown_once_used_and_revoked(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """Its secret stands on one page and nowhere else; revoked, it opens nothing."""
    page.goto("/settings")
    page.get_by_text("Make a key or a login link").click()
    page.get_by_label("Name", exact=True).fill("robot")
    page.get_by_label("Role").select_option("runner")
    accessible(page)
    page.get_by_role("button", name="Make a key").click()
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("hf_")
    assert server.run(server.app.access.caller_of_key(secret)).role == "runner"
    page.goto("/settings")
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke the key of robot").click()
    expect(page.locator(".notice")).to_contain_text("robot's key is revoked")
    (key,) = [one for one in server.run(server.app.access.keys()) if one.name == "robot"]
    assert key.revoked_at is not None


def test_a_login_link_lets_somebody_in_once(page: Page, open_page: OpenPage) -> None:
    """What is shown is the address to send."""
    page.goto("/settings")
    page.get_by_text("Make a key or a login link").click()
    page.get_by_label("Name", exact=True).fill("Mia")
    page.get_by_label("Role").select_option("approver")
    page.get_by_role("button", name="Make a login link").click()
    link = page.locator("#secret").inner_text()
    page.context.clear_cookies()
    page.goto(link)
    page.locator("main button").first.click()
    expect(page.locator(".me")).to_contain_text("Mia")


def test_a_key_that_cannot_be_says_why(page: Page) -> None:
    """An administrator is bound to nobody."""
    page.goto("/settings")
    page.get_by_text("Make a key or a login link").click()
    page.get_by_label("Name", exact=True).fill("boss")
    page.get_by_label("Role").select_option("admin")
    page.get_by_label("Bound to a user").fill("mia")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be bound")


def test_the_record_is_checked(page: Page, server: Served, accessible: Callable[[Page], None]) -> None:
    """One button says whether every row is as it was written."""
    server.done("hello")
    page.goto("/settings")
    page.get_by_role("button", name="Check the record now").click()
    expect(page.get_by_role("region", name="The record")).to_contain_text(re.compile(r"Whole .* events of"))
    accessible(page)


def test_who_does_not_administer_sees_no_keys(open_page: OpenPage) -> None:
    """Not their names, and not how to make one."""
    page = open_page("Olga", "operator", viewport={"width": 390, "height": 800})
    page.goto("/settings")
    expect(page.get_by_role("region", name="You")).to_contain_text("Olga")
    expect(page.get_by_role("table", name="Keys")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    csrf = page.locator("input[name=csrf]").first.input_value()
    assert page.request.post("/settings/keys", form={"csrf": csrf, "name": "x", "role": "admin"}).status == 403
