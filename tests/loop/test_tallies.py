"""Successes that are told only when something fails."""

from holdfast.loop.tallies import Tallies


def test_what_went_well_is_told_once():
    """A report takes the count with it."""
    tallies = Tallies()
    for now in (1.0, 1.5, 3.0):
        tallies.ok("model", "openai:gpt-5.2", now=now)
    assert tallies.take("model", "openai:gpt-5.2", now=4.0) == 3
    assert tallies.take("model", "openai:gpt-5.2", now=4.0) == 0


def test_what_went_well_long_ago_says_nothing():
    """Successes count for a minute."""
    tallies = Tallies()
    tallies.ok("tool", "refund", now=0.0)
    tallies.ok("tool", "refund", now=50.0)
    assert tallies.take("tool", "refund", now=100.0) == 1


def test_one_name_is_no_other():
    """A model and a tool of one name are counted apart."""
    tallies = Tallies()
    tallies.ok("tool", "x", now=0.0)
    assert tallies.take("model", "x", now=0.0) == 0


def test_counting_for_days_takes_no_room():
    """What is never told is forgotten by the second."""
    tallies = Tallies()
    for now in range(1_000):
        tallies.ok("model", "m", now=now)
    assert tallies.take("model", "m", now=999) == 61
