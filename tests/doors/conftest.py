"""Runs the real command in a folder of its own, as a process."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Running, start

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "holdfast.doors.cli"]


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its output as JSON, a line each."""
        return [json.loads(row) for row in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        (only,) = self.rows
        return only


@dataclass(frozen=True)
class Cli:
    """The command, in one folder."""

    folder: Path

    @property
    def env(self) -> Mapping[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HOLDFAST_", "OPENAI_"))}
        return {**kept, "PYTHONUNBUFFERED": "1"}

    @property
    def streams(self) -> Path:
        """What commands read and wrote, beside the folder that they see."""
        folder = self.folder.with_name(f"{self.folder.name}.streams")
        folder.mkdir(exist_ok=True)
        return folder

    def begin(self, *args: str, stdin: str = "", **env: str) -> Running:
        """Start the command; whoever does must end it."""
        given = {**self.env, **env}
        return start([*args], environment=given, folder=self.streams, cwd=self.folder, stdin=stdin)

    def __call__(self, *args: str, stdin: str = "", timeout: float = 30, **env: str) -> Ran:
        running = self.begin(*args, stdin=stdin, **env)
        try:
            status = running.wait(timeout)
        finally:
            running.end()
        return Ran(status, running.out.read_text(), running.err.read_text())

    def fresh(self, *args: str, **env: str) -> Ran:
        """The same in an interpreter that has imported nothing yet."""
        done = subprocess.run(
            [*COMMAND, *args],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def waiting(self, agent: str = "payer") -> str:
        """An execution that waits for a person."""
        ran = self("run", f"desk_target.py:{agent}", "please", "--json")
        assert ran.status == 3, ran
        return ran.row["id"]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    for target in ("desk_target.py", "spending_target.py"):
        shutil.copy(HERE / target, tmp_path)
    return Cli(tmp_path)
