"""One frame of `holdfast top`: what is read of the database at one moment, and how it reads on a screen."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from rich.text import Text

from holdfast.app import App
from holdfast.doors.screen import STYLES, Part, call_words, line, shorten, words
from holdfast.types import (
    Account,
    Approval,
    Breaker,
    Caller,
    Fleet,
    Line,
    Live,
    SeenWorker,
    Stand,
    Status,
    Unserved,
    Wanted,
)

MOST: Final = 200
"""Executions of each status that are read."""
QUESTIONS: Final = 20
Order = Literal["urgency", "age", "cost", "steps", "agent"]
ORDERS: Final = get_args(Order)
LIVE: Final[tuple[Status, ...]] = ("running", "awaiting_review", "pending")
GLYPHS: Final[Mapping[str, str]] = {"running": "▶", "awaiting_review": "◆", "pending": "·"}
_URGENT: Final[Mapping[str, int]] = {"awaiting_review": 0, "running": 1, "pending": 2}
_WORDS: Final[Mapping[str, str]] = {"awaiting_review": "review"}
"""Statuses that are shown in fewer letters than they have."""
COLUMNS: Final = ("state", "id", "agent", "step", "cost", "age", "what")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything that is shown."""

    at: datetime
    database: str
    stand: Stand
    fleet: Fleet
    lines: Sequence[Line]
    """Live executions, the newest first of each status."""
    questions: Sequence[Approval]
    """The oldest open ones."""

    @property
    def asked(self) -> Mapping[str, Approval]:
        """The oldest question of each execution."""
        return {one.execution_id: one for one in reversed(self.questions)}

    def count(self, status: Status) -> int:
        """How many executions have a status."""
        return sum(one.count for one in self.stand.live if one.status == status)


async def read(app: App, caller: Caller, *, database: str) -> Frame:
    """Read one frame: bounded queries, all at once."""
    listing = asyncio.gather(*(app.glance.lines(caller, Wanted(status=status), limit=MOST) for status in LIVE))
    stand, fleet, questions = await asyncio.gather(
        app.control.stand(), app.control.fleet(), app.glance.waiting(caller, limit=QUESTIONS)
    )
    lines = [one for some in await listing for one in some]
    return Frame(at=fleet.at, database=database, stand=stand, fleet=fleet, lines=lines, questions=questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which executions are shown, and in which order."""

    order: Order = "urgency"
    status: Status | None = None
    words: str = ""
    """Only those whose id, agent, user or words hold this."""

    def choose(self, frame: Frame) -> list[Line]:
        """The lines to show, in order."""
        shown = [one for one in frame.lines if self._fits(one, frame)]
        match self.order:
            case "urgency":
                return sorted(shown, key=lambda it: (_URGENT.get(it.status, 9), it.created_at, it.id))
            case "age":
                return sorted(shown, key=lambda it: (it.created_at, it.id))
            case "cost":
                return sorted(shown, key=lambda it: (-it.cost_usd, it.id))
            case "steps":
                return sorted(shown, key=lambda it: (-it.step_count, it.id))
            case "agent":
                return sorted(shown, key=lambda it: (it.agent_type, it.created_at, it.id))

    def _fits(self, one: Line, frame: Frame) -> bool:
        if self.status is not None and one.status != self.status:
            return False
        said = f"{one.id} {one.agent_type} {one.user_id or ''} {what(one, frame)}"
        return self.words.casefold() in said.casefold()


def cells(one: Line, frame: Frame, *, room: int = 160) -> list[Text]:
    """A row of the table, as `COLUMNS` has it, with so many characters for the last one."""
    style = STYLES[one.status]
    return [
        line((f"{GLYPHS.get(one.status, ' ')} {_WORDS.get(one.status, one.status)}", style)),
        Text(one.id[-8:]),
        Text(shorten(one.agent_type, 16)),
        Text(str(one.step_count), justify="right"),
        Text(f"${one.cost_usd:.4f}", justify="right"),
        Text(age(one.created_at, frame.at), justify="right"),
        Text(shorten(what(one, frame), room)),
    ]


def what(one: Line, frame: Frame) -> str:
    """What it waits for, else what was asked."""
    if one.cancel_requested_at is not None:
        return "being cancelled"
    if (question := frame.asked.get(one.id)) is not None:
        return about(question)
    why = f"[{one.status_reason}] " if one.status_reason else ""
    if one.wake_at is not None and one.wake_at > frame.at:
        why += f"in {age(frame.at, one.wake_at)} "
    return f"{why}{_plain(one.asked)}"


def about(question: Approval) -> str:
    """What a person is asked, in one line."""
    if question.tool_name:
        return call_words(question.tool_name, question.arguments)
    return question.question if question.kind == "question" else f"{question.reason} {question.question}"


def _plain(asked: str) -> str:
    try:
        return words(json.loads(asked))
    except ValueError:  # it was cut
        return asked


def age(then: datetime, now: datetime) -> str:
    """So long ago, in two units at most."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


# --- the strips around it ------------------------------------------------------------------------------------


def strip(frame: Frame) -> Text:
    """How everything stands, in one line."""
    due = sum(one.due for one in frame.stand.live)
    oldest_s = max((one.oldest_s for one in frame.stand.live), default=0.0)
    parts: list[Part] = [("holdfast ", "bold")]
    parts += [
        (f" {GLYPHS[status]} {frame.count(status):,} {_WORDS.get(status, status)} ", STYLES[status]) for status in LIVE
    ]
    if due:
        since = age(frame.at - timedelta(seconds=oldest_s), frame.at)
        parts.append((f"({due:,} due, for {since}) ", "yellow" if oldest_s > 60 else ""))
    workers = frame.stand.leases.workers
    parts.append((f" {workers} {'worker' if workers == 1 else 'workers'}", "" if workers else "bold red"))
    parts += [(f"  {count} {severity}", "bold red") for severity, count in frame.stand.alerts.items()]
    return line(*parts)


def question_lines(frame: Frame, *, room: int) -> list[Text]:
    """The oldest questions, one a line."""
    total = sum(one.count for one in frame.stand.open)
    if not frame.questions:
        return [line(("nothing waits for a person", "dim"))]
    shown = [
        line((f"◆ {age(one.asked_at, frame.at):>4} ", "yellow"), (f"{one.id[-8:]} ", "dim"), shorten(about(one), 160))
        for one in frame.questions[:room]
    ]
    return _rest(shown, total, room)


def control_lines(frame: Frame, *, room: int) -> list[Text]:
    """Breakers that are not closed, budgets by how full they are, and workers."""
    stand = frame.stand
    shown = [_breaker(one) for one in stand.breakers if one.status != "closed"]
    if stand.switches:
        shown.append(line(("⏸ ", "bold red"), f"{stand.switches} stopped: holdfast controls"))
    if stand.leases.abandoned:
        shown.append(line(("✗ ", "bold red"), f"{stand.leases.abandoned} held by dead workers"))
    shown += [_budget(one) for one in sorted(stand.accounts, key=_share, reverse=True)]
    shown += [_unserved(one) for one in frame.fleet.unserved]
    shown += [_worker(one, frame.at) for one in frame.fleet.workers]
    return _rest(shown[:room], len(shown), room) or [line(("no workers, budgets or open breakers", "dim"))]


def _rest(shown: list[Text], total: int, room: int) -> list[Text]:
    if total > room and shown:
        shown[-1] = line((f"… {total - room + 1} more", "dim"))
    return shown


def _breaker(one: Breaker) -> Text:
    style = "bold red" if one.status == "open" else "yellow"
    return line(("⊘ ", style), (f"{one.status} ", style), f"{one.kind} {shorten(one.name, 40)}")


def _share(one: Account) -> float:
    return float((one.spent + one.reserved) / one.amount) if one.amount else 1.0


def _budget(one: Account) -> Text:
    share = _share(one)
    style = "red" if share >= 1 else "yellow" if share >= 0.8 else "green"
    subject = f" {one.subject}" if one.subject else ""
    return line(("$ ", style), (f"{share:4.0%} ", style), shorten(f"{one.budget.name}{subject}", 40))


def _worker(one: SeenWorker, now: datetime) -> Text:
    mark = ("▪ ", "cyan") if one.alive else ("✗ ", "red")
    mark = ("▫ ", "yellow") if one.alive and one.drains_since else mark
    drains = ", draining" if one.drains_since else ""
    capacity = f" of {one.capacity}" if one.capacity else ""
    said = f"{shorten(one.host, 20)}:{one.pid} holds {one.holding}{capacity}, up {age(one.started_at, now)}{drains}"
    serves = ", ".join(f"{agent} {version}" for agent, version in sorted(one.serves.items()))
    return line(mark, said, (f"  {shorten(serves, 60)}", "dim"))


def _unserved(one: Unserved) -> Text:
    version = f" {one.pinned_to}" if one.pinned_to else ""
    return line(("✗ ", "red"), f"nobody serves {shorten(one.agent, 30)}{version}: {one.count:,} waiting")


def live_counts(live: Iterable[Live]) -> dict[str, int]:
    """How many executions have which status."""
    counts: dict[str, int] = {}
    for one in live:
        counts[one.status] = counts.get(one.status, 0) + one.count
    return counts
