"""One browser and one served console for all tests of pages.

Of the package, not of the session: while Playwright runs, no other test on its thread could use an event loop.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from holdfast.types import Role
from tests.conftest import missing
from tests.doors.console.served import Served

expect.set_options(timeout=10_000)


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Served]:
    """A console with a worker, and agents that do as they are told."""
    database = tmp_path_factory.mktemp("console") / "trail.db"
    shutil.copy(migrated_file, database)
    served = Served(str(database))
    yield served
    served.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(server: Served, browser: Browser) -> Iterator[OpenPage]:
    """Open pages for somebody who is logged in, each in a browser of their own; what breaks in one fails the test."""
    contexts: list[BrowserContext] = []
    broken: list[str] = []

    def opened(name: str = "Ada", role: Role = "admin", user: str | None = None, **options: object) -> Page:
        context = browser.new_context(base_url=server.url, reduced_motion="reduce", **options)
        contexts.append(context)
        cookie = {"name": "holdfast_session", "value": server.session(name, role, user), "url": server.url}
        context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Strict"}])
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda said: broken.append(said.text) if _is_bad(said.type, said.text) else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not broken, broken


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A page of an administrator who is logged in."""
    return open_page()


@pytest.fixture(scope="package")
def axe() -> Axe:
    return Axe()


@pytest.fixture
def accessible(axe: Axe) -> Callable[[Page], None]:
    """Hold a page against WCAG, in light and dark."""

    def look(page: Page) -> None:
        page.emulate_media(color_scheme="light")
        found = axe.run(page)
        assert not found.response["violations"], f"{urlsplit(page.url).path} light: {found.generate_report()}"
        page.emulate_media(color_scheme="dark")  # only its colours differ
        found = axe.run(page, options={"runOnly": ["color-contrast"]})
        assert not found.response["violations"], f"{urlsplit(page.url).path} dark: {found.generate_report()}"

    return look


def _is_bad(kind: str, text: str) -> bool:
    """What a browser says of a page that is broken; not that a server was away, or refused a request."""
    return kind == "error" and "Failed to load resource" not in text
