"""`holdfast demo`."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.doors.conftest import COMMAND, Cli


def test_the_demo_loses_nothing_and_does_nothing_twice(cli: Cli) -> None:
    """A worker is killed in the middle; all tickets end or wait for a person, and the ledger has no duplicate."""
    ran = cli("demo", "--once", "--json", timeout=60)
    assert ran.status == 0, ran
    summary = ran.row
    assert (summary["duplicates"], summary["lost"], summary["stuck"]) == (0, 0, 0)
    assert summary["kills"] == 1
    assert sum(summary["status"].values()) == summary["tickets"] == 40
    assert set(summary["status"]) <= {"completed", "failed", "awaiting_review"}
    assert summary["status"]["completed"] >= 20
    assert summary["effects"]["refund"] > 0
    assert summary["worked_by"].startswith("rules")


def test_what_waits_after_the_demo_can_be_answered_with_the_printed_commands(cli: Cli) -> None:
    """The summary's own commands work."""
    import shlex

    ran = cli("demo", "--once", timeout=60)
    assert "with SIGKILL" in ran.out
    command = next(it for it in ran.out.splitlines() if it.strip().startswith("holdfast approve"))
    assert cli(*shlex.split(command)[1:]).status == 0


def test_a_demo_that_is_killed_leaves_no_process(cli: Cli) -> None:
    """Its worker watches it and ends by itself."""
    with subprocess.Popen([*COMMAND, "demo", "--once"], cwd=cli.folder, env=cli.env, stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        said = b""
        while b"started worker" not in said:
            said = demo.stdout.readline()
            assert said
        worker = int(said.split()[-1])
        os.kill(demo.pid, signal.SIGKILL)
        end = time.monotonic() + 20
        while _alive(worker):
            assert time.monotonic() < end, "the worker outlives its demo"
            time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_two_demos_in_one_folder_are_refused(cli: Cli) -> None:
    """The second one would remove the first one's database."""
    import fcntl

    (cli.folder / ".holdfast/demo").mkdir(parents=True)
    with (cli.folder / ".holdfast/demo/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = cli("demo", "--once")
    assert (ran.status, "a demo is running" in ran.err) == (2, True)


def test_a_demo_that_cannot_write_says_what_to_change(cli: Cli) -> None:
    """No traceback where the folder is a file, or may not be written."""
    (cli.folder / "taken").write_text("")
    ran = cli("demo", "--once", "--folder", "taken/demo")
    assert ran.status == 2
    assert ran.err.startswith("error: cannot build the demo in taken/demo")
    assert "--folder" in ran.err
