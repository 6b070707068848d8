"""What a card and the list show of a question, from the record alone."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.doors.http.console.approval import Given, read
from holdfast.doors.http.console.approval_view import bounds_of, buttons_of, card_view, entries, risk_of
from holdfast.doors.http.console.difference import difference
from holdfast.doors.http.console.exactly import editable, parts, visible
from holdfast.errors import UsageError
from holdfast.types import Approval, ApprovalKind, Due, Json, Vote

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ASKED = Approval(
    id="a1", execution_id="e1", call_id="e1:1:0", kind="call", status="open", agent_type="support", tool_name="refund",
    arguments={"amount": 120, "currency": "EUR", "order_id": "0042"}, digest="d", schema_hash="s",
    question="May support run refund?", reason="amount is 120, above 100", gate="review_rule", risk=0.7, asked_at=AT,
    expires_at=AT + timedelta(days=1), decided_at=None, decided_by=None, note=None, edit=None, answer=None,
    consumed_at=None,
)  # fmt: skip


def test_every_character_of_an_argument_is_seen():
    """Nothing hides in what a person agrees to: not direction, not width, not other blanks."""
    assert visible("pay\u202e me\u200b\u00a0now\x1b") == "pay\\u202e me\\u200b\\xa0now\\x1b"
    assert visible("two\nlines, übrig") == "two\nlines, übrig"


def test_what_is_edited_means_what_was_asked():
    """The editor writes unseen characters as JSON's escapes, which read back as the same."""
    asked = {"name": "a\u202eb\u200d\x7f", "smile": "😀"}
    assert json.loads(editable(asked)) == asked
    assert "\u202e" not in editable(asked)


def test_a_number_does_not_pass_for_a_text():
    """`120` and `"120"` look alike; the kind beside them does not."""
    assert [part.kind for part in parts({"a": 120, "b": "120", "c": True, "d": None, "e": [1]})] == [
        "number", "text", "true or false", "null", "list"
    ]  # fmt: skip


def test_long_arguments_fold_and_stay_whole():
    """The beginning stands for it until it is opened; nothing is cut off."""
    (part,) = parts({"body": "word " * 400})
    assert part.long
    assert len(part.beginning) <= 141
    assert len(part.text) == 2_000


def test_a_difference_marks_what_changed_within_a_line():
    """Only what is different is marked, and the order of members is no difference."""
    rows = difference({"a": 1, "amount": 120}, {"amount": 80, "a": 1})
    assert [(row.sign, [piece.text for piece in row.pieces if piece.changed]) for row in rows if row.sign in "+-"] == [
        ("-", ["120"]), ("+", ["80"])
    ]  # fmt: skip
    assert difference({"a": 1, "b": 2}, {"b": 2, "a": 1}) == ()


def test_a_difference_of_much_leaves_out_what_stayed():
    """Three lines around a change are enough to know where it is, in however long a list."""
    before = {"list": list(range(5_000))}
    rows = difference(before, {"list": [*range(2_000), -1, *range(2_001, 5_000)]})
    assert len(rows) < 12
    assert ["".join(piece.text for piece in row.pieces).strip() for row in rows if row.kind == "new"] == ["-1,"]


@pytest.mark.parametrize(("number", "word"), [(0.0, "not scored"), (0.2, "low"), (0.5, "medium"), (0.9, "high")])
def test_a_risk_has_a_word(number: float, word: str):
    """A colour or a bar alone tells nobody how bad it is."""
    assert risk_of(number).word == word


def test_progress_counts_the_best_supported_wording():
    """Two who agree to different edits do not agree."""
    votes = tuple(
        Vote(by=by, answer="approve", at=AT, digest=digest)
        for by, digest in (("Ada", "d"), ("Bob", "other"), ("Cleo", "d"))
    )
    view = card_view(replace(ASKED, quorum=3, votes=votes, ladder=(Due(at=AT, to="directors"),)))
    assert (view.yes, view.missing) == (["Ada", "Cleo"], 1)
    assert [rung.what for rung in view.ladder] == ["directors is asked too"]


def test_a_yes_that_was_not_used_may_be_taken_back_and_nothing_else():
    """A no wins until the call begins."""
    approved = replace(ASKED, status="approved", answer="approve")
    assert [button.value for button in buttons_of(ASKED)] == ["approve", "edit", "reject"]
    assert [button.value for button in buttons_of(approved)] == ["reject"]
    assert buttons_of(replace(approved, consumed_at=AT)) == ()


def test_bounds_of_a_grant_begin_with_this_call():
    """Numbers bound from above, words exactly; where several must agree there is no grant."""
    assert bounds_of(replace(ASKED, arguments={"amount": "120.50", "order_id": "1042"})) == (
        "amount<=120.50\norder_id=1042"
    )
    assert bounds_of(ASKED) == "amount<=120\ncurrency=EUR\norder_id=0042"
    assert bounds_of(replace(ASKED, quorum=2)) == ""


def test_the_list_shows_short_arguments_before_long_ones():
    """What is cut off is the least of it, and what runs out soon says so."""
    mail = replace(ASKED, arguments={"body": "Dear Mia " * 40, "to": "mia@post.example"})
    (entry,) = entries([mail], now=ASKED.expires_at - timedelta(minutes=5))
    assert entry.words.startswith('to="mia@post.example"')
    assert entry.soon


@pytest.mark.parametrize(
    ("kind", "given", "answer", "edit"),
    [
        ("call", Given(choice="approve", edit=editable(ASKED.arguments)), "approve", None),
        ("call", Given(choice="edit", edit='{"amount": 1}'), "approve", {"amount": 1}),
        ("result", Given(choice="edit", edit='"better"'), "approve", "better"),
        ("question", Given(choice="answer", note="the blue one"), "answer", None),
        ("doubt", Given(choice="happened", edit='{"id": 7}'), "happened", {"id": 7}),
        ("doubt", Given(choice="skip"), "skip", None),
        ("escalation", Given(choice="approve", edit="[1]"), "approve", [1]),
    ],
)
def test_each_kind_of_question_takes_its_own_answers(kind: ApprovalKind, given: Given, answer: str, edit: Json):
    """What a form says becomes the answer that fits the question."""
    assert read(replace(ASKED, kind=kind), given) == (answer, edit)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Given(choice="approve", edit='{"amount": 1}'), "You changed what is in the editor"),
        (Given(choice="approve", edit="{"), "You changed what is in the editor"),
        (Given(choice="edit", edit="{"), "This is not JSON"),
        (Given(choice="reject"), "Say why"),
        (Given(choice="run"), "Choose an answer"),
        (Given(choice="approve", note="x" * 4_001), "longer than 4,000"),
    ],
)
def test_a_form_that_does_not_say_it_clearly_decides_nothing(given: Given, told: str):
    """A plain yes beside a changed editor could mean either, so it means neither."""
    with pytest.raises(UsageError, match=told):
        read(ASKED, given)
