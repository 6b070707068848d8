"""The story of an execution, worked out from its journal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.doors.http.console.asked import gist
from holdfast.doors.http.console.axis import WIDTH, Axis
from holdfast.doors.http.console.blocks import Value, value
from holdfast.doors.http.console.panel import panel_of
from holdfast.doors.http.console.spans import idle_of, spans_of, takeovers_of
from holdfast.doors.http.console.story import TURNS, window_of
from holdfast.types import Event, Outline

START = datetime(2026, 11, 21, tzinfo=UTC)


def journal(*told: tuple[float, str, dict[str, Any]]) -> list[Event]:
    """Events at these seconds."""
    return [
        Event(execution_id="e", seq=seq, kind=kind, version=1, data=data, at=START + timedelta(seconds=at), hash="")
        for seq, (at, kind, data) in enumerate(told, 1)
    ]


def decided(index: int, effect: str, status: str = "running") -> dict[str, Any]:
    return {
        "call_id": f"e:1:{index}", "step": 1, "gen_ai.tool.name": f"tool{index}", "arguments": {"n": index},
        "effect": effect, "status": status, "decision": {"verdict": "allow", "gate": "g", "reason": "", "risk": 0},
    }  # fmt: skip


ASKED = (0.0, "model.requested", {"step": 1, "purpose": "turn"})
ANSWERED = (1.0, "model.responded", {"step": 1, "gen_ai.request.model": "m", "latency_ms": 800, "response": {}})


def test_a_read_ends_when_it_was_done_not_when_it_was_written_down() -> None:
    """Outcomes of a turn are one commit; a fast read beside a slow one stays fast."""
    spans = spans_of(
        journal(
            ASKED,
            ANSWERED,
            (1.0, "call.decided", decided(0, "read")),
            (1.0, "call.decided", decided(1, "read")),
            (9.0, "call.ended", {"call_id": "e:1:0", "status": "completed", "latency_ms": 50}),
            (9.0, "call.ended", {"call_id": "e:1:1", "status": "completed", "latency_ms": 8000}),
        ),
        {},
    )
    took = {span.name: span.took for span in spans if span.kind == "call"}
    assert took == {"tool0": timedelta(seconds=0.05), "tool1": timedelta(seconds=8)}


def test_a_call_that_waits_for_a_person_shows_for_how_long() -> None:
    """The wait is its own part of the bar, and is over with the answer."""
    spans = spans_of(
        journal(
            ASKED,
            ANSWERED,
            (1.0, "call.decided", decided(0, "irreversible", "awaiting_review")),
            (1.0, "approval.opened", {"approval_id": "a", "kind": "call", "call_id": "e:1:0"}),
            (61.0, "approval.decided", {"approval_id": "a", "answer": "approve", "by": "Ada", "status": "approved"}),
            (62.0, "call.dispatched", {"call_id": "e:1:0", "approval_id": "a"}),
            (63.0, "call.ended", {"call_id": "e:1:0", "status": "completed", "latency_ms": 900}),
        ),
        {},
    )
    call = next(span for span in spans if span.kind == "call")
    assert call.waits == [(START + timedelta(seconds=1), START + timedelta(seconds=61))]
    assert (call.status, call.approvals) == ("completed", ["a"])
    assert [one.title for one in panel_of(call.events, "decisions")][-1] == "Approved by Ada"


def test_a_claim_of_what_was_not_parked_is_a_takeover() -> None:
    """The journal says that a worker was lost by what it does not say."""
    changes = journal(
        (0, "execution.started", {}),
        (1, "execution.claimed", {"worker": "first"}),
        (9, "execution.claimed", {"worker": "second"}),
        (10, "execution.parked", {"reason": "APPROVAL"}),
        (70, "execution.claimed", {"worker": "third"}),
    )
    assert takeovers_of(changes) == {3: "first"}
    present = START + timedelta(seconds=90)
    assert [round((b - a).total_seconds()) for a, b in idle_of(changes, present)] == [1, 60]
    assert [round((b - a).total_seconds()) for a, b in idle_of(changes[:-1], present)] == [1, 80]


def test_a_model_call_that_a_crash_cut_off_is_told_as_such() -> None:
    """Nobody knows its answer: it was asked again."""
    spans = spans_of(journal(ASKED, (5, "execution.claimed", {"worker": "second"}), ASKED, ANSWERED), {2: "first"})
    assert [(span.kind, span.status) for span in spans if span.kind == "model"] == [
        ("model", "cancelled"),
        ("model", "completed"),
    ]
    assert any(span.name == "Taken over" for span in spans)


def test_time_in_which_nobody_worked_is_folded() -> None:
    """Two days of waiting leave room for the second of work."""
    days = timedelta(days=2)
    axis = Axis(START, START + days + timedelta(seconds=2), [(START + timedelta(seconds=1), START + days)])
    assert [fold.said for fold in axis.folds] == ["1 d 23 h"]
    assert axis.x(START + timedelta(seconds=1)) > WIDTH * 0.3
    assert axis.x(START) == 0
    assert axis.x(axis.end) == WIDTH


def test_a_long_journal_is_read_in_whole_turns() -> None:
    """Pages meet where a model is asked: nothing is shown twice, nothing left out."""
    outline = Outline(turns=tuple(range(3, 3 + 250 * 4, 4)), last_seq=1_002, began_at=START, last_at=START)
    pages = [window_of(outline, page=number) for number in (1, 2, 3)]
    assert [(page.after, page.until) for page in pages] == [(0, 402), (402, 802), (802, 1_002)]
    assert window_of(outline).page == 3
    assert window_of(outline, around=403).page == 2
    assert window_of(outline, around=402).page == 1
    assert pages[1].first == TURNS + 1


def test_large_values_lead_to_their_blobs_and_own_keys_stay() -> None:
    """A reference becomes a link; a key that looks like one is text."""
    shown = value("x", {"page": {"$blob": "ab" * 32, "bytes": 40_000}, "$$blob": "mine"})
    assert isinstance(shown, Value)
    assert [blob.size for blob in shown.blobs] == ["40,000 bytes"]
    assert '"$blob": "mine"' in shown.text


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        ('"plain words"', "plain words"),
        ('"cut off in the mid', "cut off in the mid"),
        ('{"from": "a@b", "subject": "Where is it?"}', "Where is it?"),
        ('{"from": "a@b", "body": "it is cut \\"he', 'it is cut "he'),
        ('{"n": 1}', '{"n": 1}'),
        ("null", "null"),
    ],
)
def test_an_input_is_told_in_its_own_words(beginning: str, said: str) -> None:
    """A list of executions reads as what people asked."""
    assert gist(beginning) == said


def test_a_choice_of_tools_stands_where_it_was_made() -> None:
    """In the story by how many and which, in its panel by why."""
    chosen = {
        "step": 1, "added": {"ranked": ["refund", "track"]}, "fell_back": None,
        "decision": {"verdict": "allow", "gate": "tool_router", "reason": "2 of 40 tools, by their words"},
    }  # fmt: skip
    events = journal((0.0, "tools.shortlisted", chosen), ASKED)
    span = next(span for span in spans_of(events, {}) if span.name == "Tools shown")
    assert "2 of 40 tools, by their words. seem to be needed: refund, track" in str(span)
    assert "refund" in str(panel_of(span.events, "input"))
