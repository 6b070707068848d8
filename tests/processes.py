"""The real command line as real processes, forked from a server that has imported everything once.

A fresh interpreter takes a second of CPU to start; these take a twentieth of it. Each runs `holdfast ...` from its
entry point, with an environment, a folder and standard streams of its own, and dies of signals like any other.
"""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "holdfast.app",
        "holdfast.doors.answer",
        "holdfast.doors.budgets",
        "holdfast.doors.notices",
        "holdfast.doors.operate",
        "holdfast.doors.retry",
        "holdfast.doors.run",
        "holdfast.doors.switches",
        "holdfast.trail.postgres",
        "holdfast.testing.scripted",
        "holdfast.tools.arguments",
        "holdfast.tools.schema",
        "holdfast.loop.library",
        "pydantic_ai.models.openai",
        "alembic.command",
        "alembic.context",
    ]
)


@dataclass(frozen=True)
class Running:
    """A process of ours."""

    process: BaseProcess
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        return int(self.process.pid or 0)

    @property
    def code(self) -> int | None:
        """Exit status, negative of a signal; `None` while it runs."""
        return self.process.exitcode

    def wait(self, timeout_s: float = 60) -> int:
        """Its exit status."""
        self.process.join(timeout_s)
        assert self.code is not None, f"it still runs: {self.said}"
        return self.code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self) -> None:
        """Kill it if it is still there, stopped or not."""
        self.process.kill()
        self.process.join()

    @property
    def said(self) -> str:
        """Everything it wrote so far."""
        return self.out.read_text() + self.err.read_text()


def start(
    words: list[str], *, environment: Mapping[str, str], folder: Path, cwd: Path | None = None, stdin: str = ""
) -> Running:
    """Start a command of `holdfast`.

    Args:
        words: What follows `holdfast`.
        environment: All of it.
        folder: Where its streams are kept.
        cwd: Where it runs. Default: where this process began.
        stdin: What it reads.
    """
    number = len(list(folder.glob("*.out")))
    streams = [folder / f"{number}.{name}" for name in ("in", "out", "err")]
    for stream, text in zip(streams, (stdin, "", ""), strict=True):
        stream.write_text(text)
    names = tuple(str(stream.absolute()) for stream in streams)
    process = _FORKS.Process(target=_be, args=(words, dict(environment), names, cwd and str(cwd)), daemon=True)
    process.start()
    return Running(process, *streams[1:])


def _be(words: list[str], environment: dict[str, str], streams: tuple[str, str, str], cwd: str | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND if number else os.O_RDONLY), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the process's own
    sys.stdout, sys.stderr = (open(n, "w", buffering=1, closefd=False) for n in (1, 2))  # noqa: SIM115 - as above
    sys.argv = ["holdfast", *words]
    if cwd:
        os.chdir(cwd)
    from holdfast.doors.cli import main

    main()
