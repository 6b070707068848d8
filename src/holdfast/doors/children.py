"""Processes that one of ours starts, and that never outlive it."""

import asyncio
import os
import signal
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import HoldfastError


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One worker process. It watches its stdin, a pipe of ours: when we are gone, even killed, it drains."""

    process: Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Refuse to go on without it.

        Raises:
            HoldfastError: It ended; the message says what it said last.
        """
        if self.process.returncode is not None:
            said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise HoldfastError(f"the worker ended with {self.process.returncode}: {' / '.join(said) or self.log}")

    async def kill(self) -> None:
        """End it with SIGKILL, as a power cut would: no handler runs."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self, *, grace_s: float = 10) -> None:
        """Let it drain; kill it when it takes longer than `grace_s`."""
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), grace_s)
        except TimeoutError:
            await self.kill()


async def start_worker(target: str, database: str, *, log: Path, options: Sequence[str] = ()) -> Child:
    """Start `holdfast worker` as a process of its own, in a session of its own: Ctrl-C is for us alone."""
    command = [sys.executable, "-m", "holdfast.doors.cli", "worker", target]
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--until-stdin-closes",
            *options,
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=output,
            start_new_session=True,
            # Not as an argument: everybody on the machine may read those, and a URL can hold a password.
            env={**os.environ, "HOLDFAST_DATABASE": database},
        )
    return Child(process=process, log=log)


def end_with_stdin() -> None:
    """In a child: ask for a drain when stdin closes, which the system does even for a starter that was killed."""

    def wait() -> None:
        while os.read(0, 4_096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
