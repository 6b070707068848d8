"""Breakers as a state machine: whatever is reported, one probe at a time, and nobody passes a shut one."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.trail.controls.breaker import BreakerRules, asks, probe, reported, shut
from holdfast.types import Report

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
RULES = BreakerRules(window_s=20, failures=3, rate=0.5, open_s=10, probe_s=15)


def failure(**changes: object) -> Report:
    return Report(**({"kind": "model", "name": "m", "failed": 1, "reason": "server"} | changes))


@given(st.lists(st.tuples(st.sampled_from(["ok", "fail", "limit", "ask", "wait"]), st.integers(1, 30)), max_size=80))
def test_a_breaker_lets_one_probe_through_at_a_time(happenings: list[tuple[str, int]]):
    """While it is not closed, a second call goes only when the first has reported or its time is over."""
    now, data, probing_since = START, None, None
    for what, number in happenings:
        if what == "wait":
            now += timedelta(seconds=number)
        elif what == "ask" and not shut(data, now):
            if asks(data, now):
                assert probing_since is None or now - probing_since >= timedelta(seconds=RULES.probe_s)
                data, probing_since = probe(data, now, RULES), now
            else:
                assert data is None or data["status"] == "closed"
        elif what in {"ok", "fail", "limit"}:
            is_probe = probing_since is not None
            report = Report(kind="model", name="m", ok=number, probe=is_probe) if what == "ok" else failure(
                probe=is_probe, retry_after_s=float(number) if what == "limit" else None
            )  # fmt: skip
            data, probing_since = reported(data, report, now, RULES), None
        assert data is None or data["status"] in {"closed", "open", "half_open"}


def test_a_provider_that_worked_until_just_now_is_noticed_at_once():
    """A minute of successes does not hide what fails now."""
    data = reported(None, failure(ok=10_000, failed=1), START, RULES)
    for second in range(1, 4):
        data = reported(data, failure(), START + timedelta(seconds=second), RULES)
    assert data["status"] == "open"


def test_rare_failures_open_nothing():
    """Three of a hundred are no reason."""
    data = None
    for second in range(15):
        data = reported(data, failure(ok=30, failed=1), START + timedelta(seconds=second), RULES)
    assert data["status"] == "closed"


def test_waits_double_up_to_five_minutes():
    """Each probe that fails makes the next wait longer."""
    data, now, waits = None, START, []
    for _ in range(3):
        data = reported(data, failure(), now, RULES)
    for _ in range(8):
        waits.append(data["until"] - now.timestamp())
        now = datetime.fromtimestamp(data["until"], UTC)
        data = reported(probe(data, now, RULES), failure(probe=True), now, RULES)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_retry_after_is_kept_to():
    """A gate that is shut stays so for as long as the last answer under way asks."""
    data = reported(None, failure(retry_after_s=30), START, RULES)
    data = reported(data, failure(retry_after_s=50), START + timedelta(seconds=1), RULES)
    assert data["until"] == (START + timedelta(seconds=51)).timestamp()
