"""The live screen of `holdfast top`."""

from dataclasses import replace
from typing import ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App as Terminal
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.coordinate import Coordinate
from textual.css.query import NoMatches
from textual.widgets import DataTable, Footer, Input, Static

from holdfast.app import App
from holdfast.doors.screen import clean
from holdfast.doors.top_frame import (
    COLUMNS,
    LIVE,
    ORDERS,
    Frame,
    View,
    cells,
    control_lines,
    question_lines,
    read,
    strip,
)
from holdfast.doors.top_story import StoryScreen
from holdfast.errors import HoldfastError
from holdfast.trail.place import locate
from holdfast.types import Caller, Line

_ROOM: Final = 5
"""Lines of each panel below the table."""
_WIDTHS: Final = {"state": 9, "id": 8, "agent": 12, "step": 4, "cost": 9, "age": 4}
"""The last column has the rest."""
_NUMBERS: Final = {"step", "cost", "age"}


class Top(Terminal[None]):
    """Draws what `holdfast top` reads, when there is news, and at most a few times a second.

    Args:
        app: The database to look at.
        caller: Who looks.
    """

    TITLE = "holdfast top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #strip, #view { height: 1; padding: 0 1; }
    #view { color: $text-muted; }
    #executions { height: 1fr; scrollbar-size: 1 1; overflow-x: hidden; }
    #words { display: none; height: 3; }
    #words.open { display: block; }
    #below { height: 7; }
    #questions, #controls { width: 1fr; height: 7; border: round $primary-lighten-1; padding: 0 1;
        text-wrap: nowrap; text-overflow: ellipsis; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("o", "story", "story", key_display="⏎"),
        Binding("slash", "find", "find", key_display="/"),
        Binding("f", "status", "status"),
        Binding("s", "order", "sort"),
        Binding("escape", "clear", "all", show=False),
    ]

    def __init__(self, app: App, caller: Caller) -> None:
        super().__init__()
        self._holdfast, self._caller = app, caller
        self._database = locate(app.database).shown
        self._frame: Frame | None = None
        self._view = View()
        self._table = DataTable[Text](id="executions", cursor_type="row", zebra_stripes=True)
        self._shown: list[str] = []
        self._drawn: dict[tuple[int, int], Text] = {}

    def compose(self) -> ComposeResult:
        yield Static("", id="strip")
        yield Static("", id="view")
        yield Input(placeholder="part of an id, an agent, a user or words; Enter keeps, Escape clears", id="words")
        yield self._table
        with Horizontal(id="below"):
            yield Static("", id="questions")
            yield Static("", id="controls")
        yield Footer()

    def on_mount(self) -> None:
        table = self._table
        for name in COLUMNS[:-1]:
            side = "right" if name in _NUMBERS else "left"
            table.add_column(Text(name, justify=side), key=name, width=_WIDTHS[name])
        table.add_column(COLUMNS[-1], key=COLUMNS[-1], width=self._room)
        self.query_one("#questions", Static).border_title = "oldest questions"
        self.query_one("#controls", Static).border_title = "breakers, budgets, workers"
        table.focus()
        self._follow()

    # --- reading

    @work(exclusive=True)
    async def _follow(self) -> None:
        async for _ in self._holdfast.control.changes():
            try:
                self._frame = await read(self._holdfast, self._caller, database=self._database)
            except HoldfastError as error:
                self.query_one("#strip", Static).update(Text(clean(str(error)), style="bold red"))
            else:
                self._draw()

    # --- drawing

    @property
    def _room(self) -> int:
        """Cells that the other columns leave to the last one."""
        return max(10, self.size.width - sum(_WIDTHS.values()) - 2 * len(COLUMNS) - 1)

    def on_resize(self) -> None:
        columns = self._table.ordered_columns
        if columns:
            columns[-1].width = self._room
            self._shown = []  # everything is drawn anew
            self._draw()

    def _draw(self) -> None:
        frame = self._frame
        if frame is None:
            return
        chosen = self._view.choose(frame)
        try:
            base = self.screen_stack[0]
            base.query_one("#strip", Static).update(strip(frame))
            base.query_one("#view", Static).update(self._telling(chosen, frame))
            base.query_one("#questions", Static).update(Text("\n").join(question_lines(frame, room=_ROOM)))
            base.query_one("#controls", Static).update(Text("\n").join(control_lines(frame, room=_ROOM)))
        except NoMatches:  # it is closing
            return
        self._draw_rows(chosen, frame)

    def _telling(self, chosen: list[Line], frame: Frame) -> Text:
        view = self._view
        status = view.status or "every status"
        about = f" with {view.words!r}" if view.words else ""
        read_all = len(frame.lines) >= sum(frame.count(one) for one in LIVE)
        newest = "" if read_all else f" of the newest {len(frame.lines):,}"
        return Text(clean(f"{len(chosen):,} shown{newest}: {status}{about}, by {view.order}  {frame.database}"))

    def _draw_rows(self, chosen: list[Line], frame: Frame) -> None:
        """Change cells in place while the rows stay the same ones, so that the cursor and the scrolling stay too."""
        table, ids = self._table, [one.id for one in chosen]
        rows = [cells(one, frame, room=self._room) for one in chosen]
        if ids == self._shown:
            for at, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if self._drawn.get((at, column)) != cell:
                        table.update_cell_at(Coordinate(at, column), cell)
        else:
            self._rebuild(ids, rows)
        self._shown = ids
        self._drawn = {(at, column): cell for at, row in enumerate(rows) for column, cell in enumerate(row)}

    def _rebuild(self, ids: list[str], rows: list[list[Text]]) -> None:
        table = self._table
        at, top = table.cursor_row, table.scroll_y
        chosen = self._shown[at] if at < len(self._shown) else None
        table.clear()
        for one, row in zip(ids, rows, strict=True):
            table.add_row(*row, key=one)
        table.move_cursor(row=ids.index(chosen) if chosen in ids else min(at, max(len(ids) - 1, 0)), scroll=False)
        table.scroll_to(y=top, animate=False)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - as it is overridden
        """Keys of the table do nothing while a story is told."""
        return len(self.screen_stack) < 2 or action not in {"story", "find", "status", "order", "clear"}

    def action_find(self) -> None:
        """Open the line in which one types what to find."""
        field = self.query_one("#words", Input)
        field.add_class("open")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._look(words=event.value)

    def on_input_submitted(self) -> None:
        self.query_one("#words", Input).remove_class("open")
        self._table.focus()

    def action_clear(self) -> None:
        """Show everything again."""
        field = self.query_one("#words", Input)
        field.remove_class("open")
        field.value = ""
        self._view = View(order=self._view.order)
        self._table.focus()
        self._draw()

    def action_status(self) -> None:
        """Show the executions of the next status."""
        turn = [None, *LIVE]
        self._look(status=turn[(turn.index(self._view.status) + 1) % len(turn)])

    def action_order(self) -> None:
        """Sort by the next column."""
        self._look(order=ORDERS[(ORDERS.index(self._view.order) + 1) % len(ORDERS)])

    def action_story(self) -> None:
        """Tell the story of the execution under the cursor."""
        if self._shown and self._table.cursor_row < len(self._shown):
            self.push_screen(StoryScreen(self._holdfast, self._shown[self._table.cursor_row]))

    def on_data_table_row_selected(self) -> None:
        self.action_story()

    def _look(self, **changes: object) -> None:
        self._view = replace(self._view, **changes)  # pyright: ignore[reportArgumentType] - fields of a view
        self._draw()
