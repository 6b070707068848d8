"""What may be reserved, and which limit stands against it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from holdfast.policy.limits import Exhausted, Reservation, Spent, closing_tokens, reserve, reserve_closing
from holdfast.types import Limits

NOTHING = Spent(steps=0, tokens=0, cost_usd=Decimal(0), tool_calls=0)


def price(tokens_in: int, tokens_out: int) -> Decimal:
    """A dollar a million in, five a million out."""
    return Decimal(tokens_in) / 1_000_000 + Decimal(tokens_out) * 5 / 1_000_000


def spent(**changes: object) -> Spent:
    return Spent(**({"steps": 0, "tokens": 0, "cost_usd": Decimal(0), "tool_calls": 0} | changes))


def test_a_fresh_execution_may_have_what_it_wants() -> None:
    """With room to spare the agent's wish is granted and its worst case is held."""
    held = reserve(Limits(), NOTHING, input_bound=1_000, wanted=4_096, price=price)
    assert isinstance(held, Reservation)
    assert (held.max_tokens, held.tokens, held.usd) == (4_096, 5_096, price(1_000, 4_096))


def test_the_answer_shrinks_to_what_is_left() -> None:
    """Near the limit the model is allowed fewer tokens rather than too many."""
    held = reserve(Limits(tokens=10_000), spent(tokens=7_000), input_bound=1_000, wanted=4_096, price=price)
    assert isinstance(held, Reservation)
    assert held.tokens + 7_000 + closing_tokens(Limits(tokens=10_000)) == 10_000


def test_each_limit_has_its_name() -> None:
    """Whoever reads the status reason knows which limit to raise."""
    assert reserve(Limits(steps=3), spent(steps=3), input_bound=1, wanted=10, price=price) == Exhausted(
        "MAX_STEPS_EXCEEDED"
    )
    assert reserve(Limits(tool_calls=2), spent(tool_calls=2), input_bound=1, wanted=10, price=price) == Exhausted(
        "MAX_TOOL_CALLS_EXCEEDED"
    )
    assert reserve(Limits(tokens=500), NOTHING, input_bound=400, wanted=4_096, price=price) == Exhausted(
        "MAX_TOKENS_EXCEEDED"
    )
    poor = Limits(cost_usd=Decimal("0.001"))
    assert reserve(poor, NOTHING, input_bound=1_000, wanted=4_096, price=price) == Exhausted("MAX_COST_EXCEEDED")


@given(
    tokens=st.integers(1, 200_000),
    used=st.integers(0, 200_000),
    bound=st.integers(1, 100_000),
    wanted=st.integers(1, 64_000),
    dollars=st.one_of(st.none(), st.decimals(0, 2, places=4)),
    paid=st.decimals(0, 2, places=6),
)
def test_no_reservation_is_ever_beyond_a_limit(
    tokens: int, used: int, bound: int, wanted: int, dollars: Decimal | None, paid: Decimal
) -> None:
    """Whatever the numbers: what is held and what was spent never exceed tokens or money."""
    limits = Limits(tokens=tokens, cost_usd=dollars)
    so_far = spent(tokens=used, cost_usd=paid)
    for held in (
        reserve(limits, so_far, input_bound=bound, wanted=wanted, price=price),
        reserve_closing(limits, so_far, input_bound=bound, price=price),
    ):
        if isinstance(held, Reservation):
            assert used + held.tokens <= tokens
            assert held.max_tokens > 0
            assert dollars is None or paid + held.usd <= dollars


@given(st.integers(2_000, 200_000), st.integers(100, 3_000))
def test_a_turn_always_leaves_room_for_the_closing_summary(tokens: int, bound: int) -> None:
    """After any granted turn, the tokens kept back for the summary are still there."""
    limits = Limits(tokens=tokens)
    held = reserve(limits, NOTHING, input_bound=bound, wanted=4_096, price=price)
    if isinstance(held, Reservation):
        assert tokens - held.tokens >= closing_tokens(limits)
