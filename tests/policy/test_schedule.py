"""When a schedule fires."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.errors import UsageError
from holdfast.policy.schedule import check, due, first, following, overlapping
from holdfast.types import Schedule

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def nightly(**changes):
    return Schedule("nightly", **({"agent": "clerk", "cron": "30 2 * * *", "timezone": "Europe/Berlin"} | changes))


def times(schedule, after, count):
    found = []
    for _ in range(count):
        after = following(schedule, after)
        found.append(after.isoformat()[:16])
    return found


def test_a_time_that_a_change_of_clocks_leaves_out_is_not_lost():
    """Half past two does not exist in Berlin on 28 March 2027: it fires at three, once."""
    assert times(nightly(), datetime(2027, 3, 27, 12, tzinfo=UTC), 2) == ["2027-03-28T01:00", "2027-03-29T00:30"]


def test_a_time_that_comes_twice_fires_once():
    """On 25 October 2026 in Berlin, half past two is the first one."""
    assert times(nightly(), datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_a_schedule_for_every_hour_fires_every_hour_of_such_days():
    """24 and one more in October, one fewer in March; sixty minutes apart each time."""
    hourly = nightly(cron="0 * * * *")
    assert times(hourly, datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 3) == [
        "2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"
    ]  # fmt: skip
    assert times(hourly, datetime(2027, 3, 28, 0, 30, tzinfo=UTC), 2) == ["2027-03-28T01:00", "2027-03-28T02:00"]


def test_a_time_twice_on_the_clock_is_missed_once():
    """Looking back over that night, as well."""
    found = due(nightly(missed="all"), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC))
    assert [at.hour for at in found.fire] == [0]


@pytest.mark.parametrize(("missed", "fired", "let_go"), [("skip", 0, 3), ("latest", 1, 2), ("all", 3, 0)])
@pytest.mark.parametrize("kind", [{"cron": "0 * * * *"}, {"cron": None, "every_s": 3600}])
def test_what_was_missed_is_made_up_for_as_declared(missed, fired, let_go, kind):
    """Three hours without a worker, and the next time is one to come."""
    hourly = nightly(missed=missed, **kind)
    found = due(hourly, NOW, NOW + timedelta(hours=2, minutes=30))
    assert (len(found.fire), len(found.missed)) == (fired, let_go)
    assert found.next_at == NOW + timedelta(hours=3)
    assert fired != 1 or found.fire == [NOW + timedelta(hours=2)]


def test_a_little_late_is_not_missed():
    """Whoever looks every few seconds is always a little late."""
    found = due(nightly(missed="skip"), NOW, NOW + timedelta(seconds=20))
    assert found.fire == [NOW]


def test_a_year_of_downtime_is_bounded():
    """The newest hundred times, found at once."""
    minutely = nightly(cron="* * * * *", missed="all")
    found = due(minutely, NOW, NOW + timedelta(days=365))
    assert len(found.fire) == 100
    assert found.fire[-1] == NOW + timedelta(days=365)


def test_once_is_once():
    """Also when its time has passed before anybody looked."""
    once = nightly(cron=None, at=NOW, missed="latest")
    assert first(once, NOW + timedelta(days=1)) == NOW
    found = due(once, NOW, NOW + timedelta(days=1))
    assert (found.fire, found.next_at) == ([NOW], None)


def test_what_overlaps_is_skipped_queued_or_takes_over():
    """As declared; where nothing goes on, it begins."""
    found = [overlapping(nightly(overlap=o), previous_goes_on=True) for o in ("skip", "queue", "cancel_previous")]
    assert found == ["skipped", "queued", "started"]
    assert overlapping(nightly(), previous_goes_on=False) == "started"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cron": "61 * * * *"}, {"cron": "* * *"}, {"cron": "0 0 31 2 *"}, {"cron": "0 0 * * * *"}, {"cron": None},
        {"every_s": 5}, {"cron": None, "every_s": 0}, {"timezone": "Berlin"}, {"timezone": "../etc/passwd"},
        {"cron": None, "at": NOW.replace(tzinfo=None)},
    ],
)  # fmt: skip
def test_schedules_that_cannot_be_are_refused(wrong):
    """With a word on what would work."""
    with pytest.raises(UsageError, match="nightly"):
        check(nightly(**wrong), now=NOW)
