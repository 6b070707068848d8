"""The story of one execution, told live on a screen of `holdfast top`."""

from typing import ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, RichLog, Static

from holdfast.app import App
from holdfast.doors.screen import STYLES, line
from holdfast.doors.story import Story
from holdfast.errors import HoldfastError

_MOST: Final = 5_000
"""Lines that are kept."""


class StoryScreen(Screen[None]):
    """Follows one execution until it ends.

    Args:
        app: The database.
        execution_id: Whose story.
    """

    CSS = """
    #head { height: 1; padding: 0 1; }
    #told { height: 1fr; padding: 0 1; scrollbar-size: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "back"),
        Binding("backspace", "app.pop_screen", "back", show=False),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, app: App, execution_id: str) -> None:
        super().__init__()
        self._holdfast, self._id = app, execution_id

    def compose(self) -> ComposeResult:
        yield Static(Text(self._id, style="bold"), id="head")
        yield RichLog(id="told", wrap=True, min_width=20, max_lines=_MOST)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#told").focus()
        self._tell()

    @work(exclusive=True)
    async def _tell(self) -> None:
        told, story = self.query_one("#told", RichLog), Story()
        try:
            async for event in self._holdfast.events(self._id):
                for text in story.tell(event):
                    told.write(text)
                self.query_one("#head", Static).update(line((self._id, "bold"), f"  {story.spent()}"))
            ended = await self._holdfast.get(self._id)
            told.write(line(("it is ", "dim"), (ended.status, STYLES[ended.status])))
        except HoldfastError as error:
            told.write(line((str(error), "bold red")))
