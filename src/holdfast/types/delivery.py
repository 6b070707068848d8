"""What channels deliver to people: questions, what became of them, and alerts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from holdfast.types.approval import ApprovalKind, ApprovalStatus
from holdfast.types.value import Json

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One open question, as people outside the console see it."""

    approval_id: str
    execution_id: str
    agent: str
    tool: str | None
    kind: ApprovalKind
    question: str
    reason: str
    gate: str
    risk: float
    arguments: Json
    """What would run, redacted already: it leaves the house."""
    asked_at: datetime
    expires_at: datetime
    link: str | None = None
    """Where the console shows it; `None`: there is no public console."""
    group: str | None = None
    """Who is asked; `None`: everybody who may answer."""
    note: str | None = None
    """Why it comes again: `reminder`, `escalated to lead`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What became of a question, for the messages that asked it."""

    card: Card
    status: ApprovalStatus
    """Never `open`."""
    at: datetime
    by: str | None = None
    """Who decided; `None`: time did, or nobody had to any more."""
    note: str | None = None
    edited: bool = False
    """Whether something else than what was asked has been agreed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An alert, or that it is over."""

    key: str
    """The same for the alert and its end: what receivers deduplicate and resolve by."""
    title: str
    body: str
    severity: Severity
    state: Literal["firing", "resolved"]
    at: datetime
    link: str | None = None


Delivery: TypeAlias = Card | Closed | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a delivery goes: one row of the outbox each."""

    channel: str
    to: str | None = None
    """A person's name, for channels that write to each person (e-mail); `None`: the channel's own place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A delivery that a courier has in hand."""

    id: str
    """Never changes: what a service recognises a second attempt by."""
    address: Address
    delivery: Delivery
    attempts: int
    """How often it was taken, this time included: a courier that died in the act counts too."""
    queued_at: datetime


LetterStatus = Literal["queued", "sent", "dead", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """How one delivery stands: a row of the outbox."""

    id: str
    address: Address
    kind: Literal["card", "closed", "notice"]
    subject: str
    """The approval it is about, or the key of a notice."""
    status: LetterStatus
    """`dead`: given up; `withdrawn`: its question was closed before it went out."""
    attempts: int
    due_at: datetime
    """While it is held: when others may take it."""
    held_by: str | None
    error: str | None
    """Of the last attempt that failed."""
    queued_at: datetime
    done_at: datetime | None
