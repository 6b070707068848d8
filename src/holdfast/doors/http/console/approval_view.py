"""What the card of one question shows, and what each entry of the list does. Pure: from records to words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from holdfast.doors.http.console.difference import Row, difference
from holdfast.doors.http.console.exactly import Part, editable, parts, pretty
from holdfast.doors.screen import call_words, shorten
from holdfast.notify.message import CHOICES
from holdfast.outside import became
from holdfast.policy.alike import sort_of
from holdfast.policy.approval import ASKED_AGAIN
from holdfast.types import Approval, ApprovalKind, Due, Effect, Json

_LABELS: Final[Mapping[ApprovalKind, str]] = {
    "call": "Tool call",
    "result": "Result",
    "question": "Question of the agent",
    "doubt": "Unknown outcome",
    "change": "Changed tool",
    "escalation": "Cannot go on alone",
}
_ABOUT: Final[Mapping[ApprovalKind, str]] = {
    "call": "Exactly what would run",
    "result": "Exactly what it would end with",
    "question": "What it asks about",
    "doubt": "The call that may have happened",
    "change": "The call that is to go on",
    "escalation": "What it has so far",
}
_SOON: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """How risky a gate finds it."""

    number: float
    word: str
    """Low, medium, high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One answer that may be given."""

    value: str
    """As the form says it: an answer, or `edit`, which is approving something else."""
    label: str
    primary: bool
    danger: bool
    key: str | None
    """On the keyboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A step of what happens while nobody answers."""

    at: datetime
    what: str
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One question in the list."""

    approval: Approval
    label: str
    """The tool, or what kind of question it is."""
    words: str
    """What is asked, on one line."""
    whole: bool
    """Whether the line shows all of it."""
    soon: bool
    """Whether it runs out within the hour."""
    risk: Risk
    alike: int
    """So many of this page ask the same sort of thing, this one included."""
    progress: str
    """`1 of 2`, where several must agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """Everything a card shows."""

    approval: Approval
    kind: str
    about: str
    parts: Sequence[Part]
    raw: str
    risk: Risk
    effect: Effect | None
    """Of the tool, where this process knows it."""
    open: bool
    became: str
    """What became of it, once it is closed."""
    used: str
    again: bool
    """It is asked again, because the first answer does not cover the call as it would run now."""
    yes: Sequence[str]
    missing: int
    ladder: Sequence[Rung]
    buttons: Sequence[Button]
    asks_result: bool
    editor: str
    """The JSON an edit begins with; empty: nothing to edit."""
    bounds: str
    """Bounds of a grant that would cover just this, a line each; empty: none can be given."""
    edited: Sequence[Row]
    """How what was agreed to differs from what was asked."""
    edit: str
    """What a person put in the place of it, where that is no change of something."""


def card_view(approval: Approval, *, effect: Effect | None = None) -> CardView:
    """The card of a question, open or closed."""
    is_open = approval.status == "open"
    changes = approval.kind in {"call", "result"} and approval.edit is not None
    yes = _agreed(approval)
    return CardView(
        approval=approval,
        kind=_LABELS[approval.kind],
        about=_ABOUT[approval.kind],
        parts=parts(approval.arguments),
        raw=pretty(approval.arguments),
        risk=risk_of(approval.risk),
        effect=effect,
        open=is_open,
        became="" if is_open else became(approval),
        used=_used(approval),
        again=approval.gate == ASKED_AGAIN,
        yes=yes,
        missing=max(approval.quorum - len(yes), 0),
        ladder=[_rung(due) for due in approval.ladder],
        buttons=buttons_of(approval),
        asks_result=any(choice.asks == "result" for choice in CHOICES[approval.kind]),
        editor=editable(approval.arguments) if _editable(approval.kind) else "",
        bounds=bounds_of(approval),
        edited=difference(approval.arguments, approval.edit) if changes else (),
        edit=pretty(approval.edit) if approval.edit is not None and not changes else "",
    )


def buttons_of(approval: Approval) -> Sequence[Button]:
    """What may be answered to it now: while it is open anything that fits, afterwards a no to an unused yes."""
    offered = [
        Button(
            value="edit" if choice.asks == "edit" else choice.answer,
            label="Edit" if choice.asks == "edit" else choice.label,
            primary=choice.style == "primary",
            danger=choice.style == "danger",
            key={"approve": "a", "answer": "a", "reject": "r"}.get(choice.answer) if choice.asks != "edit" else "e",
        )
        for choice in CHOICES[approval.kind]
    ]
    if approval.status == "open":
        return offered
    takes_back = approval.status == "approved" and approval.consumed_at is None and approval.kind in {"call", "result"}
    return [one for one in offered if one.value == "reject"] if takes_back else ()


def entries(approvals: Sequence[Approval], *, now: datetime) -> Sequence[Entry]:
    """The list, in the order given."""
    sorts = [sort_of(one) for one in approvals]
    return [_entry(one, alike=sorts.count(sort), now=now) for one, sort in zip(approvals, sorts, strict=True)]


def risk_of(number: float) -> Risk:
    """A score with its word; 0 is what gates say that do not score."""
    word = "not scored" if number <= 0 else "low" if number < 0.34 else "medium" if number < 0.67 else "high"
    return Risk(number=min(max(number, 0.0), 1.0), word=word)


def bounds_of(approval: Approval) -> str:
    """Bounds that cover this call and smaller ones, as people write them."""
    given = approval.arguments
    if approval.kind != "call" or approval.quorum > 1 or not isinstance(given, Mapping):
        return ""
    return "\n".join(line for name, value in given.items() if (line := _bound(name, value))) or "\n"


def _bound(name: str, value: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    if isinstance(value, str) and not _is_amount(value):
        return f"{name}={value}" if value.strip() and len(value) <= 60 and value.isprintable() else ""
    return f"{name}<={value}"


def _is_amount(text: str) -> bool:
    """Whether a text is a number with a point: digits alone are as likely somebody's id, which has no less and more."""
    whole, point, part = text.partition(".")
    return bool(point) and whole.isdecimal() and part.isdecimal() and len(text) <= 16


def _entry(approval: Approval, *, alike: int, now: datetime) -> Entry:
    full = _one_line(approval)
    words = shorten(full, 160)
    return Entry(
        approval=approval,
        label=approval.tool_name or _LABELS[approval.kind],
        words=words,
        whole=not words.endswith("…") or full.endswith("…"),
        soon=approval.expires_at - now < _SOON,
        risk=risk_of(approval.risk),
        alike=alike,
        progress=f"{len(_agreed(approval))} of {approval.quorum}" if approval.quorum > 1 else "",
    )


def _one_line(approval: Approval) -> str:
    if approval.kind == "call" and approval.tool_name:
        inside = call_words(approval.tool_name, _short_first(approval.arguments))
        return inside[len(approval.tool_name) + 1 : -1] or "no arguments"
    return approval.question


def _short_first(arguments: Json) -> Json:
    """Long texts at the end: what is cut off then is the least of it."""
    if not isinstance(arguments, Mapping):
        return arguments
    return dict(sorted(arguments.items(), key=lambda pair: len(str(pair[1])) > 60))


def _agreed(approval: Approval) -> Sequence[str]:
    """Who said yes to the best supported wording."""
    said: dict[str, list[str]] = {}
    for vote in approval.votes:
        if vote.answer == "approve":
            said.setdefault(vote.digest, []).append(vote.by)
    return max(said.values(), key=len, default=list[str]())


def _rung(due: Due) -> Rung:
    what = f"{due.to} is asked too" if due.to else "Whoever is asked is reminded"
    return Rung(at=due.at, what=what, done=due.done)


def _used(approval: Approval) -> str:
    if approval.status not in {"approved", "answered"}:
        return ""
    return "Used, once" if approval.consumed_at else "Not used yet"


def _editable(kind: ApprovalKind) -> bool:
    return any(choice.asks == "edit" for choice in CHOICES[kind])
