"""What follows from each way in which a model fails."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from holdfast.errors import BudgetExhausted, Paused, RateLimited, Unavailable
from holdfast.policy.chain import (
    CONSEQUENCES,
    Again,
    Compact,
    FailureClass,
    GiveUp,
    Next,
    Park,
    Rest,
    Tried,
    after,
    lasting,
    remaining,
    rest,
    spread,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def follows(failure: FailureClass, **options: object) -> object:
    given: dict = {
        "tries": 1,
        "others": True,
        "limited": False,
        "can_compact": False,
        "on_rate_limit": "wait",
        "on_failure": "fail",
        "retry_after_s": None,
        "unit": 0.5,
    }
    return after(failure, **(given | options))


def test_every_class_has_a_consequence():
    """Nothing that a model does is without a next step."""
    assert set(CONSEQUENCES) == set(get_args(FailureClass))


@pytest.mark.parametrize("failure", ["overload", "timeout", "connection", "server", "malformed"])
def test_what_may_pass_is_asked_again_and_then_left(failure: FailureClass):
    """A transient failure gets a second attempt after a short wait, not a third."""
    assert follows(failure) == Again(0.5)
    assert follows(failure, tries=2) == Next()


@pytest.mark.parametrize("failure", ["authentication", "quota", "refusal", "rejected", "rule_error", "unknown"])
def test_what_will_not_pass_is_left_at_once(failure: FailureClass):
    """Asking again what cannot succeed costs nothing but time."""
    assert follows(failure) == Next()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("timeout", "STEP_TIMEOUT"),
        ("context_overflow", "CONTEXT_OVERFLOW"),
        ("server", "MODEL_UNAVAILABLE"),
        ("quota", "MODEL_UNAVAILABLE"),
    ],
)
def test_the_last_rung_names_the_reason(failure: FailureClass, reason: str):
    """An execution whose chain is at its end says what the last failure was."""
    assert follows(failure, tries=2, others=False) == GiveUp(reason)


def test_a_rate_limit_is_waited_for():
    """By default nobody falls to the next model because of too many requests; they wait, and come back spread out."""
    assert follows("rate_limit", retry_after_s=60.0) == Park(66.0, "RATE_LIMITED")
    assert follows("rate_limit", retry_after_s=60.0, unit=0.0) == Park(60.0, "RATE_LIMITED")


def test_a_rate_limit_of_no_length_is_waited_for_a_little():
    """A provider that does not say for how long is left alone for a moment."""
    assert follows("rate_limit", unit=0.0) == Park(1.0, "RATE_LIMITED")


def test_an_absurd_rate_limit_parks_nothing_for_ever():
    """A header that says a hundred years is believed for a day."""
    assert follows("rate_limit", retry_after_s=3e9, unit=0.0) == Park(86_400.0, "RATE_LIMITED")


def test_a_rate_limit_may_fall_to_the_next_model():
    """With `on_rate_limit="next"` another model is asked, and only the last one is waited for."""
    assert follows("rate_limit", on_rate_limit="next") == Next()
    assert isinstance(follows("rate_limit", on_rate_limit="next", others=False), Park)


def test_a_chain_that_ends_behind_a_rate_limit_waits():
    """When a model that was only busy is left, the execution comes back for it instead of failing."""
    assert isinstance(follows("server", tries=2, others=False, limited=True), Park)


def test_too_long_a_context_is_shortened_first():
    """Before another model is asked, the context is compacted, once."""
    assert follows("context_overflow", can_compact=True) == Compact()
    assert follows("context_overflow", tries=2) == Next()


def test_a_refusal_may_be_for_a_person():
    """Where the agent asks people about failures, a content filter's no goes to one and to no other model."""
    assert follows("refusal", on_failure="review") == GiveUp("MODEL_UNAVAILABLE")


def test_a_short_wish_to_be_left_alone_is_heeded_inside_the_turn():
    """An overloaded model that asks for two seconds gets them; for a minute nobody waits in a worker."""
    assert follows("overload", retry_after_s=2.0) == Again(2.0)
    assert follows("overload", retry_after_s=60.0) == Next()


def test_rungs_that_failed_for_good_are_out():
    """What may be asked again stays a candidate, what was left does not."""
    tried = [Tried(0, "server", again=True), Tried(1, "quota", again=False)]
    assert remaining(tried, [None, None, None]) == (0, 2)


def test_no_smaller_window_is_asked_after_an_overflow():
    """A request that was too long for one window goes only to larger ones, and to rules."""
    tried = [Tried(0, "context_overflow", again=False)]
    assert remaining(tried, [8_000, 4_000, 8_000, 16_000, None]) == (3, 4)


def test_after_a_wait_only_hopeless_rungs_stay_out():
    """What failed for a while is asked again after parking; what refused the request itself is not."""
    tried = [Tried(0, "server", again=False), Tried(1, "refusal", again=False), Tried(2, "rate_limit", again=False)]
    assert lasting(tried) == [tried[1]]


def test_wakes_are_spread():
    """Those who waited for the same moment come back over a while that grows with the wait, up to half a minute."""
    assert [spread(wait_s, 1.0) for wait_s in (1, 60, 3_600)] == [1.0, 12.0, 30.0]


@pytest.mark.parametrize(
    ("refusal", "waits"),
    [
        (Paused("stopped", kind="agent", name="a"), Rest("PAUSED", None)),
        (
            Unavailable("open", until=NOW + timedelta(seconds=30), kind="model", name="m"),
            Rest("MODEL_UNAVAILABLE", NOW + timedelta(seconds=36)),
        ),
        (
            Unavailable("closed gate", until=NOW + timedelta(seconds=5), kind="provider", name="p"),
            Rest("RATE_LIMITED", NOW + timedelta(seconds=6)),
        ),
        (
            RateLimited("fast", until=NOW + timedelta(seconds=10), retry_after_s=10, over="park"),
            Rest("RATE_LIMITED", NOW + timedelta(seconds=12)),
        ),
        (
            BudgetExhausted("spent", until=NOW + timedelta(hours=1), budget="b", on_exhausted="park"),
            Rest("BUDGET", NOW + timedelta(seconds=3_630)),
        ),
        (
            Unavailable("open", until=None, kind="model", name="m"),
            Rest("MODEL_UNAVAILABLE", NOW + timedelta(seconds=72)),
        ),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_refusal_says_how_to_wait(refusal: Paused | Unavailable | RateLimited | BudgetExhausted, waits: Rest):
    """Each reason to be told no has its name and its time to come back."""
    assert rest(refusal, now=NOW, unit=1.0) == waits
