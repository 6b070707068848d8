"""`holdfast run`."""

import json

import pytest

from tests.doors.conftest import Cli


def test_run_shows_each_step_and_the_result(cli: Cli) -> None:
    """A run tells the calls, what came of them, and the result, and exits with 0."""
    ran = cli("run", "desk_target.py:finder", "Where is it?")
    assert ran.status == 0, ran
    assert 'look_up(order="1042")' in ran.out
    assert "look_up completed" in ran.out
    assert "completed: order 1042 is on its way" in ran.out
    assert "of 50,000 tokens" in ran.out


def test_json_gives_one_object_with_the_outcome(cli: Cli) -> None:
    """For programs a run is one line: the execution."""
    ran = cli("run", "desk_target.py:finder", "Where is it?", "--json")
    assert ran.row["status"] == "completed"
    assert ran.row["result"] == "order 1042 is on its way"
    assert ran.row["step_count"] == 2


def test_input_comes_from_stdin_with_a_dash(cli: Cli) -> None:
    """`-` reads the input from a pipe."""
    ran = cli("run", "desk_target.py:echoer", "-", "--json", stdin="from a pipe")
    assert ran.row["result"] == "you said: from a pipe"


def test_a_json_file_is_given_as_json(cli: Cli) -> None:
    """A .json input file is data, any other is text."""
    (cli.folder / "in.json").write_text(json.dumps({"order": 7}))
    ran = cli("run", "desk_target.py:echoer", "--input-file", "in.json", "--json")
    assert ran.row["input_data"] == {"order": 7}


def test_the_user_and_the_thread_are_recorded(cli: Cli) -> None:
    """Whose request it is, and which conversation it continues."""
    ran = cli("run", "desk_target.py:echoer", "hi", "--user", "ann", "--thread", "t1", "--json")
    assert (ran.row["user_id"], ran.row["thread_id"]) == ("ann", "t1")


def test_no_wait_prints_the_id_and_leaves_the_work(cli: Cli) -> None:
    """Without waiting, the id is all that stdout holds, and nothing has run."""
    ran = cli("run", "desk_target.py:finder", "hi", "--no-wait")
    assert ran.status == 0
    assert "holdfast worker desk_target.py:finder" in ran.err
    assert cli("show", ran.out.strip(), "--json").row["status"] == "pending"


def test_a_call_that_needs_a_person_exits_with_3_and_says_how_to_answer(cli: Cli) -> None:
    """Away from a terminal nobody is asked; the commands that answer are printed."""
    ran = cli("run", "desk_target.py:payer", "pay")
    assert ran.status == 3
    assert "holdfast approve " in ran.out
    assert not (cli.folder / "ledger.txt").exists()


def test_a_specialist_that_needs_a_person_exits_with_3_and_says_how_to_answer(cli: Cli) -> None:
    """A supervisor waits for its team: when all of that waits for people, so does the run."""
    ran = cli("run", "desk_target.py:treasurer", "pay")
    assert ran.status == 3
    assert "holdfast approve " in ran.out


def test_running_into_a_limit_exits_with_1_and_names_it(cli: Cli) -> None:
    """A failed run says which limit ended it."""
    ran = cli("run", "desk_target.py:endless", "go")
    assert ran.status == 1
    assert "MAX_STEPS_EXCEEDED" in ran.out


def test_what_a_model_says_cannot_drive_the_terminal(cli: Cli) -> None:
    """No escape sequence from data reaches the output, in words or in JSON."""
    ran = cli("run", "desk_target.py:attacker", "hi")
    id_ = cli("executions", "--json").row["id"]
    for text in (ran.out, ran.err, cli("show", id_).out, cli("show", id_, "--json").out, cli("executions").out):
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)
    assert "[bold]markup[/bold]" in ran.out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["desk_target.py:finder"], "nothing to work on"),
        (["desk_target.py:finder", "   "], "nothing to work on"),
        (["desk_target.py:finder", "x", "--input-file", "y"], "not both"),
        (["desk_target.py:finder", "--input-file", "nowhere.txt"], "cannot read nowhere.txt"),
        (["desk_target.py:finder", "x", "--wrong"], "--wrong"),
        (["desk_target.py:findr", "x"], "did you mean desk_target.py:finder?"),
        (["desk_target.py", "x"], "--agent"),
        ([], "TARGET"),
    ],
)
def test_a_mistake_exits_with_2_and_names_the_fix(cli: Cli, args: list[str], says: str) -> None:
    """Wrong input is one clear line, never a traceback."""
    ran = cli("run", *args)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_a_mistake_is_an_object_for_programs(cli: Cli) -> None:
    """With --json an error is JSON with a stable code."""
    ran = cli("run", "nowhere.py:x", "hi", "--json")
    assert ran.status == 2
    assert ran.row["error"]["code"] == "not_found"
