"""Pages that stay true while one looks at them."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.doors.console.served import Served


@pytest.fixture
def crowd(server: Served) -> Iterator[None]:
    """A thousand executions that run, each a step every three seconds."""

    async def begin() -> None:
        await asyncio.gather(*(server.app.start("runner", f"run {n}") for n in range(1_000)))

    server.run(begin())
    yield
    server.open_gate("tired")


def test_rows_change_without_a_reload(page: Page, server: Served) -> None:
    """A status that changes is seen where it stands."""
    server.start("gate row", user="live@example.com")
    page.goto("/executions?user=live@example.com")
    expect(page.locator("tbody .state")).to_have_text("running")
    server.open_gate("row")
    expect(page.locator("tbody .state")).to_have_text("completed")


def test_ticks_stay_when_rows_change(page: Page, server: Served) -> None:
    """A choice is not lost because something happened."""
    server.start("gate tick", user="tick@example.com")
    page.goto("/executions?user=tick@example.com")
    page.get_by_role("checkbox", name="Select …").check()
    server.open_gate("tick")
    expect(page.locator("tbody .state")).to_have_text("completed")
    expect(page.get_by_role("checkbox", name="Select …")).to_be_checked()


def test_newer_executions_are_offered_not_pushed(page: Page, server: Served) -> None:
    """Rows do not jump away under the pointer."""
    server.done("hello", user="newer@example.com")
    page.goto("/executions?user=newer@example.com")
    expect(page.locator("#link-state")).to_have_text("Live")
    server.start("hello", user="newer@example.com")
    page.get_by_role("link", name="Show newer executions").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_the_overview_counts_along(page: Page, server: Served) -> None:
    """What runs, and who is waited for, without a reload."""
    page.goto("/")
    server.start("gate overview", user="over@example.com")
    expect(page.locator("#live")).to_contain_text("gate overview")
    server.open_gate("overview")
    expect(page.locator("#live")).not_to_contain_text("gate overview")


def test_an_open_page_goes_on_after_a_server_restart(page: Page, server: Served) -> None:
    """It says that it waits, comes back by itself, and has missed nothing."""
    server.start("gate restart", user="restart@example.com")
    page.goto("/executions?user=restart@example.com")
    expect(page.locator("#link-state")).to_have_text("Live")
    server.stop_serving()
    try:
        expect(page.locator("#link-state")).to_have_text("Reconnecting")
        server.open_gate("restart")
    finally:
        server.serve_again()
    expect(page.locator("tbody .state")).to_have_text("completed")
    expect(page.locator("#link-state")).to_have_text("Live")


def test_a_hidden_tab_holds_no_stream(page: Page, server: Served) -> None:
    """Browsers allow six connections a host."""
    page.add_init_script(
        "window.open_streams = 0; const Real = EventSource; window.EventSource = class extends Real {"
        "constructor(url) { super(url); window.open_streams += 1; }"
        "close() { window.open_streams -= 1; super.close(); } };"
    )
    page.goto("/")
    expect(page.locator("#link-state")).to_have_text("Live")
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });"
    page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange')); }", arg=True)
    assert page.evaluate("window.open_streams") == 0
    page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange')); }", arg=False)
    assert page.evaluate("window.open_streams") == 1


def test_a_thousand_live_executions_leave_the_page_smooth(page: Page, crowd: None) -> None:
    """A thousand executions step at once; the page draws nearly as often as the screen."""
    page.goto("/executions?agent=runner")
    expect(page.locator("tbody tr")).to_have_count(100)
    before = page.locator("tbody").inner_text()
    page.wait_for_function("(before) => document.querySelector('tbody').innerText !== before", arg=before)
    frames = page.evaluate(
        """() => new Promise((done) => {
            let frames = 0;
            const begun = performance.now();
            const count = () => {
                frames += 1;
                if (performance.now() - begun < 2000) requestAnimationFrame(count);
                else done(frames / 2);
            };
            requestAnimationFrame(count);
        })"""
    )
    assert frames > 30, f"{frames} frames a second"
