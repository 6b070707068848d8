"""Which questions are alike."""

from datetime import UTC, datetime

from holdfast.policy.alike import alike, reason_kind
from holdfast.types import Approval

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def approval(number: int, **changes: object) -> Approval:
    values = {
        "id": f"a{number}", "execution_id": f"e{number}", "call_id": "c", "kind": "call", "status": "open",
        "agent_type": "support", "tool_name": "refund", "arguments": {}, "digest": "d", "schema_hash": "s",
        "question": "May it?", "reason": f"amount is {number}.50, above 100", "gate": "review_rule", "risk": 0.0,
        "asked_at": NOW, "expires_at": NOW, "decided_at": None, "decided_by": None, "note": None, "edit": None,
        "answer": None, "consumed_at": None,
    }  # fmt: skip
    return Approval(**(values | changes))


def test_the_same_tool_for_the_same_sort_of_reason():
    """Numbers and names in a reason differ from call to call, and do not matter."""
    questions = [approval(120), approval(250), approval(130, agent_type="sales"), approval(140, tool_name="send"),
                 approval(150, reason="to everybody"), approval(160, reviewers="board")]  # fmt: skip
    assert [item.id for item in alike(questions[0], questions)] == ["a120", "a250"]


def test_what_is_particular_in_a_reason():
    """Quoted words and numbers."""
    assert reason_kind("amount is '250.00': 3 a day") == reason_kind("amount is '9': 14 a day")
