"""A worker's dated claim to be alive: kept from a thread of its own, and checked where death can be seen."""

import asyncio
import os
import platform
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

import structlog

from holdfast.ports import Clock, Queue

log = structlog.get_logger("holdfast.engine")

KEEP = 0.8
"""Part of the take-over time for which a lease is dated. A lease that ends is noticed within the rest, so that
an execution is taken over within the whole."""
LOOK = 0.2
"""Part of the take-over time between two renewals, and between two looks for the dead."""
_LATE: Final = 1.25
"""Part of the time between two renewals after which the thread does what the engine's look should have done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where a process runs, exactly enough to tell whether another process can look at it, and which one it is."""

    name: str
    boot: str
    """Changes when the machine starts; two machines never share one."""
    pids: str
    """The namespace in which its process id has a meaning."""
    started: str
    """When the process started: its id may be given to another one after its death."""

    @classmethod
    def here(cls) -> Self:
        """This process."""
        return cls(
            name=platform.node(), boot=_boot(), pids=_pid_namespace(), started=process_started(os.getpid()) or ""
        )

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `str` made of it; `None` for another's spelling."""
        parts = text.split(" ")
        if len(parts) != 4:
            return None
        return cls(name=parts[0], boot=parts[1], pids=parts[2], started=parts[3])

    def __str__(self) -> str:
        return " ".join(part.replace(" ", "_") or "-" for part in (self.name, self.boot, self.pids, self.started))


def is_dead(host: str, pid: int, *, here: Host) -> bool:
    """Whether a worker's process has certainly ended. What cannot be seen from here counts as alive."""
    there, mine = Host.parse(host), Host.parse(str(here))
    if there is None or mine is None or "-" in (there.boot, there.started):
        return False
    if (there.name, there.boot, there.pids) != (mine.name, mine.boot, mine.pids):
        return False
    return not process_is_alive(pid, there.started)


def process_is_alive(pid: int, started: str) -> bool:
    """Whether the process that had this id and started then still runs. True when it cannot be told."""
    try:
        now = process_started(pid)
    except OSError:
        return True
    return now is not None and now.replace(" ", "_") == started.replace(" ", "_")


def process_started(pid: int) -> str | None:
    """When the process with this id started, in the system's own words; `None`: there is none."""
    if Path("/proc/self/stat").exists():
        return _started_linux(pid)
    found = _said("ps", "-o", "stat=,lstart=", "-p", str(pid)).split(maxsplit=1)
    return None if len(found) < 2 or found[0].startswith("Z") else found[1].strip()


def _started_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold anything; state is the first field after it, start time the twentieth.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]


@cache
def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    with suppress(OSError):
        return _said("sysctl", "-n", "kern.boottime").strip()
    return ""


@cache
def _pid_namespace() -> str:
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout  # noqa: S603 - no input in it
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{command[0]} does not answer") from error


class Lease:
    """Renews a worker's lease from a thread and event loop of its own: no busy event loop, no long tool loses it.

    Args:
        queue: Where the worker is registered; its `renew` is called from the lease's thread.
        worker_id: Whose lease.
        keep_s: Seconds for which each renewal holds.
        every_s: Seconds between renewals.
        held_since: When the worker was registered, by the clock's `monotonic`, at the earliest.
        clock: Time.
        on_lost: Called once, on the lease's thread, when the worker was given up for dead.
    """

    def __init__(  # noqa: PLR0913 - what a lease is made of
        self,
        queue: Queue,
        *,
        worker_id: str,
        keep_s: float,
        every_s: float,
        held_since: float,
        clock: Clock,
        on_lost: Callable[[], None],
    ) -> None:
        self._queue, self._worker_id, self._clock, self._on_lost = queue, worker_id, clock, on_lost
        self._keep_s, self._every_s = keep_s, every_s
        self._held_until = held_since + keep_s
        self._asked_at = held_since
        """When the last renewal was asked for."""
        self._ended = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="holdfast-lease", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether nobody else can have taken over.

        False also when the database could not be asked for too long, or this process was stopped: then no effect
        may begin before the next renewal, for another worker may be at it.
        """
        return self._clock.monotonic() < self._held_until

    def renewed(self, *, asked_at: float) -> None:
        """It was renewed from elsewhere, asked for at this time by `monotonic`: the thread need not do it so soon."""
        self._asked_at = max(self._asked_at, asked_at)
        self._held_until = max(self._held_until, asked_at + self._keep_s)

    async def end(self) -> None:
        """Renew no more. The lease itself is ended by `Queue.retire`."""
        self._ended.set()
        with suppress(RuntimeError):  # the thread has ended by itself
            self._loop.call_soon_threadsafe(self._cancel)
        await asyncio.to_thread(self._thread.join)

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _work(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._keep())
        finally:
            self._loop.close()
        if not self._ended.is_set():
            self._on_lost()

    async def _keep(self) -> None:
        """Return when the lease is lost."""
        pause_s = self._every_s
        while not self._ended.is_set():
            await asyncio.sleep(pause_s)
            asked_at = self._clock.monotonic()
            if (pause_s := self._asked_at + self._every_s * _LATE - asked_at) > 0:
                continue  # the engine's own look has renewed it meanwhile: that costs no transaction of its own
            renewed = await self._renew(max(self._held_until - asked_at, self._every_s / 2))
            if renewed:
                self.renewed(asked_at=asked_at)
            elif renewed is False:
                return
            pause_s = self._every_s if renewed else self._every_s / 4

    async def _renew(self, timeout_s: float) -> bool | None:
        """`None`: it could not be asked."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.renew(self._worker_id, lease_s=self._keep_s)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from renewing, expiry decides
            log.warning("lease_not_renewed", worker=self._worker_id, error=str(error) or type(error).__name__)
            return None
