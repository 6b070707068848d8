"""`holdfast demo`: forty support tickets, a worker killed in the middle, and a count of what was lost."""

import asyncio
import fcntl
import os
import shlex
import time
import webbrowser
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from holdfast.app import App
from holdfast.doors import target
from holdfast.doors.board import Board, View
from holdfast.doors.children import Child, start_worker
from holdfast.doors.dev import login_url, on_desktop
from holdfast.doors.example import SupportDesk, Ticket
from holdfast.doors.options import COMMON, Common, naming
from holdfast.doors.screen import console, emit, say
from holdfast.doors.summary import Commands, Facts, Summary, how_to_play, summarise, tell
from holdfast.errors import UsageError

FOLDER: Final = Path(".holdfast/demo")
HOST: Final = "127.0.0.1"
PORT: Final = 8321
LOOK_S: Final = 0.1
PATIENCE_S: Final = 120
"""Seconds without any change after which what is left counts as stuck."""


async def demo(
    *,
    once: Annotated[bool, Parameter(negative=())] = False,
    model: str | None = None,
    folder: Path = FOLDER,
    open: bool | None = None,  # noqa: A002 - the word of the option
    common: Common = COMMON,
) -> int:
    """Work a shop's support tickets, with a crash in the middle.

    Everything is built afresh in one folder: the shop, its tickets, the database. A worker process is started,
    killed with SIGKILL while it works, and another one started; the shop's own ledger shows what was done. The console
    shows it all in a browser meanwhile, at the link that is printed.

    Args:
        once: End when nothing is left to do without a person. Default: stay until Ctrl-C, on a terminal.
        model: provider:model to work the tickets. Default: one whose key is set, else rules.
        folder: Where shop and database are built; what an earlier demo left there is removed.
        open: Open the console in a browser. Default: on a desktop, when started from a terminal.
        common: What every command takes.
    """
    stays = not once and not common.json and console().is_terminal
    with _claimed(folder):
        desk = SupportDesk.at((folder / "shop.db").absolute())
        database = common.database or str(folder / "holdfast.db")
        if common.database is None:
            _clear(folder / "holdfast.db")
        desk.seed()
        loaded = target.load(desk.target).with_model(model)
        async with loaded.open(database) as app, _console(app) as link:
            options = ("--model", model) if model else ()
            if link and (stays and on_desktop() if open is None else open):
                webbrowser.open(link)
            show = Demo(desk=desk, app=app, agent=loaded.one(), folder=folder, options=options, stays=stays, link=link)
            summary = await show.play(quiet=common.json)
    emit(summary) if common.json else say(*tell(summary, _commands(desk, database)))
    return summary.exit_status


@asynccontextmanager
async def _console(app: App) -> AsyncGenerator[str]:
    """The console over this app while the block runs, and the link that logs in to it; empty where it cannot be."""
    try:
        from holdfast.doors.http.listening import bound, listening
    except ModuleNotFoundError:  # the demo needs no extra
        yield ""
        return
    try:
        sock = bound(HOST, PORT)
    except UsageError:  # another program has the port that we like best
        sock = bound(HOST, 0)
    async with listening(app, sock, grace_s=1) as door:
        yield await login_url(app, door.url)


def _commands(desk: SupportDesk, database: str) -> Commands:
    shop, given = shlex.quote(os.path.relpath(desk.shop)), shlex.quote(os.path.relpath(desk.target))
    return Commands(
        where=naming(database),
        worker=f"HOLDFAST_SHOP={shop} holdfast worker {given}",
        dev=f"HOLDFAST_SHOP={shop} holdfast dev {given}",
    )


@contextmanager
def _claimed(folder: Path) -> Generator[None]:
    """The folder for this demo alone: two would remove each other's database."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        raise UsageError(f"cannot build the demo in {folder}: {error.strerror}; give another --folder") from error
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"a demo is running in {folder}: end it, or give another --folder") from error
        yield


def _clear(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


@dataclass(slots=True, kw_only=True)
class Demo:
    """The play: feed, kill, take over, settle."""

    desk: SupportDesk
    app: App
    agent: target.AnyAgent
    folder: Path
    options: Sequence[str]
    stays: bool
    """Whether it stays with the table for approvals given elsewhere, until Ctrl-C."""
    link: str = ""
    """Where the same is seen in a browser."""
    fed: dict[str, str] = field(default_factory=dict[str, str])
    """Execution by ticket."""
    kills: int = 0
    began: float = 0

    @property
    def rung(self) -> str:
        """Who works the tickets, and why them."""
        first = self.agent.models[0]
        if isinstance(first, str):
            return first
        if os.environ.get("HOLDFAST_DEMO_MODEL"):
            return "rules, as HOLDFAST_DEMO_MODEL says"
        return "rules, because no provider key is set"

    async def play(self, *, quiet: bool) -> Summary:
        """Show it all, and sum it up."""
        tickets = self.desk.tickets()
        title = f"{len(tickets)} tickets, worked by {self.rung}"
        with Board(title, quiet=quiet, link=self.link) as board:
            self.began = time.monotonic()
            board.tell(title, "bold")
            await self._crash(tickets, board)
            async with self._worker() as worker:
                board.tell(f"started worker {worker.pid} in its place")
                await self._settle(board, worker)
                seconds = time.monotonic() - self.began
                if self.stays:
                    await self._stay(board, worker)
            view = await self._view()
            board.show(view)
        full = [await self.app.get(id_) for id_ in self.fed.values()]
        facts = Facts(tickets=len(tickets), worked_by=self.rung, seconds=seconds, kills=self.kills)
        return summarise(facts, full, view.approvals, self.desk.ledger())

    async def _crash(self, tickets: Sequence[Ticket], board: Board) -> None:
        """Feed the tickets, and kill the worker while it is in the middle of some."""
        rest = iter(tickets)
        async with self._worker() as worker:
            board.tell(f"started worker {worker.pid}")
            await self._feed(islice(rest, len(tickets) // 2), board, pace_s=0.1 if self.stays else 0)
            await self._settle(board, worker)
            while burst := list(islice(rest, 8)):
                await self._feed(burst, board)
                if await self._caught_working(worker):
                    break
            await worker.kill()
            self.kills += 1
        view = await self._view()
        board.show(view)
        held = [ticket for ticket, it in view.executions.items() if it.status == "running"]
        board.tell(f"killed worker {worker.pid} with SIGKILL; it held {', '.join(held) or 'nothing'}")
        await self._feed(rest, board)

    async def _caught_working(self, worker: Child) -> bool:
        """Wait for an instant at which the worker is in the middle of several; `False` if it was too fast."""
        most = 0
        while True:
            worker.check()
            view = await self._view()
            now = view.count("running")
            if now >= 3 or now < most or view.settled:
                return now > 0
            most = now

    @asynccontextmanager
    async def _worker(self) -> AsyncGenerator[Child]:
        log = self.folder / "worker.log"
        child = await start_worker(self.desk.target, self.app.database, log=log, options=self.options)
        try:
            yield child
        finally:
            await child.stop()

    async def _feed(self, tickets: Iterable[Ticket], board: Board, *, pace_s: float = 0) -> None:
        for ticket in tickets:
            execution = await self.app.start(
                self.agent.name, ticket.as_input(), user=ticket.sender, thread=ticket.thread
            )
            self.fed[ticket.id] = execution.id
            if pace_s:
                board.show(await self._view())
                await asyncio.sleep(pace_s)

    async def _settle(self, board: Board, worker: Child) -> None:
        """Watch until no worker could do more, or nothing has changed for too long."""
        changed, before = time.monotonic(), None
        while True:
            worker.check()
            view = await self._view()
            board.show(view)
            progress = [(it.last_seq, it.status) for it in view.executions.values()]
            if progress != before:
                changed, before = time.monotonic(), progress
            if view.settled or time.monotonic() - changed > PATIENCE_S:
                return
            await asyncio.sleep(LOOK_S)

    async def _stay(self, board: Board, worker: Child) -> None:
        """Go on showing until Ctrl-C, so that what is approved elsewhere is worked here."""
        board.tell("Ctrl-C ends the demo", "bold yellow")
        where = naming(self.app.database)
        try:
            while True:
                worker.check()
                view = await self._view()
                board.show(view, *how_to_play(view.approvals, where))
                await asyncio.sleep(LOOK_S)
        except asyncio.CancelledError:
            # Ctrl-C cancels this task; here that is the ordinary end, and the summary is still to come.
            task = asyncio.current_task()
            if task is None or not task.uncancel() == 0:
                raise

    async def _view(self) -> View:
        found = {it.id: it for it in await self.app.list(agent=self.agent.name, limit=1_000)}
        mine = {ticket: found[id_] for ticket, id_ in self.fed.items() if id_ in found}
        return View(executions=mine, approvals=await self.app.approvals())
