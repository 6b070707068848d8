"""`holdfast run`: start one execution, show each step, ask people where it must, let go on Ctrl-C."""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import Parameter

from holdfast.agent import Agent
from holdfast.app import App
from holdfast.doors import exits, inline, target
from holdfast.doors.look import how_to_answer
from holdfast.doors.options import COMMON, Common, naming, os_user
from holdfast.doors.screen import emit, line, note, say
from holdfast.doors.story import Story
from holdfast.errors import NotFound, UsageError
from holdfast.policy.times import seconds
from holdfast.teams.workflow import Workflow
from holdfast.trail import events as kinds
from holdfast.types import FOR_OTHERS, Approval, Execution, Json

INTERRUPTED: Final = 130
T = TypeVar("T")
_PEOPLE: Final = frozenset({kinds.PARKED, kinds.APPROVAL_DECIDED, kinds.APPROVAL_WITHDRAWN, kinds.APPROVAL_EXPIRED})


def _no_option(_: object, value: str | None) -> None:
    if value is not None and value.startswith("--"):
        raise ValueError(f"{value} is no option of run; after -- it is taken as INPUT.")


async def run(  # noqa: PLR0913 - one per option
    target_: Annotated[str, Parameter(name="TARGET")],
    input_: Annotated[str | None, Parameter(name="INPUT", allow_leading_hyphen=True, validator=_no_option)] = None,
    /,
    *,
    input_file: Path | None = None,
    user: str | None = None,
    thread: str | None = None,
    agent: str | None = None,
    model: str | None = None,
    no_wait: Annotated[bool, Parameter(negative=())] = False,
    at: datetime | None = None,
    in_: Annotated[str | None, Parameter(name="--in")] = None,
    by: datetime | None = None,
    common: Common = COMMON,
) -> int:
    """Run an agent and watch each step; Ctrl-C lets go of it and loses nothing.

    Args:
        target_: file.py:name or package.module:name.
        input_: What to work on; - reads it from stdin.
        input_file: Read the input from a file; a .json file is given as JSON.
        user: For whom it works.
        thread: Continue this conversation.
        agent: Which agent, where TARGET is an App with several.
        model: provider:model as first choice; what the agent declares is the fallback.
        no_wait: Print the id and leave the work to a worker.
        at: Not to begin before: 2026-11-21T18:00+01:00; without a zone, of this machine.
        in_: Not to begin before so long from now: 90s, 15m, 2h, 1d. With either, the work is left to a worker.
        by: By when it must have ended, else it ends failed.
        common: What every command takes.
    """
    loaded = target.load(target_).with_model(model)
    chosen = loaded.one(agent)
    asked = _asked(chosen, input_, input_file)
    async with loaded.open(common.database) as app:
        delay_s = seconds(in_) if in_ else None
        execution = await app.start(
            chosen.name, asked, user=user, thread=thread, start_at=_zoned(at), delay_s=delay_s, deadline=_zoned(by)
        )
        come_back = ComeBack(target=target_, where=_where(app))
        if no_wait or execution.status_reason == "SCHEDULED":
            return _left(execution, come_back, common)
        asks = not common.json and sys.stdin.isatty() and sys.stdout.isatty()
        return await Run(app=app, id=execution.id, come_back=come_back, asks=asks, json=common.json).follow()


def _zoned(at: datetime | None) -> datetime | None:
    """A time as people say it: of this machine's zone, unless they name one."""
    return at.astimezone() if at else None


def _where(app: App) -> str:
    """The option that other commands need to find the same record, if they need one."""
    return "" if app.database == App().database else naming(app.database)


def _asked(chosen: Agent[object], given: str | None, file: Path | None) -> Json:
    if given is None and file is None and isinstance(chosen, Workflow) and chosen.takes is None:
        return None
    return _input(given, file)


def _input(given: str | None, file: Path | None) -> Json:
    if given is not None and file is not None:
        raise UsageError("give INPUT or --input-file, not both")
    if file is not None:
        content = _read(file)
        return _parsed(content, file) if file.suffix == ".json" else content
    text = sys.stdin.read() if given == "-" else given
    if text is None or not text.strip():
        raise UsageError("there is nothing to work on: give INPUT, --input-file FILE, or - to read stdin")
    return text


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text") from error


def _parsed(content: str, file: Path) -> Json:
    try:
        return json.loads(content)
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ComeBack:
    """How to take up what was left: the commands, ready to paste."""

    target: str
    where: str

    def commands(self, id: str) -> list[str]:  # noqa: A002 - an execution's
        """A worker for it, and a look at it."""
        return [f"  holdfast worker {shlex.quote(self.target)}{self.where}", f"  holdfast tail {id}{self.where}"]


def _left(execution: Execution, come_back: ComeBack, common: Common) -> int:
    if common.json:
        emit(execution)
        return exits.OK
    say(execution.id)
    note("\n".join(["a worker works it; you may follow it:", *come_back.commands(execution.id)]))
    return exits.OK


@dataclass(slots=True, kw_only=True)
class Run:
    """One execution followed from this terminal."""

    app: App
    id: str
    come_back: ComeBack
    asks: bool
    """Whether a person sits here who can answer."""
    json: bool
    story: Story = field(default_factory=Story)

    async def follow(self) -> int:
        """Show it until it ends, waits for somebody else, or Ctrl-C; the exit status."""
        watching = asyncio.create_task(self._watch())
        with _interruptible(watching, self.come_back.commands(self.id)):
            async with self.app.worker(concurrency=1, only=self.id):
                with suppress(asyncio.CancelledError):
                    await watching
        execution = await self.app.get(self.id)
        waiting = await self.app.approvals(execution_id=self.id, below=True)
        if self.json:
            emit(execution)
        else:
            self._say_how_it_stands(execution, waiting)
        if waiting and execution.status == "pending":
            return exits.OF_STATUS["awaiting_review"]  # through those below it
        return INTERRUPTED if execution.status in {"pending", "running"} else exits.OF_STATUS[execution.status]

    async def _watch(self) -> None:
        async for event in self.app.events(self.id):
            if not self.json:
                say(*self.story.tell(event))
            if event.kind in _PEOPLE and not await self._people(event.seq):
                return

    async def _people(self, seq: int) -> bool:
        """Ask who sits here, where it or one below it waits for a person; `False` when somebody else is to answer."""
        while (execution := await self.app.get(self.id)).last_seq <= seq:
            if execution.status_reason in FOR_OTHERS:
                if not await self._before_news(self.app.wait(self.id), self.id, seq):
                    return True
            elif execution.status != "awaiting_review":
                return True
            waiting = await self.app.approvals(execution_id=self.id, below=True)
            if not self.asks or not waiting or await self._ask(waiting[0]) is False:
                return False
        return True

    async def _ask(self, approval: Approval) -> bool | None:
        """Whether it was answered here; `None` when it was elsewhere meanwhile."""
        asked = await self.app.get(approval.execution_id)
        return await self._before_news(inline.ask(self.app, approval, by=os_user()), asked.id, asked.last_seq)

    async def _before_news(self, doing: Coroutine[None, None, T], id: str, seq: int) -> T | None:  # noqa: A002
        """What comes of it, unless something is written into an execution's journal first."""
        done, news = asyncio.create_task(doing), asyncio.create_task(_news(self.app, id, after=seq))
        try:
            await asyncio.wait({done, news}, return_when=asyncio.FIRST_COMPLETED)
            return await done if done.done() else None
        finally:
            done.cancel()
            news.cancel()

    def _say_how_it_stands(self, execution: Execution, waiting: Sequence[Approval]) -> None:
        say(line((f"{execution.status} ", "bold"), f"{execution.id}  ", (self.story.spent(), "dim")))
        if execution.status in {"pending", "running"} and not waiting:
            say("detached: it goes on under a worker", *self.come_back.commands(self.id))
        for approval in waiting:
            say(f"waits for an answer to: {approval.question}", *how_to_answer(approval, self.come_back.where))
        if waiting:
            say("then a worker goes on with it:", *self.come_back.commands(self.id))


async def _news(app: App, id: str, *, after: int) -> None:  # noqa: A002 - an execution's
    async for _ in app.events(id, after=after):
        return


@contextmanager
def _interruptible(watching: asyncio.Task[None], come_back: Sequence[str]) -> Generator[None]:
    """Ctrl-C ends the watching, and the work lets go after its turn; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def second() -> None:
        note("\n".join(["left as it is; nothing durable is lost:", *come_back]))
        # Not an exception: a tool that hangs in a thread would hold up an orderly exit.
        os._exit(INTERRUPTED)

    def first() -> None:
        note("\nletting go after the turn under way; Ctrl-C again exits at once")
        loop.add_signal_handler(signal.SIGINT, second)
        watching.cancel()

    loop.add_signal_handler(signal.SIGINT, first)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
