"""`holdfast approve`, `reject`, `answer`, `resolve`, `cancel`, `retry`."""

import getpass

from tests.doors.conftest import Cli


def ledger(cli: Cli) -> list[str]:
    path = cli.folder / "ledger.txt"
    return path.read_text().split() if path.exists() else []


def test_an_approved_call_runs_once(cli: Cli) -> None:
    """After a yes a worker runs exactly what was shown."""
    id_ = cli.waiting()
    assert cli("approve", id_).status == 0
    assert cli("worker", "desk_target.py:payer", "--drain").status == 0
    assert ledger(cli) == ["120"]
    assert cli("show", id_, "--json").row["status"] == "completed"


def test_an_edit_changes_what_runs_and_is_recorded(cli: Cli) -> None:
    """Approving with other arguments runs those."""
    id_ = cli.waiting()
    assert cli("approve", id_, "--edit", '{"amount": 80}', "--by", "ann").status == 0
    cli("worker", "desk_target.py:payer", "--drain")
    assert ledger(cli) == ["80"]
    assert cli("approvals", "--all", "--json").row["edit"] == {"amount": 80}


def test_a_rejected_call_never_runs_and_the_agent_is_told_why(cli: Cli) -> None:
    """After a no the note is what the model sees."""
    id_ = cli.waiting()
    assert cli("reject", id_, "--note", "too much").status == 0
    cli("worker", "desk_target.py:payer", "--drain")
    assert ledger(cli) == []
    assert "too much" in str(cli("show", id_, "--json").row["result"])


def test_who_answers_is_the_user_of_the_machine_unless_said(cli: Cli) -> None:
    """`--by` defaults to the operating system's user."""
    cli.waiting()
    approval = cli("approvals", "--json").row["id"]
    decided = cli("approve", approval, "--json", LOGNAME=getpass.getuser(), SUDO_USER="").row
    assert decided["decided_by"] == getpass.getuser()


def test_answering_an_execution_that_asks_nothing_says_how_it_stands(cli: Cli) -> None:
    """Whoever approves something that is done learns that it is done, not that it does not exist."""
    id_ = cli("run", "desk_target.py:echoer", "hello", "--json").row["id"]
    ran = cli("approve", id_)
    assert ran.status == 2
    assert "is completed and asks nothing" in ran.err


def test_a_second_answer_is_told_about_the_first(cli: Cli) -> None:
    """Whoever comes late learns who was first, and the exit status is 1."""
    id_ = cli.waiting()
    cli("approve", id_, "--by", "ann")
    late = cli("approve", id_, "--by", "bob")
    assert late.status == 1
    assert "ann" in late.err


def test_a_no_takes_back_a_yes_that_has_not_begun(cli: Cli) -> None:
    """Until a worker begins the call, somebody else may still say no, and it never runs."""
    id_ = cli.waiting()
    cli("approve", id_, "--by", "ann")
    assert cli("reject", id_, "--note", "wait", "--by", "bob").status == 0
    cli("worker", "desk_target.py:payer", "--drain")
    assert ledger(cli) == []


def test_a_question_is_answered_in_words(cli: Cli) -> None:
    """What a person answers reaches the agent."""
    id_ = cli.waiting("asker")
    assert cli("answer", id_, "blue, please").status == 0
    cli("worker", "desk_target.py:asker", "--drain")
    assert "blue, please" in str(cli("show", id_, "--json").row["result"])


def test_an_answer_that_does_not_fit_names_the_one_that_does(cli: Cli) -> None:
    """A question is not approved, a call is not resolved."""
    cli.waiting()
    ran = cli("resolve", cli("approvals", "--json").row["id"], "skip")
    assert (ran.status, "use holdfast approve" in ran.err) == (2, True)


def test_an_edit_that_is_no_json_says_so(cli: Cli) -> None:
    """A mistyped edit changes nothing."""
    cli.waiting()
    id_ = cli("approvals", "--json").row["id"]
    ran = cli("approve", id_, "--edit", "amount=80")
    assert (ran.status, "--edit is not JSON" in ran.err) == (2, True)
    assert len(cli("approvals", "--json").rows) == 1


def test_rejecting_needs_a_note(cli: Cli) -> None:
    """The agent must be told why."""
    cli.waiting()
    assert cli("reject", cli("approvals", "--json").row["id"]).status == 2


def test_a_waiting_execution_is_cancelled_at_once(cli: Cli) -> None:
    """Cancelling withdraws its question; cancelling again is refused."""
    id_ = cli.waiting()
    assert cli("cancel", id_).status == 0
    assert cli("approvals", "--json").rows == []
    assert cli("tail", id_).status == 4
    assert cli("cancel", id_).status == 1


def test_a_failed_execution_may_be_retried_and_no_other(cli: Cli) -> None:
    """Retry makes it pending again; what has not failed is left alone."""
    id_ = cli("run", "desk_target.py:endless", "hi", "--json").row["id"]
    assert cli("retry", id_, "--json").row["status"] == "pending"
    assert cli("retry", id_).status == 1
