"""How fast a caller may ask, and how often an address may guess."""

import pytest

from holdfast.doors.http.throttle import Pace, Throttles
from holdfast.errors import TooManyRequests


class Time:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_the_pace_holds() -> None:
    """Three at once, then one a second."""
    pace = Pace(per_minute=60, burst=3)
    assert [pace.wait_s("a", 5.0) for _ in range(4)] == [0, 0, 0, 1]
    assert pace.wait_s("a", 6.0) == 0
    assert pace.wait_s("a", 6.5) == 0.5


def test_names_are_counted_apart() -> None:
    """One that asks too much slows down no other."""
    pace = Pace(per_minute=60, burst=1)
    assert pace.wait_s("a", 5.0) == 0
    assert (pace.wait_s("a", 5.0), pace.wait_s("b", 5.0)) == (1, 0)


def test_it_remembers_so_many_names_and_no_more() -> None:
    """Whoever has many addresses takes no memory with them."""
    pace = Pace(per_minute=60, burst=1)
    for number in range(10_100):
        pace.wait_s(str(number), 5.0)
    assert len(pace) == 10_000


def test_a_caller_that_is_too_fast_is_told_when_to_come_again() -> None:
    """A sixth of a minute's requests at once, then at an even pace."""
    time = Time()
    throttles = Throttles(60, now=time)
    for _ in range(10):
        throttles.admit("key")
    with pytest.raises(TooManyRequests) as refused:
        throttles.admit("key")
    time.now += refused.value.retry_after_s
    throttles.admit("key")


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        (None, "not an address", True),
    ],
)
def test_an_address_is_what_one_client_has(first: str | None, second: str, alike: bool) -> None:
    """Of IPv6 that is half of it: anybody has that many to choose from."""
    throttles = Throttles(60, now=Time())
    for _ in range(20):
        throttles.guessed(first)
    if alike:
        with pytest.raises(TooManyRequests, match="too many unknown keys"):
            throttles.guessed(second)
    else:
        throttles.guessed(second)
