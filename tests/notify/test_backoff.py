"""Failed deliveries come again, spread out, and end."""

from datetime import timedelta

from holdfast.errors import DeliveryFailed
from holdfast.notify.backoff import next_attempt
from holdfast.testing.clock import START


def after(attempts: int, *, jitter: float = 1.0, failed: DeliveryFailed | None = None) -> float | None:
    """Seconds until the next attempt."""
    again = next_attempt(failed or DeliveryFailed(), attempts=attempts, most=12, now=START, jitter=jitter)
    return None if again is None else (again - START).total_seconds()


def test_waits_double_from_a_minute():
    """At most one minute, two, four."""
    assert [after(1), after(2), after(3)] == [60, 120, 240]


def test_waits_are_anywhere_below():
    """What failed together does not come back together."""
    assert [after(3, jitter=0), after(3, jitter=0.5)] == [0, 120]


def test_twelve_attempts_take_about_a_day():
    """Seventeen hours on average; then it is given up."""
    waits = [after(n, jitter=0.5) for n in range(1, 12)]
    assert timedelta(hours=16) < timedelta(seconds=sum(w or 0 for w in waits)) < timedelta(hours=18)
    assert after(12) is None


def test_a_time_that_the_service_asks_for_is_kept():
    """Never earlier than it said."""
    assert after(1, jitter=0, failed=DeliveryFailed(retry_after_s=500)) == 500


def test_what_can_never_work_ends_at_once():
    """A permanent failure is not tried again."""
    assert after(1, failed=DeliveryFailed(permanent=True)) is None


def test_waits_have_an_end():
    """However many attempts are configured, a wait is a day at most."""
    again = next_attempt(DeliveryFailed(), attempts=5_000, most=9_999, now=START, jitter=1)
    assert again == START + timedelta(days=1)
