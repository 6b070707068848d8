"""`holdfast dead-letters`, `holdfast retry`."""

import pytest

from tests.doors.conftest import Cli


@pytest.fixture
def failed(cli: Cli) -> str:
    """An execution that ended failed: a person said no to its question how to go on, or it gave up."""
    (cli.folder / "quitter.py").write_text(
        """
from holdfast import Agent, Call
def gives_up(conversation):
    return Call("cannot_complete", {"reason": "no key"})
quitter = Agent(name="quitter", models=[gives_up])
""",
        encoding="utf-8",
    )
    return cli("run", "quitter.py:quitter", "hi", "--json").row["id"]


def test_failures_are_listed_with_their_reason(cli: Cli, failed: str) -> None:
    """Each with the step behind which a retry goes on."""
    (row,) = cli("dead-letters", "--json").rows
    assert (row["id"], row["reason"], row["last_good_step"]) == (failed, "CANNOT_COMPLETE", 1)
    assert "no key" in cli("dead-letters").out


def test_failures_are_filtered(cli: Cli, failed: str) -> None:
    """By agent, reason and age."""
    assert cli("dead-letters", "--agent", "quitter", "--since", "1h", "--json").rows
    assert cli("dead-letters", "--since", "2020-01-01", "--json").rows
    assert not cli("dead-letters", "--reason", "LOOP_DETECTED", "--json").rows
    assert cli("dead-letters", "--since", "yesterday").status == 2


def test_all_failures_that_fit_are_retried_after_a_yes(cli: Cli, failed: str) -> None:
    """Nobody at a terminal: `--yes` is needed; how many is told."""
    asked = cli("retry", "--failed")
    assert (asked.status, "--yes" in asked.err) == (2, True)
    assert "1 retried" in cli("retry", "--failed", "--agent", "quitter", "--yes").out
    assert cli("show", failed, "--json").row["status"] == "pending"


def test_one_is_retried_from_a_step(cli: Cli, failed: str) -> None:
    """A step that is not there is named with those that are."""
    missing = cli("retry", failed, "--from-step", "3")
    assert (missing.status, "its steps are 1" in missing.err) == (2, True)
    assert cli("retry", failed, "--from-step", "1", "--json").row["status"] == "pending"
    assert "set aside" in cli("show", failed).out


def test_options_that_do_not_go_together_are_refused(cli: Cli) -> None:
    """The message says what to write."""
    assert cli("retry").status == 2
    assert cli("retry", "7c41f2", "--failed").status == 2
    assert cli("retry", "7c41f2", "--agent", "x").status == 2
