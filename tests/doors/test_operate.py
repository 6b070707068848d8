"""`holdfast worker`, `doctor`, `migrate`, `verify-audit`, `version`, and the command itself."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.doors.conftest import COMMAND, Cli


def appears(path: Path, *, within_s: float = 20) -> None:
    """Wait for a file that another process makes."""
    end = time.monotonic() + within_s
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


def test_a_draining_worker_does_what_it_can_and_exits(cli: Cli) -> None:
    """With --drain nothing is left that could be worked."""
    ids = [cli("run", "desk_target.py:finder", "hi", "--no-wait").out.strip() for _ in range(2)]
    assert cli("worker", "desk_target.py:finder", "--drain").status == 0
    assert {row["id"]: row["status"] for row in cli("executions", "--json").rows} == dict.fromkeys(ids, "completed")


def test_a_worker_that_is_asked_to_stop_ends_in_order(cli: Cli) -> None:
    """SIGTERM lets the call under way end and exits with 0."""
    id_ = cli("run", "desk_target.py:waiter", "hi", "--no-wait").out.strip()
    with subprocess.Popen([*COMMAND, "worker", "desk_target.py:waiter"], cwd=cli.folder, env=cli.env) as worker:
        appears(cli.folder / "waiting")
        worker.send_signal(signal.SIGTERM)
        (cli.folder / "flag").touch()
        assert worker.wait(20) == 0
    calls = cli("show", id_, "--json").row["tool_calls"]
    assert [call["status"] for call in calls] == ["completed"]


def test_stopping_while_the_database_is_away_takes_one_grace_period(cli: Cli) -> None:
    """What cannot be stored by then is left to the next worker, and the command says so with its status."""
    cli("run", "desk_target.py:waiter", "hi", "--no-wait")
    env = {**cli.env, "HOLDFAST_GRACE_S": "2"}
    with subprocess.Popen([*COMMAND, "worker", "desk_target.py:waiter"], cwd=cli.folder, env=env) as worker:
        appears(cli.folder / "waiting")
        with closing(sqlite3.connect(cli.folder / ".holdfast/holdfast.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            (cli.folder / "flag").touch()
            told_at = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 1
            assert time.monotonic() - told_at < 2 * 2 + 2


def test_a_worker_ends_when_its_starter_is_gone(cli: Cli) -> None:
    """A closed stdin drains it, so that nothing the demo starts outlives it."""
    command = [*COMMAND, "worker", "desk_target.py:finder", "--until-stdin-closes"]
    with subprocess.Popen(
        command, cwd=cli.folder, env=cli.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stderr is not None
        while "worker_started" not in (line := worker.stderr.readline()):
            assert line, "the worker ended"
        worker.stdin.close()
        assert worker.wait(20) == 0


def test_doctor_lists_what_a_changed_tool_would_touch(cli: Cli) -> None:
    """A deploy that changes a tool of a waiting execution is announced beforehand."""
    id_ = cli.waiting()
    clean = cli("doctor", "desk_target.py:payer")
    assert (clean.status, "no waiting execution" in clean.out) == (0, True)
    source = (cli.folder / "desk_target.py").read_text()
    (cli.folder / "desk_target.py").write_text(
        source.replace("def pay(amount: int)", "def pay(amount: int, why: str = '')")
    )
    finding = cli("doctor", "desk_target.py:payer", "--json").row
    assert (finding["execution_id"], finding["tool"], finding["outcome"]) == (id_, "pay", "review")
    told = cli("doctor", "desk_target.py:payer").out
    assert f"payer: tool pay changed: a person is asked first; 1 waiting: {id_}" in told


def test_migrate_makes_the_tables_and_may_be_repeated(cli: Cli) -> None:
    """A fresh database gets its tables."""
    assert cli("migrate", "--database", "new.db").status == 0
    assert cli("migrate", "--database", "new.db", "--json").row["version"]
    assert cli("executions", "--database", "new.db").status == 0


READERS = ("executions", "approvals", "verify-audit", "show 7c41f2", "tail 7c41f2", "approve 7c41f2")


@pytest.mark.parametrize("command", [*READERS, "doctor desk_target.py:finder"])
@pytest.mark.parametrize("place", ["typo.db", "typo/trail.db", "other.db"])
def test_what_only_looks_makes_no_database(cli: Cli, command: str, place: str) -> None:
    """No file, no folder, and no tables in a file of somebody else: it says so and names the fix."""
    with closing(sqlite3.connect(cli.folder / "other.db")) as other:
        other.execute("CREATE TABLE theirs (a)")
    before, there = (cli.folder / "other.db").read_bytes(), set(cli.folder.iterdir())
    ran = cli(*command.split(), "--database", place)
    assert (ran.status, "--database" in ran.err) == (2, True), ran
    left = {path for path in cli.folder.iterdir() if path.name != "__pycache__"}
    assert (left, (cli.folder / "other.db").read_bytes()) == (there, before)


@pytest.mark.parametrize("command", ["run desk_target.py:finder hi", "migrate", "worker desk_target.py:finder --drain"])
def test_what_makes_a_database_makes_no_folder(cli: Cli, command: str) -> None:
    """A typo in the path is named before anything is written."""
    ran = cli(*command.split(), "--database", "typo/trail.db")
    assert (ran.status, "there is no folder" in ran.err) == (2, True), ran
    assert not (cli.folder / "typo").exists()


def test_doctor_needs_no_database_yet(cli: Cli) -> None:
    """Before anything ran it checks the target, and makes nothing."""
    ran = cli("doctor", "desk_target.py:finder")
    assert (ran.status, "not there yet" in ran.out, "look_up" in ran.out) == (0, True, True), ran
    assert not (cli.folder / ".holdfast").exists()


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write everything")
@pytest.mark.parametrize("folder", [0o555, 0o755])
@pytest.mark.parametrize("command", ["executions", "approvals", "verify-audit", "show", "tail"])
def test_a_database_that_cannot_be_written_is_read(cli: Cli, command: str, folder: int) -> None:
    """A copy of the record, write-protected, in a folder that may be protected too."""
    id_ = cli("run", "desk_target.py:echoer", "hi", "--json").rows[-1]["id"]
    copy = cli.folder / "copy"
    copy.mkdir()
    shutil.copy(cli.folder / ".holdfast/holdfast.db", copy / "trail.db")
    (copy / "trail.db").chmod(0o444)
    copy.chmod(folder)
    words = [command, *([id_] if command in {"show", "tail"} else []), "--database", str(copy / "trail.db")]
    ran = unprivileged(cli, *words)
    assert ran.returncode == 0, ran
    refused = unprivileged(cli, "run", "desk_target.py:echoer", "hi", "--database", str(copy / "trail.db"))
    assert (refused.returncode, "cannot be written" in refused.stderr) == (2, True), refused
    assert [path.name for path in copy.iterdir() if not path.name.endswith(("-wal", "-shm"))] == ["trail.db"]
    copy.chmod(0o755)


def unprivileged(cli: Cli, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command without root's right to write everything."""
    drop = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*drop, *COMMAND, *words],
        cwd=cli.folder, env=cli.env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_doctor_knows_that_a_server_of_ones_own_needs_no_key(cli: Cli) -> None:
    """With OPENAI_BASE_URL a model of `openai` is not passed over for want of a key."""
    (cli.folder / "own.py").write_text("from holdfast import Agent\na = Agent(name='a', models=['openai:m'])\n")
    assert "no key" in cli("doctor", "own.py").out
    assert "no key" not in cli("doctor", "own.py", OPENAI_BASE_URL="http://localhost:1/v1").out


def test_doctor_warns_of_questions_that_nobody_could_answer(cli: Cli) -> None:
    """A group that a rule asks and that nobody is in, or too few for its quorum, is named before a question waits."""
    (cli.folder / "holdfast.toml").write_text('[people.Ada]\ngroups = ["leads"]\n')
    (cli.folder / "rules.py").write_text(
        "from holdfast import Agent, Final, ask_always, tool\n"
        "@tool(review=ask_always(reviewers='leads', quorum=2, ladder=[('board', 60)]))\n"
        "def pay() -> None: 'Pay.'\n"
        "a = Agent(name='a', models=[lambda c: Final('x')], tools=[pay])\n"
    )
    told = cli("doctor", "rules.py").out
    assert "pay asks the group 'board', and nobody is in it" in told
    assert "pay needs 2 people of 'leads', and only 1 is in it" in told


def test_an_untouched_journal_verifies(cli: Cli) -> None:
    """Every chain holds."""
    cli("run", "desk_target.py:finder", "hi")
    assert cli("verify-audit").status == 0


def test_a_changed_row_of_the_journal_is_named(cli: Cli) -> None:
    """Somebody who edits the record is found out, by execution and sequence number."""
    id_ = cli("run", "desk_target.py:finder", "hi", "--json").row["id"]
    with sqlite3.connect(cli.folder / ".holdfast/holdfast.db") as database:
        database.execute("DROP TRIGGER IF EXISTS agent_events_append_only")
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE agent_events SET data = replace(data, '1042', '1043') WHERE seq > 1")
    ran = cli("verify-audit")
    assert ran.status == 1
    assert id_ in ran.err
    assert cli("verify-audit", "--json").rows[-1]["error"]["code"] == "journal_broken"


def test_version_is_said_in_words_and_json(cli: Cli) -> None:
    """`holdfast version` names version, Python and SQLite."""
    assert cli("version").out.startswith("holdfast ")
    assert set(cli("version", "--json").row) == {"holdfast", "python", "sqlite", "platform"}


def test_help_loads_nothing_but_the_command_line(cli: Cli) -> None:
    """`--help` stays instant: no database, model or data library is imported for it."""
    code = "import sys; sys.argv = ['holdfast', '--help']; from holdfast.doors.cli import main\n"
    code += "try: main()\nexcept SystemExit: print(sorted({m.partition('.')[0] for m in sys.modules}))"
    import sys

    out = subprocess.run(
        [sys.executable, "-c", code], cwd=cli.folder, capture_output=True, text=True, check=True
    ).stdout
    loaded = out.splitlines()[-1]
    for heavy in ("'pydantic'", "'sqlalchemy'", "'pydantic_ai'", "'structlog'", "'alembic'"):
        assert heavy not in loaded


@pytest.mark.parametrize(
    "command",
    [
        *("demo", "run", "worker", "executions", "show", "tail", "approvals", "approve", "reject", "answer"),
        *("resolve", "cancel", "retry", "doctor", "migrate", "verify-audit", "version"),
    ],
)
def test_every_command_is_in_the_help(cli: Cli, command: str) -> None:
    """All commands are listed."""
    from holdfast.doors.cli import build

    assert command in build()


def test_a_word_too_many_is_named(cli: Cli) -> None:
    """The message is a sentence about what was typed."""
    ran = cli("version", "please")
    assert ran.status == 2
    assert ran.err.startswith("error: There is no place for 'please'.")


def test_an_error_is_one_line(cli: Cli) -> None:
    """Whatever a driver says: logs and scripts read lines."""
    ran = cli("executions", "--database", "postgresql://joe:hush@127.0.0.1:1/d")
    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "hush" not in ran.err


def test_a_mistyped_command_names_the_nearest(cli: Cli) -> None:
    """A typo exits with 2 and is answered with what was meant."""
    ran = cli("aprove", "x")
    assert (ran.status, "Did you mean approve?" in ran.err) == (2, True)
