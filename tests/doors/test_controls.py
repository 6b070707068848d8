"""`holdfast budgets`, `budget`, `rates`, `rate`, `pause`, `resume`, `controls`, `breaker`, `costs`, `audit`."""

import pytest

from tests.doors.conftest import Cli


@pytest.fixture
def migrated(cli: Cli) -> Cli:
    """A folder with an empty database."""
    assert cli("migrate").status == 0
    return cli


def test_a_budget_is_set_topped_up_and_dropped(migrated: Cli) -> None:
    """Each change shows at once."""
    assert migrated("budget", "set", "daily", "--scope", "global", "--usd", "50").status == 0
    assert migrated("budget", "top-up", "daily", "20", "--why", "month end").out == "budget daily: $70.0000 left\n"
    (account,) = migrated("budgets", "--json").rows
    assert (account["budget"]["name"], account["amount"], account["left"]) == ("daily", 70, 70)
    assert migrated("budget", "drop", "daily").status == 0
    assert migrated("budgets", "--json").rows == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("budget", "set", "b", "--scope", "user"), "give tokens or usd"),
        (("budget", "set", "b", "--scope", "user", "--usd", "1", "--window", "week"), "hour, day or month"),
        (("budget", "top-up", "b", "1"), "there is no budget 'b'; there are: none"),
        (("budget", "drop", "b"), "there is no budget 'b'"),
        (("resume", "tool", "pay"), "tool 'pay' is not stopped"),
        (("pause", "tool", "pay", "--why", " "), "say why"),
        (("breaker", "close", "model", "x"), "there is no breaker 'model:x'"),
        (("rate", "set", "r", "--scope", "user", "--unit", "tokens", "--limit", "0"), "1 or more"),
    ],
)
def test_what_cannot_be_done_says_what_would_work(migrated: Cli, command: tuple[str, ...], told: str) -> None:
    """A usage error, in one line."""
    ran = migrated(*command)
    assert ran.status == 2
    assert told in ran.err


def test_a_call_larger_than_its_budget_fails_and_says_what_to_change(cli: Cli) -> None:
    """Waiting would never help."""
    cli("migrate")
    assert cli("budget", "set", "tiny", "--scope", "agent", "--tokens", "10").status == 0
    id_ = cli("run", "spending_target.py:spender", "hi", "--no-wait").out.strip()
    cli("worker", "spending_target.py:spender", "--drain")
    ended = cli("show", id_, "--json").row
    assert (ended["status"], ended["status_reason"]) == ("failed", "BUDGET_EXHAUSTED")
    assert "raise it, or lower max_output_tokens" in ended["error"]


def test_pulling_a_switch_is_told_everywhere(migrated: Cli) -> None:
    """Who stopped what, when and why, and how to let it go on."""
    stopped = migrated("pause", "agent", "support", "--why", "complaints", "--by", "ada")
    assert stopped.out == "agent support is stopped; holdfast resume agent support\n"
    again = migrated("pause", "agent", "support", "--why", "me too")
    assert (again.status, "already stopped by ada" in again.err) == (1, True)
    (switch,) = migrated("controls", "--json").row["switches"]
    assert (switch["kind"], switch["name"], switch["why"]) == ("agent", "support", "complaints")
    assert "complaints" in migrated("controls").out
    assert migrated("resume", "agent", "support").status == 0
    assert [row["kind"] for row in migrated("audit", "--json").rows] == ["switch.on", "switch.off"]


def test_costs_are_shown_by_agent(cli: Cli) -> None:
    """After a run with a model that counts tokens, they add up."""
    cli("run", "spending_target.py:spender", "hi")
    (agent,) = cli("costs", "--by", "agent", "--json").rows
    assert (agent["name"], agent["calls"]) == ("spender", 1)
    assert agent["input_tokens"] > 0
    assert "in all $" in cli("costs").out
