"""Accounts of budgets: whatever happens in whatever order, the ceiling holds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import BudgetExhausted, UsageError
from holdfast.trail.controls.budget import calendar, charge, pico, show, top_up, window_s
from holdfast.types import Budget

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
CEILING = 1_000

steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "wait"]),
        st.integers(min_value=0, max_value=600),
        st.integers(min_value=0, max_value=9),
    ),
    max_size=60,
)


def budget(window: str) -> Budget:
    return Budget(name="b", scope="global", tokens=CEILING, window=window)


@given(steps=steps, window=st.sampled_from(["hour", "day", "month", "10m", "6h"]))
def test_what_is_spent_and_held_never_goes_over(steps: list[tuple[str, int, int]], window: str):
    """Calls reserve, use some of it, and time passes: in no window is more spent than the ceiling."""
    now, account, held, spent = START, None, list[int](), list[tuple[datetime, int]]()
    for what, amount, which in steps:
        if what == "wait":
            now += timedelta(seconds=amount * 7)
        elif what == "reserve":
            try:
                account = charge(budget(window), account, subject="", reserve=amount, spend=0, now=now, must_fit=True)
            except BudgetExhausted:
                continue
            held.append(amount)
        elif held:
            reserved = held.pop(which % len(held))
            used = min(amount, reserved)
            account = charge(
                budget(window), account, subject="", reserve=-reserved, spend=used, now=now, must_fit=False
            )
            spent.append((now, used))
        shown = show(budget(window), account, subject="", now=now)
        assert shown.reserved == sum(held)
        assert shown.spent + shown.reserved <= CEILING
        assert _in_window(window, now, spent) <= shown.spent


def _in_window(window: str, now: datetime, spent: list[tuple[datetime, int]]) -> int:
    """What was really spent in the window that ends now."""
    rolling = window_s(window)
    begin = calendar(window, now)[0] if rolling is None else now - timedelta(seconds=rolling)
    return sum(used for at, used in spent if at > begin or (rolling is None and at == begin))


def test_a_month_turns_at_its_first_day():
    """Also from one year to the next."""
    begin, end = calendar("month", datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert (begin, end) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_a_top_up_ends_with_its_window():
    """It raises the ceiling today, and not tomorrow."""
    account = top_up(budget("day"), None, amount=500, now=START)
    assert show(budget("day"), account, subject="", now=START).left == 1_500
    assert show(budget("day"), account, subject="", now=START + timedelta(days=1)).left == 1_000


def test_a_call_larger_than_the_budget_is_told_so():
    """Waiting would not help: it fails, whatever the budget declares."""
    with pytest.raises(BudgetExhausted, match="more than it ever allows") as refused:
        charge(budget("day"), None, subject="", reserve=1_001, spend=0, now=START, must_fit=True)
    assert refused.value.on_exhausted == "fail"


@pytest.mark.parametrize("window", ["week", "0m", "5", "5s", "-1h", ""])
def test_a_window_that_is_none_says_what_there_is(window: str):
    """Calendar and rolling ones are named."""
    with pytest.raises(UsageError, match="hour, day or month"):
        window_s(window)


@given(amounts=st.lists(st.decimals(min_value=0, max_value=10, places=9), max_size=30))
def test_dollars_add_up_to_the_last_digit(amounts: list[Decimal]):
    """As whole picodollars nothing is lost."""
    assert sum(map(pico, amounts)) == pico(sum(amounts, Decimal(0)))
