"""Starts measurements in processes of their own, each with an end: it reports, or it is stopped."""

import json
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any

ROOT = Path(__file__).parent.parent


class DidNotFinish(Exception):
    """A measurement failed or took too long; the message says which and why."""


def measure(name: str, *, limit_s: float, **arguments: object) -> dict[str, Any]:
    """Run one measurement and return what it reports.

    Raises:
        DidNotFinish: It failed, or ran longer than `limit_s` seconds.
    """
    try:
        done = subprocess.run(
            _command(name, arguments), cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise DidNotFinish(f"{name}: not finished after {limit_s:g} s") from late
    if done.returncode != 0:
        raise DidNotFinish(f"{name}: {_last_line(done.stderr)}")
    return json.loads(_last_line(done.stdout))


def kill_when_ready(name: str, *, limit_s: float, **arguments: object) -> None:
    """Run a measurement until it prints `ready`, then end it with SIGKILL.

    Raises:
        DidNotFinish: It ended before that, or was not ready within `limit_s` seconds.
    """
    with subprocess.Popen(
        _command(name, arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        watchdog = Timer(limit_s, process.kill)
        watchdog.start()
        try:
            ready = any(line.strip() == "ready" for line in process.stdout or ())
        finally:
            watchdog.cancel()
            process.kill()
    if not ready:
        raise DidNotFinish(f"{name}: was not ready within {limit_s:g} s")


def _command(name: str, arguments: dict[str, object]) -> list[str]:
    return [sys.executable, "-m", "bench.child", name, json.dumps(arguments)]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "ended without a word"
