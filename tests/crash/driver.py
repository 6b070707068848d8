"""Starting a driver process and reading what it tells, line by line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def drive(module: str, order: dict[str, Any], *, timeout_s: float) -> list[dict[str, Any]]:
    """What the driver `tests.crash.<module>` has to say about an order.

    It is a process of its own because pytest has threads, and a process with threads cannot be forked safely.
    """
    command = [sys.executable, "-m", f"tests.crash.{module}", json.dumps(order)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


COMMITS_THAT_VARY = 2
"""What is committed together differs a little from life to life: so many of the last commits may not be come to."""


def the_killed(lives: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lives that were killed where they should be: all but those that ended one or two commits early."""
    missed = [life["at"] for life in lives if not life["killed"]]
    assert all("-commit:" in at for at in missed), missed
    assert len(missed) <= COMMITS_THAT_VARY, missed
    return [life for life in lives if life["killed"]]
