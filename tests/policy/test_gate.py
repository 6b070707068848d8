"""The gates of a call."""

from holdfast.policy.gate import UNDECLARED, judge, unknown_tool
from holdfast.types import Decision, Proposal


def proposal(effect: str = "irreversible") -> Proposal:
    return Proposal(
        call_id="e:1:0", execution_id="e", step=1, tool="refund", effect=effect, arguments={}, args=None,
        digest="d", schema_hash="s", agent="support", user=None,
    )  # fmt: skip


def test_an_irreversible_tool_without_a_rule_asks_every_time() -> None:
    """Deny when in doubt: forgetting the rule never means permission."""
    assert judge(None, proposal()).verdict == "review"
    assert judge(None, proposal()).reason == UNDECLARED


def test_a_read_without_a_rule_runs() -> None:
    """Looking something up needs nobody's leave."""
    assert judge(None, proposal("read")).verdict == "allow"


def test_a_rule_that_fails_means_review() -> None:
    """A bug in a rule must not let a call through, nor kill the execution."""

    def broken(_: Proposal) -> Decision:
        raise ZeroDivisionError("oops")

    decision = judge(broken, proposal())
    assert decision.verdict == "review"
    assert "oops" in decision.reason


def test_an_unknown_tool_is_answered_with_the_nearest_name() -> None:
    """The model learns which tools exist and which one it probably meant."""
    reason = unknown_tool("find_ordre", {"find_order": None, "refund": None}).reason
    assert "Did you mean 'find_order'?" in reason
    assert "refund" in reason
