"""Which calls a standing yes covers, and how its bounds are written."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from holdfast.errors import UsageError
from holdfast.policy.grants import checked_bounds, covering, covers, in_words, parse_bounds
from holdfast.types import Grant, Json, Proposal

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def grant(*bounds: str, **changes: object) -> Grant:
    values = {
        "id": "g1", "tool": "refund", "agent": "support", "bounds": parse_bounds(bounds), "until": NOW, "uses": 5,
        "used": 0, "by": "Ada", "why": "sale", "at": NOW,
    }  # fmt: skip
    return Grant(**(values | changes))


def proposal(tool: str = "refund", agent: str = "support", **arguments: Json) -> Proposal:
    return Proposal(
        call_id="c", execution_id="e", step=1, tool=tool, effect="irreversible", arguments=arguments,
        args=SimpleNamespace(**arguments), digest="d", schema_hash="s", agent=agent, user=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bounds", "arguments", "covered"),
    [
        ([], {"amount": 10**9}, True),
        (["amount<=100"], {"amount": "100.00"}, True),
        (["amount<=100"], {"amount": "100.01"}, False),
        (["amount<=100", "amount>=1"], {"amount": 0.5}, False),
        (["currency=EUR"], {"currency": "EUR"}, True),
        (["currency=EUR"], {"currency": "eur"}, False),
        (["currency in EUR, USD"], {"currency": "USD"}, True),
        (["currency in EUR,USD"], {"currency": "CHF"}, False),
        (["count=2"], {"count": 2}, True),
        (["urgent=true"], {"urgent": True}, True),
        (["urgent=1"], {"urgent": True}, False),
    ],
)
def test_bounds(bounds: list[str], arguments: dict, covered: bool):
    """All bounds must hold; numbers count by value, words as they are written."""
    assert covers(grant(*bounds), proposal(**arguments)) is covered


@pytest.mark.parametrize("amount", [None, "much", True, [1], {"max": 1}, float("nan")])
def test_what_is_no_number_keeps_no_bound(amount: object):
    """A bound never lets through what it cannot compare."""
    assert not covers(grant("amount<=100"), proposal(amount=amount))


def test_an_argument_that_is_not_there_keeps_no_bound():
    """A call without the bounded argument is asked about."""
    assert not covers(grant("amount<=100"), proposal(order="7"))


def test_another_tool_or_agent_is_not_covered():
    """A grant is for one tool, and for one agent where it says so."""
    assert not covers(grant(), proposal(tool="send"))
    assert not covers(grant(), proposal(agent="sales"))
    assert covers(grant(agent=None), proposal(agent="sales"))


def test_a_bound_nobody_knows_holds_for_nothing():
    """A grant written by a newer version covers less here, never more."""
    assert not covers(grant(bounds={"amount": {"below": 5}}), proposal(amount=1))


def test_the_grant_that_ends_first_is_used_first():
    """Of several the one that would be lost soonest."""
    later = grant(id="g2", until=NOW + timedelta(hours=1))
    assert covering([later, grant()], proposal()).id == "g1"
    assert covering([], proposal()) is None


@pytest.mark.parametrize("written", ["amount<100", "amount", "<=5", "amount<=lots", ""])
def test_a_bound_that_cannot_be_read_is_refused(written: str):
    """The message shows how one is written."""
    with pytest.raises(UsageError, match="bound"):
        parse_bounds([written])


@pytest.mark.parametrize("bounds", [{"amount": 5}, {"amount": {}}, {"amount": {"max": "x"}}, {"c": {"in": "EUR"}}])
def test_bounds_that_say_nothing_are_refused(bounds: dict):
    """A program's bounds are checked as a person's are."""
    with pytest.raises(UsageError, match="bounds"):
        checked_bounds(bounds)


def test_bounds_are_shown_as_they_are_written():
    """What is listed can be typed again."""
    assert in_words(parse_bounds(["amount<=100", "currency in EUR,USD"])) == "amount<=100 and currency in EUR,USD"
    assert in_words({}) == "any arguments"
