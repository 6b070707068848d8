"""What reaches the terminal: cleaned text for people, one JSON object a line for programs, nothing else."""

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final, cast

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_KEPT: Final = frozenset("\n\t\u200c\u200d")
"""Newline and tab, and the joiners that emoji and several scripts cannot do without."""

STYLES: Final[Mapping[str, str]] = {
    "pending": "dim",
    "running": "cyan",
    "awaiting_review": "yellow",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
    "denied": "red",
    "in_doubt": "yellow",
}
"""One colour per status, the same in every command."""

Part = str | tuple[str, str]
"""A piece of a line: text, or text with its style."""


def clean(text: str) -> str:
    r"""`text` with all that a terminal would obey, or that changes how text is read, made visible.

    Escape sequences, carriage returns, direction overrides and lone surrogates become `\x1b` and the like.
    """
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def _harmless(char: str) -> bool:
    return char.isprintable() or char in _KEPT or unicodedata.category(char) == "Zs"


def shorten(text: str, width: int) -> str:
    """`text` cleaned, on one line, cut to `width` characters."""
    start = text[: width * 4]
    line = " ".join(clean(start).split())
    return line if len(line) <= width and len(start) == len(text) else f"{line[: width - 1]}…"


def words(value: object) -> str:
    """A JSON value as a person reads it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def call_words(tool: str, arguments: object) -> str:
    """A tool call as one writes it: `refund(order_id="1042", amount=120)`."""
    if not isinstance(arguments, Mapping):
        return f"{tool}({'' if arguments is None else words(arguments)})"
    given = cast("Mapping[str, object]", arguments)
    inside = ", ".join(f"{k}={json.dumps(plain(v), ensure_ascii=False)}" for k, v in given.items())
    return f"{tool}({inside})"


def plain(value: object) -> object:
    """A record as JSON data: dataclasses become objects, times ISO 8601, amounts of money numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in cast("Iterable[object]", value)]
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def emit(record: object) -> None:
    """Print a record as one line of JSON, in ASCII: no byte of it means anything to a terminal."""
    sys.stdout.write(json.dumps(plain(record), default=str) + "\n")
    sys.stdout.flush()


def line(*parts: Part, indent: int = 0) -> Text:
    """A line of styled pieces, each cleaned; lines of data after the first get a bar, so none can pass for ours."""
    text = Text(" " * indent)
    for part in parts:
        content, style = (part, "") if isinstance(part, str) else part
        text.append(clean(content).replace("\n", f"\n{' ' * indent}│ "), style)
    return text


def say(*lines: str | Text) -> None:
    """Print lines for a person, never broken by us: the terminal wraps, a pipe gets them whole."""
    for item in lines:
        console().print(Text(clean(item)) if isinstance(item, str) else item, soft_wrap=True)


def draw(renderable: RenderableType) -> None:
    """Print a table or another renderable whose data was cleaned before."""
    console().print(renderable)


def note(text: str) -> None:
    """Print a remark to stderr, where it never mixes with what a program reads."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], *, widest: str) -> Table:
    """A table in which ids and numbers are never cut: the text column `widest` gets what the others leave."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    least = [max([len(name), *(_text(row[i]).cell_len for row in rows)]) for i, name in enumerate(columns)]
    at = columns.index(widest)
    room = max(10, console().width - sum(width + 2 for i, width in enumerate(least) if i != at))
    for name in columns:
        made.add_column(name, no_wrap=True)
    for row in rows:
        cells = [_text(cell) for cell in row]
        cells[at].truncate(room, overflow="ellipsis")
        made.add_row(*cells)
    return made


def _text(cell: str | Text) -> Text:
    return Text(cell) if isinstance(cell, str) else cell


@cache
def console() -> Console:
    """The terminal on stdout. Colours only where there is a terminal and `NO_COLOR` is not set."""
    piped = not sys.stdout.isatty()
    return Console(markup=False, emoji=False, highlight=False, width=200 if piped else None)
