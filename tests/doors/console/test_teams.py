"""What a page tells of a team: what a panel decided, and who took a conversation over."""

from datetime import UTC, datetime

from holdfast.doors.http.console.blocks import Entry, Facts, Value
from holdfast.doors.http.console.panel import panel_of
from holdfast.doors.http.console.spans import spans_of
from holdfast.types import Event, Json

VOTES: list[Json] = [
    {"agent": "a", "status": "completed", "side": 1, "confidence": 0.9, "cost_usd": 0.01, "reason": None},
    {"agent": "b", "status": "failed", "side": None, "cost_usd": 0.0, "reason": "b failed: MAX_STEPS_EXCEEDED"},
]
DECISION: Json = {"verdict": "allow", "gate": "vote", "reason": "2 of 3: a and c against d", "risk": 0}
RESOLVED: dict[str, Json] = {
    "call_id": "e:1:0", "gen_ai.tool.name": "delegate_to_reviewers", "panel": "reviewers", "outcome": "majority",
    "decision": DECISION, "member": "a", "result": {"verdict": "good"}, "votes": VOTES, "before": [],
}  # fmt: skip


def event(kind: str, data: dict[str, Json]) -> Event:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return Event(execution_id="e", seq=1, kind=kind, version=1, data=data, at=at, hash="")


def test_what_a_panel_decided_is_told_with_its_reason() -> None:
    """One line in the story; who said what beside it."""
    resolved = event("panel.resolved", RESOLVED)
    (span,) = spans_of([resolved], {})
    assert (span.name, span.said) == ("Panel decided", "reviewers: majority, a: 2 of 3: a and c against d")
    entry, votes = panel_of([resolved], "decisions")
    assert isinstance(entry, Entry)
    assert isinstance(votes, Facts)
    assert "by vote: delegate_to_reviewers" in entry.title
    assert votes.pairs == (
        ("a", "completed (side 1, confidence 0.9, $0.0100)"),
        ("b", "failed ($0.0000): b failed: MAX_STEPS_EXCEEDED"),
    )
    (result,) = panel_of([resolved], "output")
    assert isinstance(result, Value)


def test_a_handover_is_told_with_its_reason() -> None:
    """To whom the conversation went, and why."""
    data: dict[str, Json] = {"call_id": "e:1:0", "child_id": "f", "from": "a", "to": "billing", "reason": "an invoice"}
    (span,) = spans_of([event("conversation.transferred", data)], {})
    assert (span.name, span.said) == ("Handed over", "to billing: an invoice")
