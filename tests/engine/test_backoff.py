"""A broken activation is tried again, ever later, and not for ever."""

from datetime import UTC, datetime, timedelta

from holdfast.engine.backoff import ATTEMPTS, REASON, after_failure
from holdfast.trail import events as kinds
from holdfast.types import Claimed, Event, Execution, Json

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BROKEN: list[tuple[str, dict[str, Json]]] = [(kinds.PARKED, {"reason": REASON}), (kinds.CLAIMED, {})]


def claimed(*story: tuple[str, dict[str, Json]]) -> Claimed:
    """A claimed execution with this journal."""
    events = tuple(
        Event(execution_id="e", seq=n, kind=kind, version=1, data=data, at=NOW, hash="")
        for n, (kind, data) in enumerate([(kinds.STARTED, {}), (kinds.CLAIMED, {}), *story], 1)
    )
    numbers = {"step_count": 0, "token_count": 0, "cost_usd": 0, "reserved_tokens": 0, "reserved_usd": 0}
    row: dict[str, object] = dict.fromkeys(Execution.__dataclass_fields__) | numbers | {"id": "e", "fence": 7}
    return Claimed(execution=Execution(**row), events=events)  # type: ignore[arg-type]


def wait(found: Claimed) -> timedelta:
    """How long the next attempt waits, at most."""
    wake_at = after_failure(found, error="x", now=NOW, jitter=1).wake_at
    assert wake_at is not None
    return wake_at - NOW


def test_the_first_failure_is_tried_again_soon():
    """After one broken activation the execution is pending again, under the fence it was claimed with."""
    step = after_failure(claimed(), error="boom", now=NOW, jitter=0)
    assert (step.status, step.fence, step.wake_at) == ("pending", 7, NOW + timedelta(seconds=0.5))
    assert step.events[0].data["error"] == "boom"


def test_each_failure_waits_twice_as_long():
    """Waits double while nothing but failures happens."""
    assert [wait(claimed(*BROKEN * n)).total_seconds() for n in range(4)] == [1, 2, 4, 8]


def test_progress_starts_the_count_anew():
    """A failure after real work is a first failure."""
    assert wait(claimed(*BROKEN * 3, (kinds.MODEL_RESPONDED, {}))).total_seconds() == 1


def test_it_ends_with_a_reason():
    """An activation that always breaks ends the execution, named, with the last error."""
    step = after_failure(claimed(*BROKEN * (ATTEMPTS - 1)), error="boom", now=NOW, jitter=0)
    assert (step.status, step.status_reason) == ("failed", REASON)
    assert step.error
    assert "boom" in step.error
    assert step.events[0].kind == kinds.FAILED
