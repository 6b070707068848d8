"""`holdfast top`: what a person sees and presses, on a terminal of 80 by 24."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, RichLog, Static

from holdfast import App, Call, Say
from holdfast.doors.options import Common
from holdfast.doors.top import top
from holdfast.doors.top_screen import Top
from holdfast.types import Caller
from tests.metrics.conftest import clerk, play

ANN = Caller(name="ann", role="viewer")


async def fill(app: App) -> None:
    """One that waits for a person, two that wait for a worker."""
    await app.run("payer", "Refund order 2, please.", user="mia")
    await app.start("clerk", "\x1b[2JOrder 3?", user="leo")
    await app.start("clerk", "Where is order 4?", user="[red]zoe[/]")


def agents():
    return [clerk("Hello."), clerk(Call("refund", {"order_id": "2"}), Say("Done."), name="payer")]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Path:
    path = Path(shutil.copy(migrated_file, tmp_path_factory.mktemp("top") / "trail.db"))
    play(App(agents(), str(path)), fill)
    return path


@pytest.fixture
def shop(tmp_path: Path, filled: Path) -> str:
    return str(shutil.copy(filled, tmp_path / "trail.db"))


def watch(shop: str, story: Callable[[Top, Pilot[None], App], Awaitable[None]]) -> None:
    """A story before the screen, once it shows something."""

    async def whole(app: App) -> None:
        screen = Top(app, ANN)
        async with screen.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: bool(screen._shown))
            await story(screen, pilot, app)

    play(App(database=shop), whole)


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await pilot.pause(0.01)


def rows(screen: Top) -> list[list[str]]:
    table = screen._table
    return [[str(cell) for cell in table.get_row_at(at)] for at in range(table.row_count)]


def said(screen: Top, what: str) -> str:
    return str(screen.screen_stack[0].query_one(what, Static).render())


def test_it_shows_what_lives_the_most_urgent_first(shop: str):
    """State as glyph and word, agent, step, cost, age, and what it waits for."""

    async def story(screen: Top, _: Pilot[None], __: App) -> None:
        first, *others = rows(screen)
        assert (first[0], first[2], first[3]) == ("◆ review", "payer", "1")
        assert first[6].startswith("refund(order_id=")
        assert [row[0] for row in others] == ["· pending"] * 2
        assert "1 review" in said(screen, "#strip")
        assert "2 pending" in said(screen, "#strip")
        assert "refund" in said(screen, "#questions")

    watch(shop, story)


def test_everything_fits_on_80_by_24(shop: str):
    """Nothing is wider than the screen: there is no scrolling to the side."""

    async def story(screen: Top, _: Pilot[None], __: App) -> None:
        assert screen._table.virtual_size.width <= 80
        assert screen.query_one("#below").region.bottom < 24

    watch(shop, story)


def test_what_a_customer_wrote_does_nothing_to_the_terminal(shop: str):
    """Neither an escape sequence nor markup is obeyed."""

    async def story(screen: Top, pilot: Pilot[None], _: App) -> None:
        assert any("\\x1b[2JOrder" in row[6] for row in rows(screen))
        await pilot.press("slash", *"[red]zoe")
        await until(pilot, lambda: len(rows(screen)) == 1)

    watch(shop, story)


def test_news_shows_by_itself(shop: str):
    """An execution that another process starts appears; no key is pressed."""

    async def story(screen: Top, pilot: Pilot[None], _: App) -> None:
        async with App(agents(), shop) as other:
            await other.start("clerk", "Where is order 5?")
        await until(pilot, lambda: len(rows(screen)) == 4)

    watch(shop, story)


def test_keys_filter_and_sort(shop: str):
    """f goes through the statuses, s through the orders, / finds, escape shows everything again."""

    async def story(screen: Top, pilot: Pilot[None], _: App) -> None:
        await pilot.press("f", "f")
        assert [row[2] for row in rows(screen)] == ["payer"]
        await pilot.press("escape", "s")
        assert len(rows(screen)) == 3
        assert "by age" in said(screen, "#view")
        await pilot.press("slash", *"order 4", "enter")
        assert [row[6] for row in rows(screen)] == ["Where is order 4?"]

    watch(shop, story)


def test_enter_tells_the_story_and_escape_comes_back(shop: str):
    """Followed live: what happens next is told there too."""

    async def story(screen: Top, pilot: Pilot[None], _: App) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "asks:" in told(screen))
        async with App(agents(), shop) as other:
            (question,) = await other.approvals()
            await other.cancel(question.execution_id, by="leo")
        await until(pilot, lambda: "it is cancelled" in told(screen))
        await pilot.press("escape")
        assert screen.focused is screen._table

    watch(shop, story)


def told(screen: Top) -> str:
    return "\n".join(line.text for log in screen.screen.query(RichLog) for line in log.lines)


def test_the_cursor_stays_on_its_execution(shop: str):
    """Rows come and go above it."""

    async def story(screen: Top, pilot: Pilot[None], app: App) -> None:
        await pilot.press("down", "down")
        chosen = rows(screen)[2][1]
        (question,) = await app.approvals()
        async with App(agents(), shop) as other:
            await other.cancel(question.execution_id, by="leo")
        await until(pilot, lambda: len(rows(screen)) == 2)
        assert rows(screen)[screen._table.cursor_row][1] == chosen

    watch(shop, story)


def test_idle_costs_no_drawing(shop: str, monkeypatch: pytest.MonkeyPatch):
    """A second look that finds nothing new changes no cell."""

    async def story(screen: Top, _: Pilot[None], __: App) -> None:
        changed: list[object] = []
        monkeypatch.setattr(DataTable, "update_cell_at", lambda *given, **_: changed.append(given))
        screen._draw()
        assert changed == []

    watch(shop, story)


def test_once_prints_one_frame(shop: str, capsys: pytest.CaptureFixture[str]):
    """For a script, a pipe, or a terminal that is none."""
    asyncio.run(top(once=True, common=Common(database=shop)))
    said = capsys.readouterr().out
    assert "1 review" in said
    assert said.count("pending") >= 3


def test_once_as_json(shop: str, capsys: pytest.CaptureFixture[str]):
    """Everything on the screen, as one object."""
    asyncio.run(top(common=Common(json=True, database=shop)))
    frame = json.loads(capsys.readouterr().out)
    assert frame["counts"] == {"awaiting_review": 1, "pending": 2}
    assert len(frame["executions"]) == 3


def test_an_empty_database_is_no_error(sqlite_database: str, capsys: pytest.CaptureFixture[str]):
    """It says so, and what could be there."""
    asyncio.run(top(once=True, common=Common(database=sqlite_database)))
    assert "nothing waits for a person" in capsys.readouterr().out
    assert Path(sqlite_database).exists()
