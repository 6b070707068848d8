"""The words of a delivery, the same on every channel: what is asked, what may be answered, what became of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from holdfast.types import Answer, ApprovalKind, Card, Closed, Delivery, Json, Notice

Asks = Literal["note", "edit", "result"]
"""What a choice still needs after it was pressed: words, other arguments, or what a call returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer that people may press."""

    answer: Answer
    label: str
    style: Literal["primary", "danger"] | None = None
    asks: Asks | None = None
    runs: bool = False
    """Whether it lets something run: offered only beside everything that would run."""


_APPROVE: Final = Choice(answer="approve", label="Approve", style="primary", runs=True)
_REJECT: Final = Choice(answer="reject", label="Reject", style="danger", asks="note")

CHOICES: Final[dict[ApprovalKind, Sequence[Choice]]] = {
    "call": (_APPROVE, Choice(answer="approve", label="Edit", asks="edit", runs=True), _REJECT),
    "result": (_APPROVE, Choice(answer="approve", label="Edit", asks="edit", runs=True), _REJECT),
    "change": (_APPROVE, _REJECT),
    "escalation": (Choice(answer="approve", label="Approve", style="primary", asks="note", runs=True), _REJECT),
    "question": (Choice(answer="answer", label="Answer", style="primary", asks="note"), _REJECT),
    "doubt": (
        Choice(answer="happened", label="It happened", asks="result"),
        Choice(answer="run", label="Run it again", style="danger", runs=True),
        Choice(answer="skip", label="Leave it"),
    ),
}
"""What may be answered to each kind of question."""


def choices(card: Card, *, whole: bool) -> Sequence[Choice]:
    """What people may press.

    Args:
        card: The question.
        whole: Whether all of its arguments are shown; nobody agrees to what they did not see.
    """
    return [choice for choice in CHOICES[card.kind] if whole or not choice.runs]


def as_text(value: Json) -> str:
    """Arguments as people read and edit them; nothing for none."""
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)


def clipped(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something is left out."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def headline(delivery: Delivery) -> str:
    """What it is about, in one line."""
    match delivery:
        case Card(question=question, note=note):
            return _one_line(f"{note}: {question}" if note else question)
        case Closed():
            return _one_line(f"{verdict(delivery)}: {delivery.card.question}")
        case Notice(title=title, state=state):
            return _one_line(f"Resolved: {title}" if state == "resolved" else title)


def facts(card: Card) -> Sequence[tuple[str, str]]:
    """Who asks, why a person is needed, and how long there is, as labels and words."""
    listed = [("Agent", card.agent), ("Tool", card.tool or ""), ("Gate", card.gate), ("Asked of", card.group or "")]
    risk = [("Risk", f"{card.risk:.0%}")] if card.risk > 0 else []
    when = [("Asked", at(card.asked_at)), ("No answer counts as no from", at(card.expires_at))]
    return [(label, words) for label, words in [*listed, *risk, *when] if words]


def verdict(closed: Closed) -> str:
    """What became of a question: `Approved by Ada at 10:32 UTC`."""
    what = "approved with changes" if closed.edited and closed.status == "approved" else closed.status
    by = f" by {closed.by}" if closed.by else ""
    return f"{what.capitalize()}{by} at {closed.at:%H:%M} UTC"


def elsewhere(card: Card) -> str:
    """Where to see and decide what does not fit into a message."""
    if card.link:
        return f"Too long to show here: see all of it and decide at {card.link}"
    return f"Too long to show here: see all of it with `holdfast approvals`, then holdfast approve {card.approval_id}"


def at(moment: datetime) -> str:
    """A time as people read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _one_line(text: str) -> str:
    return " ".join(text.split())
