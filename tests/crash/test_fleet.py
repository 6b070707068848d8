"""Several workers on one database: killed, frozen, told to stop. Nothing is stuck, lost or done twice."""

import signal
from typing import Any

import pytest

from tests.crash.driver import drive

GRACE_S = 10


ZOMBIES = [
    "before-commit:5",
    "after-commit:8",  # between the intent of a charge and its dispatch
    "after-commit:10",
    "inside-model:3",
    "inside-tool:update_address:1",
    "inside-tool:charge:1",
    "inside-tool:send_letter:1",
]


def play(place: dict[str, Any], scenario: str, *hows: dict[str, Any], executions: int) -> list[dict[str, Any]]:
    """What was wrong at the end of each, and the numbers."""
    order = {"place": place, "scenario": scenario, "executions": executions, "hows": hows}
    told = drive("fleet", order, timeout_s=280)
    assert len(told) == len(hows)
    return told


@pytest.mark.timeout(300)
def test_workers_that_die_at_random_leave_everything_completed(place: dict[str, Any]):
    """Forty executions, two workers, twelve deaths: everything ends as it would have, nothing happens twice."""
    (found,) = play(place, "kills", {"seed": 1, "times": 12}, executions=40)
    assert (found["wrong"], found["killed"]) == ([], 12)


@pytest.mark.timeout(300)
def test_a_worker_that_wakes_after_its_lease_changes_nothing(place: dict[str, Any]):
    """Frozen before a write, between an intent and its call, or in a tool: another has done it all meanwhile."""
    found = play(place, "zombie", *({"at": at} for at in ZOMBIES), executions=1)
    assert [each for each in found if each["wrong"]] == []
    assert sum(each["refused"] for each in found) > 0


@pytest.mark.timeout(300)
def test_a_worker_told_to_stop_drains(place: dict[str, Any]):
    """It exits by itself in good time; nothing is in doubt, and nothing begins a second time."""
    how = {"at": "inside-tool:update_address:5", "send": [signal.SIGTERM], "code": 0}
    (found,) = play(place, "signals", how, executions=12)
    assert found == found | {"wrong": [], "began_again": [], "doubts": 0}
    assert found["stopped_s"] < GRACE_S


@pytest.mark.timeout(300)
def test_a_second_signal_ends_a_worker_at_once_and_loses_nothing(place: dict[str, Any]):
    """In the middle of a tool; its successor finds out what became of that call."""
    how = {"at": "inside-tool:charge:3", "send": [signal.SIGTERM, signal.SIGINT], "code": 128 + signal.SIGINT}
    (found,) = play(place, "signals", how, executions=12)
    assert found["wrong"] == []
    assert found["stopped_s"] < GRACE_S
