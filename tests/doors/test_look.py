"""`holdfast executions`, `show`, `tail`, `approvals`."""

from tests.doors.conftest import Cli


def test_executions_are_listed_newest_first_with_whole_ids(cli: Cli) -> None:
    """The list names each execution in full and can be filtered."""
    first = cli("run", "desk_target.py:echoer", "one", "--json").row["id"]
    second = cli("run", "desk_target.py:echoer", "two", "--user", "ann", "--json").row["id"]
    listed = cli("executions").out
    assert listed.index(second) < listed.index(first)
    assert [row["id"] for row in cli("executions", "--user", "ann", "--json").rows] == [second]
    assert [row["id"] for row in cli("executions", "--after", second, "--json").rows] == [first]


def test_show_tells_the_whole_story(cli: Cli) -> None:
    """Input, steps, the decision with its gate and reason, who approved, the result."""
    id_ = cli.waiting()
    cli("approve", id_, "--by", "ann", "--note", "fine")
    cli("worker", "desk_target.py:payer", "--drain")
    told = cli("show", id_)
    assert told.status == 0
    for piece in ("input: please", "pay(amount=120)", "review by", "approve by ann", "fine", "result  paid 120"):
        assert piece in told.out, (piece, told.out)


def test_the_raw_journal_is_a_row_an_event(cli: Cli) -> None:
    """`--events` prints the events without gaps."""
    id_ = cli("run", "desk_target.py:finder", "hi", "--json").row["id"]
    rows = cli("show", id_, "--events", "--json").rows
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["kind"] == "execution.started"
    assert "execution.completed" in cli("show", id_, "--events").out


def test_part_of_an_id_is_enough(cli: Cli) -> None:
    """The last characters name an execution; fewer than six do not."""
    id_ = cli("run", "desk_target.py:echoer", "hi", "--json").row["id"]
    assert cli("show", id_[-8:], "--json").row["id"] == id_
    short = cli("show", id_[-4:])
    assert (short.status, "at least 6" in short.err) == (2, True)


def test_an_ambiguous_part_lists_the_candidates(cli: Cli) -> None:
    """Ids begin with their time: two of the same hour share their start."""
    ids = [cli("run", "desk_target.py:echoer", "hi", "--no-wait").out.strip() for _ in range(2)]
    ran = cli("show", ids[0][:6])
    assert ran.status == 2
    assert all(id_ in ran.err for id_ in ids)


def test_an_unknown_id_is_no_traceback(cli: Cli) -> None:
    """An id that nothing has exits with 2 and says where the ids are."""
    cli("run", "desk_target.py:echoer", "hi")
    ran = cli("show", "not-there-at-all")
    assert (ran.status, "holdfast executions lists them" in ran.err) == (2, True)


def test_tail_follows_to_the_end_and_exits_with_its_status(cli: Cli) -> None:
    """Following something that failed exits with 1."""
    id_ = cli("run", "desk_target.py:endless", "hi", "--json").row["id"]
    ran = cli("tail", id_)
    assert ran.status == 1
    assert "MAX_STEPS_EXCEEDED" in ran.out


def test_approvals_say_what_would_run_and_how_to_answer(cli: Cli) -> None:
    """Each open question comes with its call and the commands that answer it."""
    cli.waiting()
    listed = cli("approvals")
    assert "pay(amount=120)" in listed.out
    approval = cli("approvals", "--json").row
    assert f"holdfast approve {approval['id']}" in listed.out


def test_looking_never_makes_a_database(cli: Cli) -> None:
    """A wrong path is an error, not an empty list."""
    ran = cli("executions", "--database", "nowhere/x.db")
    assert (ran.status, "no database at" in ran.err) == (2, True)
    assert not (cli.folder / "nowhere").exists()


def test_the_database_comes_from_the_environment_too(cli: Cli) -> None:
    """`HOLDFAST_DATABASE` stands for --database."""
    cli("run", "desk_target.py:echoer", "hi", HOLDFAST_DATABASE="other.db")
    assert (cli.folder / "other.db").exists()
    assert len(cli("executions", "--json", "--database", "other.db").rows) == 1


def test_a_reader_that_goes_away_is_no_error(cli: Cli) -> None:
    """`holdfast executions | head -0` ends quietly."""
    import subprocess

    from tests.doors.conftest import COMMAND

    cli("run", "desk_target.py:echoer", "hi")
    command = f"{' '.join(COMMAND)} executions --json | true"
    done = subprocess.run(command, shell=True, cwd=cli.folder, env=cli.env, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
