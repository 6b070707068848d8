"""`holdfast grant`, `grants`, `revoke`, `feedback`, `approve --alike`."""

import json

import pytest

from holdfast.doors.grants import seconds
from holdfast.errors import UsageError
from tests.doors.conftest import Cli


def grant(cli: Cli, *more: str) -> dict:
    ran = cli("grant", "pay", "--agent", "payer", "--for", "2h", "--uses", "1", "--why", "sale", "--json", *more)
    assert ran.status == 0, ran
    return ran.row


def test_a_granted_call_asks_nobody(cli: Cli) -> None:
    """Within the bounds it runs at once, and the list counts it."""
    cli.waiting()
    grant(cli, "--bound", "amount<=200")
    assert cli("run", "desk_target.py:payer", "please", "--json").status == 0
    assert cli("grants", "--json").rows == []  # its one use is used up
    assert cli("run", "desk_target.py:payer", "please", "--json").status == 3


def test_a_revoked_grant_is_gone(cli: Cli) -> None:
    """By part of its id; people are asked again."""
    cli.waiting()
    given = grant(cli)
    assert "amount<=" not in cli("grants").out
    assert cli("revoke", given["id"][-8:], "--by", "ann").status == 0
    assert "no grants" in cli("grants").err
    assert cli("run", "desk_target.py:payer", "please", "--json").status == 3


def test_a_bound_that_cannot_be_read_names_the_way_to_write_it(cli: Cli) -> None:
    """Nothing is granted by a typing error."""
    cli.waiting()
    ran = cli("grant", "pay", "--for", "2h", "--uses", "1", "--why", "sale", "--bound", "amount<200")
    assert (ran.status, "amount<=100" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("written", "meant"), [("90", 90), ("45s", 45), ("30m", 1_800), ("2h", 7_200), ("1.5d", 129_600)]
)
def test_durations(written: str, meant: float) -> None:
    """As a person writes them."""
    assert seconds(written) == meant


@pytest.mark.parametrize("written", ["soon", "2 weeks", "-1h", ""])
def test_what_is_no_duration(written: str) -> None:
    """The message shows some that are."""
    with pytest.raises(UsageError, match="2h"):
        seconds(written)


def test_alike_questions_get_one_answer(cli: Cli) -> None:
    """One command, a line for each; what was decided meanwhile makes the exit status 1."""
    ids = [cli.waiting() for _ in range(3)]
    ran = cli("approve", ids[0], "--alike", "--json")
    assert ran.status == 0
    assert [row["approval"]["status"] for row in ran.rows] == ["approved"] * 3
    assert cli("reject", ids[0], "--note", "no", "--alike").status == 0
    assert cli("approve", ids[0], "--alike").status == 1


def test_an_edit_is_for_one_call(cli: Cli) -> None:
    """Other arguments for many calls at once are refused."""
    ran = cli("approve", cli.waiting(), "--alike", "--edit", "{}")
    assert (ran.status, "leave out --alike" in ran.err) == (2, True)


def test_feedback_is_listed_and_exported_as_evaluation_cases(cli: Cli) -> None:
    """What was corrected becomes a data set that evaluations read."""
    id_ = cli.waiting()
    cli("approve", id_, "--edit", '{"amount": 80}', "--note", "too much", "--by", "ann")
    assert cli("feedback", "--agent", "payer", "--json").row["should_be"] == {"amount": 80}
    assert "ann" in cli("feedback").out
    assert cli("feedback", "--export", "cases.yaml").status == 0
    dataset = json.loads((cli.folder / "cases.yaml").read_text())
    (case,) = dataset["cases"]
    assert (case["inputs"], case["expected_output"]) == ("please", {"amount": 80})
    assert (case["metadata"]["was"], case["metadata"]["why"]) == ({"amount": 120}, "too much")
    assert cli("feedback", "--export", "cases.txt").status == 2
