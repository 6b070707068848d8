"""Takes the pictures: `python -m tools.screenshots [FOLDER]`, by default docs/images/console."""

import asyncio
import shutil
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from holdfast import App
from holdfast.config import Settings
from holdfast.doors.http.listening import bound, listening, url_of
from tools.screenshots.desk import HURRY, PEOPLE, agents, call_this_machine, crash, work_a_week
from tools.screenshots.plan import take_plan

FOLDER: Final = Path("docs/images/console")
WIDE: Final = {"width": 1280, "height": 800}
NARROW: Final = {"width": 390, "height": 844}
LARGEST_BYTES: Final = 250_000
RUNNING: Final = 5


class Desk:
    """The support desk, served on a thread of its own.

    Args:
        folder: Where its database and its shop are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._database = folder, str(folder / "trail.db")
        asyncio.run(work_a_week(self._database, folder))
        settings = Settings(people=PEOPLE)  # pyright: ignore[reportArgumentType] - pydantic reads them
        self.app = App(agents(folder), self._database, settings=settings)
        self._sock = bound("127.0.0.1", 0)
        self.url = url_of(self._sock)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._up: list[Any] = []

    def run(self, work: Any) -> Any:
        """Let the server's loop do it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def open(self) -> Mapping[str, str]:
        """Serve it, with something that runs.

        Returns:
            Ids that paths of pages speak of.
        """
        return self.run(self._opened())

    def close(self) -> None:
        """End it."""
        for context in reversed(self._up):
            self.run(context.__aexit__(None, None, None))

    async def _opened(self) -> Mapping[str, str]:
        await self._enter(self.app)
        taken_over = await crash(self.app, self._database, self._folder)
        await self._enter(self.app.worker())
        await self.app.wait(taken_over, 60)
        HURRY["search_s"] = 60
        for number in range(RUNNING):
            await self.app.start(
                "scout", f"Find suppliers for the {2027 + number} catalogue", user="ops@harbourandpine.example"
            )
        await self.app.control.pause("agent", "price-list", by="Ada Winter", why="its rule is broken: see the runbook")
        await self._enter(listening(self.app, self._sock, grace_s=1))
        return await self._ids(taken_over)

    async def _enter(self, context: Any) -> None:
        await context.__aenter__()
        self._up.append(context)

    async def _ids(self, taken_over: str) -> Mapping[str, str]:
        waiting = await self.app.approvals()
        decided = [one for one in await self.app.approvals("approved") if one.tool_name == "refund"]
        payment = next(one for one in waiting if one.tool_name == "pay_invoice" and "3150" in str(one.arguments))
        return {"approval": payment.id, "execution": decided[-1].execution_id, "crash": taken_over}

    def session(self) -> str:
        """A cookie of an administrator."""

        async def opened() -> str:
            token = await self.app.access.login_link(name="Ada Winter", role="admin", by="the pictures")
            return (await self.app.access.open_session(token))[1]

        return self.run(opened())


PAGES: Final[Mapping[str, str]] = {
    "overview": "/",
    "executions": "/executions",
    "execution": "/executions/{execution}?tab=decisions",
    "crash": "/executions/{crash}?tab=attempts",
    "approvals": "/approvals",
    "approval": "/approvals/{approval}",
    "agents": "/agents",
    "agent": "/agents/support",
    "costs": "/costs",
    "health": "/health",
    "settings": "/settings",
}
ON_A_TELEPHONE: Final = ("overview", "approval", "execution")


def main() -> int:
    """Take them all."""
    target = (Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER).resolve()
    target.mkdir(parents=True, exist_ok=True)
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        sys.stderr.write("no chromium is on PATH: apt install chromium\n")
        return 1
    call_this_machine("desk-1")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        desk = Desk(Path())
        ids = desk.open()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
            for scheme in ("light", "dark"):
                _take(browser, desk, ids, scheme, target)
            browser.close()
        desk.close()
        asyncio.run(take_plan(found, Path("plan.db"), target))
    too_large = [path.name for path in target.glob("*.png") if path.stat().st_size > LARGEST_BYTES]
    sys.stdout.write(f"{len(list(target.glob('*.png')))} pictures in {target}\n")
    if too_large:
        sys.stderr.write(f"larger than {LARGEST_BYTES:,} bytes: {', '.join(too_large)}\n")
    return bool(too_large)


def _take(browser: Browser, desk: Desk, ids: Mapping[str, str], scheme: str, target: Path) -> None:
    wide = _page(browser, desk, WIDE, scheme)
    for name, path in PAGES.items():
        _shoot(wide, path.format(**ids), target / f"{name}-{scheme}.png")
    _shoot_edit(wide, PAGES["approval"].format(**ids), target / f"approval-edit-{scheme}.png")
    narrow = _page(browser, desk, NARROW, scheme)
    for name in ON_A_TELEPHONE:
        _shoot(narrow, PAGES[name].format(**ids), target / f"{name}-390-{scheme}.png")
    nobody = browser.new_page(base_url=desk.url, viewport=WIDE, color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    _shoot(nobody, "/login", target / f"login-{scheme}.png")


def _page(browser: Browser, desk: Desk, size: Any, scheme: Any) -> Page:
    context = browser.new_context(base_url=desk.url, viewport=size, color_scheme=scheme, reduced_motion="reduce")
    context.add_cookies([{"name": "holdfast_session", "value": desk.session(), "url": desk.url}])
    return context.new_page()


def _shoot_edit(page: Page, path: str, into: Path) -> None:
    """The difference that an edit makes, before it counts."""
    page.goto(path)
    page.keyboard.press("e")
    editor = page.locator("#edit")
    editor.fill(editor.input_value().replace("3150", "2900"))
    page.get_by_text("2900").last.wait_for()
    editor.evaluate("element => element.blur()")
    page.wait_for_timeout(600)  # the server compares while one types
    page.screenshot(path=into)


def _shoot(page: Page, path: str, into: Path) -> None:
    page.goto(path)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(250)  # the first words of the stream
    page.screenshot(path=into)


if __name__ == "__main__":
    sys.exit(main())
