"""The demo's table: each ticket with its status, step, cost and what it waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from holdfast.doors.screen import STYLES, call_words, console, line, say, shorten, table, words
from holdfast.types import Approval, Execution, Status

_COLUMNS: Final = ("ticket", "status", "step", "cost", "waits for / came to")
_ORDER: Final[Mapping[Status, int]] = {
    "running": 0,
    "pending": 1,
    "awaiting_review": 2,
    "failed": 3,
    "cancelled": 4,
    "completed": 5,
}
"""What a person looks for first stands on top, when the terminal is too low for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The tickets as the database has them at one moment."""

    executions: Mapping[str, Execution]
    """By ticket, in the order they were fed."""
    approvals: Sequence[Approval]

    def count(self, *statuses: Status) -> int:
        """How many tickets have one of these statuses."""
        return sum(execution.status in statuses for execution in self.executions.values())

    @property
    def settled(self) -> bool:
        """Whether no worker could do anything: all have ended or wait for a person."""
        return self.count("pending", "running") == 0

    def waits_for(self, execution: Execution) -> str:
        """What would let it go on, or what it came to."""
        for approval in self.approvals:
            if approval.execution_id == execution.id:
                if approval.tool_name:
                    return f"{call_words(approval.tool_name, approval.arguments)}: {approval.reason}"
                return approval.reason or approval.question
        if execution.status == "completed":
            return words(_gist(execution.result))
        return execution.error or execution.status_reason or ("a worker" if execution.status == "pending" else "")


def _gist(result: object) -> object:
    """The words of a result for people, where it has a field for them."""
    if isinstance(result, Mapping):
        return next((result[key] for key in ("answer", "summary", "reply") if result.get(key)), result)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]
    return result


@dataclass(slots=True)
class Board:
    """Shows views as they come: a live table on a terminal, else a line for each change."""

    title: str
    quiet: bool = False
    """True with `--json`: nothing but the summary is printed."""
    link: str = ""
    """Where the same is seen in a browser."""
    _live: Live | None = None
    _shown: dict[str, Status] = field(default_factory=dict[str, Status])
    _said: list[Text] = field(default_factory=list[Text])

    def __enter__(self) -> Self:
        if console().is_terminal and not self.quiet:
            self._live = Live(console=console(), auto_refresh=False, vertical_overflow="ellipsis")
            self._live.start()
        elif self.link and not self.quiet:
            say(line(("in a browser: ", "dim"), self.link))
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def tell(self, text: str, style: str = "bold magenta") -> None:
        """Say something that happened to the whole."""
        if self._live:
            self._said = [*self._said[-2:], line((text, style))]
        elif not self.quiet:
            say(line((text, style)))

    def show(self, view: View, *advice: str) -> None:
        """Draw the view and what its reader may do now, or print what changed since the last one."""
        if self._live:
            head = line((f"{self.title}\n", "bold"), _counts(view))
            if self.link:
                head = Text("\n").join([head, line(("in a browser: ", "dim"), self.link)])
            below = [*self._said, *map(line, advice)]
            self._live.update(Group(head, self._table(view, below=len(below)), *below), refresh=True)
        elif not self.quiet:
            self._print_changes(view)

    def _print_changes(self, view: View) -> None:
        for ticket, execution in view.executions.items():
            if execution.status in {"pending", "running"} or self._shown.get(ticket) == execution.status:
                continue
            self._shown[ticket] = execution.status
            status = (f"{execution.status:<16}", STYLES[execution.status])
            spent = f"{execution.step_count:>2} steps ${execution.cost_usd:.4f}  "
            say(line(f"{ticket:<5} ", status, spent, shorten(view.waits_for(execution), 110)))

    def _table(self, view: View, *, below: int) -> Table:
        by_urgency = sorted(view.executions.items(), key=lambda pair: _ORDER[pair[1].status])
        room = max(5, console().height - below - (7 if self.link else 6))
        cells = [_cells(ticket, execution, view) for ticket, execution in by_urgency[:room]]
        if len(by_urgency) > room:
            cells.append(["…", f"{len(by_urgency) - room} more", "", "", ""])
        return table(_COLUMNS, cells, widest=_COLUMNS[-1])


def _cells(ticket: str, execution: Execution, view: View) -> list[str | Text]:
    return [
        ticket,
        Text(execution.status, STYLES[execution.status]),
        str(execution.step_count),
        f"${execution.cost_usd:.4f}",
        shorten(view.waits_for(execution), 160),
    ]


def _counts(view: View) -> str:
    order: list[Status] = ["pending", "running", "awaiting_review", "completed", "failed", "cancelled"]
    return ", ".join(f"{view.count(status)} {status}" for status in order if view.count(status)) or "no tickets yet"
