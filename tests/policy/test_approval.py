"""What an approval is bound to."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.policy.approval import ask_for_call, digest
from holdfast.types import Decision, Proposal

ARGUMENTS = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5), st.none()), max_size=4)


@given(ARGUMENTS, ARGUMENTS)
def test_other_arguments_have_another_digest(one: dict, other: dict) -> None:
    """Two calls share a digest only if they are the same call, in whatever order it is written."""
    assert (digest("t", one) == digest("t", other)) == (one == other)
    assert digest("t", dict(reversed(one.items()))) == digest("t", one)


def test_a_question_about_a_call_shows_exactly_what_would_run_and_ends() -> None:
    """The approver sees tool, arguments and reason, and silence has a date."""
    proposal = Proposal(
        call_id="e:1:0", execution_id="e", step=1, tool="refund", effect="irreversible",
        arguments={"amount": "250.00"}, args=None, digest="d", schema_hash="s", agent="support", user=None,
    )  # fmt: skip
    now = datetime(2026, 11, 21, tzinfo=UTC)
    asked = ask_for_call(
        proposal,
        Decision(verdict="review", gate="review_rule", reason="over 100"),
        approval_id="a",
        now=now,
        expiry_s=60,
    )
    assert (asked.arguments, asked.reason, asked.digest) == ({"amount": "250.00"}, "over 100", "d")
    assert asked.expires_at == now + timedelta(seconds=60)
