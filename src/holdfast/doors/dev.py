"""`holdfast dev`: worker, API and console over one database in one process, fresh after each change of the code."""

import json
import os
import socket
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from holdfast.app import App
from holdfast.doors import exits, target
from holdfast.doors.children import end_with_stdin
from holdfast.doors.options import COMMON, Common, naming, os_user
from holdfast.doors.screen import emit, note
from holdfast.doors.serve import Port, Stop, until_stopped
from holdfast.engine.signals import install_signal_handlers
from holdfast.errors import MissingExtra
from holdfast.trail.place import locate


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """What a process that works and serves says once it does."""

    url: str
    login: str
    """Logs in once; empty when it started afresh."""
    agents: list[str]
    database: str
    """Without a password."""


async def dev(  # noqa: PLR0913 - one per option
    target_: Annotated[str, Parameter(name="TARGET")],
    /,
    *,
    host: str = "127.0.0.1",
    port: Port = 8321,
    reload: bool = True,
    open: bool | None = None,  # noqa: A002 - the word of the option
    concurrency: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    model: str | None = None,
    handed: Annotated[tuple[int, int] | None, Parameter(show=False)] = None,
    again: Annotated[bool, Parameter(negative=(), show=False)] = False,
    common: Common = COMMON,
) -> int:
    """Work, serve and show an agent while you write it: worker, API and console in one process.

    Prints a link that logs you in to the console. A change of the code is taken up at once: turns under way reach their
    commit, and the fresh code goes on with them. Ctrl-C stops.

    Args:
        target_: file.py:name or package.module:name.
        host: Where to listen. The default is this machine only.
        port: Where to listen; 0 takes a free one.
        reload: Start afresh when a Python file or holdfast.toml in the target's folder changes.
        open: Open the console in a browser. Default: on a desktop, when started from a terminal.
        concurrency: Executions at the same time.
        model: provider:model as first choice of every agent; what they declare is the fallback.
        handed: A socket that listens and a pipe to tell of it, from the process that watches for changes.
        again: Whoever started it can log in already.
        common: What every command takes.
    """
    try:
        from holdfast.doors.http.listening import bound
        from holdfast.doors.reload import Fresh, fresh_after_changes
    except ModuleNotFoundError as error:
        raise MissingExtra("server", needed_for="holdfast dev") from error
    play = Play(target=target_, concurrency=concurrency, model=model, again=again, common=common)
    if handed is not None:
        end_with_stdin()
        sock, report = handed
        return await play.run(socket.socket(fileno=sock), lambda up: _report(report, up))
    told = Told(common=common, opens=on_desktop() if open is None else open)
    if not reload:
        return await play.run(bound(host, port), told)
    folder = target.folder_of(target_)
    with bound(host, port) as listening:
        fresh = Fresh(command=play.command(), socket=listening, told=lambda up: told(Up(**up)))
        return await fresh_after_changes(folder, fresh)


def _report(pipe: int, up: Up) -> None:
    with os.fdopen(pipe, "w") as out:
        out.write(json.dumps({name: getattr(up, name) for name in ("url", "login", "agents", "database")}) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One process that works and serves."""

    target: str
    concurrency: int | None
    model: str | None
    again: bool
    common: Common

    def command(self) -> list[str]:
        """Starts the same as a child; what it is handed comes on top."""
        given = [sys.executable, "-m", "holdfast.doors.cli", "dev", self.target, "--no-reload"]
        for name, value in (("--concurrency", self.concurrency), ("--model", self.model)):
            given += [name, str(value)] if value is not None else []
        return given

    async def run(self, sock: socket.socket, told: Callable[[Up], None]) -> int:
        """Work and serve until stopped."""
        from holdfast.doors.http.listening import listening

        stop = Stop()
        install_signal_handlers(stop)
        loaded = target.load(self.target).with_model(self.model)
        async with (
            loaded.open(self.common.database, quiet=False) as app,
            app.worker(self.concurrency),
            listening(app, sock) as door,
        ):
            login = "" if self.again else await login_url(app, door.url)
            shown = locate(app.database).shown
            told(Up(url=door.url, login=login, agents=list(app.agents), database=shown))
            await until_stopped(stop, door.closed)
            broken = door.closed.is_set()
        return exits.FAILED if broken else exits.OK


async def login_url(app: App, url: str) -> str:
    """A link that logs whoever runs this program in to the console, once."""
    token = await app.access.login_link(name=os_user(), role="admin", by=os_user())
    return f"{url}/login/{token}"


@dataclass(slots=True, kw_only=True)
class Told:
    """Tells whoever started it, in full the first time."""

    common: Common
    opens: bool
    _before: bool = False

    def __call__(self, up: Up) -> None:
        first, self._before = not self._before, True
        if self.common.json:
            emit({"dev": "listening" if first else "reloaded", "url": up.url, "login": up.login})
        elif first:
            where = naming(self.common.database) if self.common.database else ""
            note(
                f"working for {', '.join(up.agents)} on {up.database}\n"
                f"  console  {up.login}  (this link logs in once)\n"
                f"  API      {up.url}/v1  with a key: holdfast keys create me --role admin{where}\n"
                "Ctrl-C stops"
            )
        else:
            note("reloaded")
        if first and self.opens:
            webbrowser.open(up.login)


def on_desktop() -> bool:
    """Whether somebody sits at a screen that a browser can open on."""
    screen = sys.platform in {"darwin", "win32"} or any(os.environ.get(it) for it in ("DISPLAY", "WAYLAND_DISPLAY"))
    return screen and sys.stderr.isatty()
