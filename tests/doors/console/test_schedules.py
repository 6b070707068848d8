"""Schedules on their page."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from holdfast import Schedule
from tests.doors.console.served import Served


def test_a_schedule_is_paused_resumed_and_run_from_its_page(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """Whoever looks reads when it comes next, what became of it, and who paused it."""
    page.goto("/schedules")
    expect(page.get_by_text("No schedules")).to_be_visible()
    server.run(server.app.schedules.set(Schedule("nightly", agent="clerk", cron="0 2 * * *"), by="Ada"))
    page.goto("/schedules")
    expect(page.get_by_role("region", name="nightly")).to_contain_text("Next at")
    accessible(page)
    page.get_by_role("button", name="Pause nightly").click()
    expect(page.get_by_role("region", name="nightly")).to_contain_text("Paused by Ada")
    page.get_by_role("button", name="Resume nightly").click()
    page.get_by_role("button", name="Run nightly now").click()
    expect(page.get_by_role("status").first).to_contain_text("A worker makes the request of nightly")
