"""Several worker processes that get ready, begin at one word, and tell at another what they used."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import psutil
import psycopg

from bench.process import ROOT, DidNotFinish

POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one worker process used since it was told to begin."""

    cpu_s: float
    before_mb: float
    """Resident when it was ready."""
    peak_mb: float
    """Resident at most."""


class Crew:
    """Processes of `python -m bench.child NAME`, each with its number.

    Args:
        name: A measurement that calls `stand_by`.
        size: How many.
        arguments: What each is given, beside its number.
    """

    def __init__(self, name: str, size: int, **arguments: object) -> None:
        commands = [json.dumps(arguments | {"number": number}) for number in range(size)]
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.child", name, spelled],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for spelled in commands
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            if not any(line.strip() == "ready" for line in process.stdout or ()):
                self.__exit__()
                raise DidNotFinish("a worker process ended before it was ready")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def begin(self) -> float:
        """Let all begin; when, by `time.time`."""
        began = time.time()
        self._tell("begin")
        return began

    def end(self) -> Sequence[Used]:
        """Let all end."""
        self._tell("end")
        return [Used(**json.loads((process.stdout.read() if process.stdout else "").splitlines()[-1]))
                for process in self._processes]  # fmt: skip

    def _tell(self, word: str) -> None:
        for process in self._processes:
            if process.stdin:
                process.stdin.write(f"{word}\n")
                process.stdin.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """How a process stood when it was told to begin."""

    cpu_s: float
    resident_mb: float


async def stand_by() -> Begun:
    """Say that this process is ready, and wait for the word to begin."""
    print("ready", flush=True)
    await told()
    return Begun(cpu_s=time.process_time(), resident_mb=psutil.Process().memory_info().rss / 2**20)


async def told() -> None:
    """Wait for the next word, or the end of whoever gives it."""
    await asyncio.to_thread(sys.stdin.readline)


def used(begun: Begun) -> Used:
    """What this process used since then."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return Used(cpu_s=time.process_time() - begun.cpu_s, before_mb=begun.resident_mb, peak_mb=peak_mb)


@contextmanager
def counting(database: str) -> Generator[Callable[..., int]]:
    """A function that counts by a query, on one connection."""
    with psycopg.connect(database, autocommit=True) as connection:

        def count(query: str, *values: str) -> int:
            row = connection.execute(query.encode(), values).fetchone()
            return int(row[0]) if row else 0

        yield count


def wait_for(count: Callable[[], int], wanted: int) -> float:
    """Wait until so many are counted; when that was, by `time.time`."""
    while count() < wanted:
        time.sleep(POLL_S)
    return time.time()
