"""What happens at a real terminal: questions inline, Ctrl-C."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.doors.conftest import COMMAND, Cli


@dataclass
class Terminal:
    """A command at a terminal of its own."""

    process: subprocess.Popen[bytes]
    fd: int
    seen: str = ""

    def until(self, text: str, *, within_s: float = 20) -> None:
        """Read until `text` has come."""
        end = time.monotonic() + within_s
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come; seen: {self.seen}"
            self.seen += self._read()

    def type(self, text: str) -> None:
        os.write(self.fd, f"{text}\n".encode())

    def ends(self) -> int:
        """Read to the end and give the exit status."""
        while more := self._read():
            self.seen += more
        return self.process.wait(20)

    def _read(self) -> str:
        try:
            return os.read(self.fd, 65_536).decode(errors="replace")
        except OSError:  # Linux: the other end is closed
            return ""


@contextmanager
def at_terminal(cli: Cli, *args: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    env = {**cli.env, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "200"}
    process = subprocess.Popen(
        [*COMMAND, *args], cwd=cli.folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_a_call_is_approved_where_it_is_asked(cli: Cli) -> None:
    """At a terminal the question is put there, and a yes lets the run go on to its end."""
    with at_terminal(cli, "run", "desk_target.py:payer", "pay") as terminal:
        terminal.until("[a]pprove")
        terminal.type("a")
        assert terminal.ends() == 0
    assert (cli.folder / "ledger.txt").read_text() == "120\n"


def test_a_call_of_a_specialist_is_approved_where_its_supervisor_runs(cli: Cli) -> None:
    """The question of an execution below is put at the same terminal."""
    with at_terminal(cli, "run", "desk_target.py:treasurer", "pay") as terminal:
        terminal.until("[a]pprove")
        terminal.type("a")
        assert terminal.ends() == 0
    assert (cli.folder / "ledger.txt").read_text() == "120\n"


def test_a_no_at_the_terminal_takes_the_reason(cli: Cli) -> None:
    """Rejecting asks for the note that the agent is told."""
    with at_terminal(cli, "run", "desk_target.py:payer", "pay") as terminal:
        terminal.until("[a]pprove")
        terminal.type("r")
        terminal.until("why not")
        terminal.type("too dear")
        assert terminal.ends() == 0
    assert "too dear" in terminal.seen
    assert not (cli.folder / "ledger.txt").exists()


def test_arguments_are_edited_at_the_terminal(cli: Cli) -> None:
    """A mistyped edit is asked again; a good one is what runs."""
    with at_terminal(cli, "run", "desk_target.py:payer", "pay") as terminal:
        terminal.until("[a]pprove")
        terminal.type("e")
        terminal.until("as JSON >")
        terminal.type("80")
        terminal.until("JSON object")
        # The next question may have come with it: only what was read before is put behind.
        terminal.seen = terminal.seen.partition("JSON object")[2]
        terminal.until("[a]pprove")
        terminal.type("e")
        terminal.until("as JSON >")
        terminal.type('{"amount": 80}')
        assert terminal.ends() == 0
    assert (cli.folder / "ledger.txt").read_text() == "80\n"


def test_a_question_may_be_left_to_others(cli: Cli) -> None:
    """Leaving it exits with 3 and prints how to answer later."""
    with at_terminal(cli, "run", "desk_target.py:payer", "pay") as terminal:
        terminal.until("[a]pprove")
        terminal.type("l")
        assert terminal.ends() == 3
    assert "holdfast approve" in terminal.seen


def test_an_answer_given_elsewhere_ends_the_question_here(cli: Cli) -> None:
    """Whoever answers first answers for all: the terminal goes on by itself."""
    with at_terminal(cli, "run", "desk_target.py:payer", "pay") as terminal:
        terminal.until("[a]pprove")
        cli("approve", cli("approvals", "--json").row["id"], "--by", "bob")
        assert terminal.ends() == 0
    assert "by bob" in terminal.seen


def test_ctrl_c_lets_go_and_loses_nothing(cli: Cli) -> None:
    """Detaching prints the way back, and a worker finishes the execution."""
    with at_terminal(cli, "run", "desk_target.py:waiter", "wait") as terminal:
        terminal.until("wait_for_flag")
        terminal.process.send_signal(signal.SIGINT)
        terminal.until("letting go")
        (cli.folder / "flag").touch()
        assert terminal.ends() == 130, terminal.seen
    assert "holdfast worker desk_target.py:waiter" in terminal.seen
    id_ = cli("executions", "--json").row["id"]
    assert f"holdfast tail {id_}" in terminal.seen
    cli("worker", "desk_target.py:waiter", "--drain")
    assert cli("show", id_, "--json").row["status"] == "completed"


def test_no_color_means_no_color(cli: Cli) -> None:
    """With NO_COLOR a terminal gets text without colours."""
    with at_terminal(cli, "run", "desk_target.py:finder", "hi") as terminal:
        assert terminal.ends() == 0
    assert "\x1b[3" not in terminal.seen
