"""The frame of every page."""

import re
from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.types import Receive, Scope, Send

from holdfast import App
from holdfast.doors.http.application import make_app
from holdfast.doors.http.console import figures
from tests.doors.console.served import Served, agents


def test_who_is_not_logged_in_is_sent_to_the_login_and_back_from_there(server: Served, browser: Browser) -> None:
    """A page asks who it is for, and remembers where one wanted to go."""
    page = browser.new_page(base_url=server.url)
    page.goto("/executions?status=failed")
    assert page.url.endswith("/login?next=/executions%3Fstatus%3Dfailed")
    page.close()


def test_a_page_that_there_is_not_is_a_page(page: Page, accessible: Callable[[Page], None]) -> None:
    """A wrong address keeps the navigation."""
    answer = page.goto("/no-such-page")
    assert answer
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Not here")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    accessible(page)


def test_the_theme_is_kept_without_javascript(open_page: Callable[..., Page]) -> None:
    """Dark stays dark on the next page."""
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.get_by_role("button", name="Dark theme").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.url.rstrip("/").endswith(page.url.split("/")[2])


def test_static_files_are_kept_by_their_fingerprint(page: Page) -> None:
    """A style is asked for once, until it changes."""
    page.goto("/")
    href = page.locator("link[rel=stylesheet]").get_attribute("href")
    kept = page.request.get(str(href))
    assert "immutable" in kept.headers["cache-control"]
    assert page.request.get("/static/console.css").headers["cache-control"] == "no-cache"
    assert page.request.get("/static/../shell.py").status == 404


def test_no_page_runs_a_script_that_stands_in_it(page: Page) -> None:
    """The policy allows our own files and nothing else."""
    answer = page.goto("/")
    policy = answer.headers["content-security-policy"] if answer else ""
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0004, "0 ms"), (0.84, "840 ms"), (12.44, "12.4 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_said_in_two_units(seconds: float, said: str) -> None:
    """No more than a reader takes in."""
    assert figures.duration(seconds) == said


def test_pages_work_below_the_path_that_a_program_mounts_them_at(server: Served) -> None:
    """Every link, form and file of a page stays below the prefix, and a login leads back to where one was."""
    execution = server.done("hello")

    async def fetched() -> tuple[str, str]:
        app = App(agents(), server.app.database)
        application = make_app(app)
        async with application.router.lifespan_context(application) as state:

            async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
                await application({**scope, "state": dict(state)}, receive, send)

            transport = httpx2.ASGITransport(app=mounted, root_path="/ops")
            headers = {"accept": "text/html"}
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
                sent = await client.get(f"/ops/executions/{execution.id}")
                client.cookies.set("holdfast_session", await session_of(app))
                page = await client.get(f"/ops/executions/{execution.id}")
        return sent.headers["location"], page.text

    location, page = server.run(fetched())
    assert location == f"/ops/login?next=/executions/{execution.id}"
    paths = re.findall(r'(?:href|src|action|data-\w+)="(/[^"]*)"', page)
    assert paths
    assert [path for path in paths if not path.startswith("/ops/")] == []


async def session_of(app: App) -> str:
    token = await app.access.login_link(name="Ada", role="admin", by="the tests")
    return (await app.access.open_session(token))[1]
