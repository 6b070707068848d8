"""The times of a request."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.errors import DeadlineExceeded, UsageError
from holdfast.policy.times import Times, seconds

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def times(**given):
    return Times.of(**({"start_at": None, "delay_s": None, "deadline": None, "now": NOW} | given))


def test_a_delay_is_a_start():
    """And a start that has passed is none."""
    assert times(delay_s=90).start_at == NOW + timedelta(seconds=90)
    assert times(start_at=NOW - timedelta(1)).start_at is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_at": NOW, "delay_s": 1},
        {"delay_s": -1},
        {"delay_s": float("nan")},
        {"deadline": NOW.replace(tzinfo=None)},
    ],
)
def test_times_that_cannot_be_are_refused(wrong):
    """Two starts, a negative delay, a time without a zone."""
    with pytest.raises(UsageError):
        times(**wrong)


def test_a_deadline_before_the_start_is_refused():
    """So is one that has passed."""
    with pytest.raises(DeadlineExceeded):
        times(deadline=NOW)
    with pytest.raises(DeadlineExceeded):
        times(delay_s=60, deadline=NOW + timedelta(seconds=30))


def test_spans_are_read_as_people_write_them():
    """And nothing else is."""
    assert [seconds(text) for text in ("90", "90s", "1.5m", "2h", "1d")] == [90, 90, 90, 7200, 86400]
    with pytest.raises(UsageError):
        seconds("soon")
