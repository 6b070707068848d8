"""Approvals: open questions to people, their answers, and the use of an answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from holdfast.types.routing import Due, Routing, Vote
from holdfast.types.value import Json

Answer = Literal["approve", "reject", "answer", "happened", "run", "skip"]

ApprovalKind = Literal["call", "result", "question", "doubt", "change", "escalation"]
"""What is asked: may this call run; may this be the result; a question of the agent; did an unknown effect happen;
is a changed tool acceptable; what to do with an execution that cannot go on alone."""

ApprovalStatus = Literal["open", "approved", "rejected", "answered", "expired", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An open question to people, or its answer."""

    id: str
    execution_id: str
    call_id: str | None
    kind: ApprovalKind
    status: ApprovalStatus
    agent_type: str
    tool_name: str | None
    arguments: Json
    """Exactly what would run."""
    digest: str
    """What the answer is bound to: see `Proposal.digest`."""
    schema_hash: str
    question: str
    """What is asked, in one sentence a person understands."""
    reason: str
    """Why it is asked."""
    gate: str
    risk: float
    asked_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    note: str | None
    edit: Json
    """Edited arguments (`call`), the corrected result (`result`), the effect's result (`doubt`, happened) or the result
    (`escalation`)."""
    answer: Answer | None
    consumed_at: datetime | None
    """When the answer was used; it is used once."""
    reviewers: str | None = None
    """The group that may answer; `None`: everybody."""
    quorum: int = 1
    """So many different people must say yes."""
    requested_by: str | None = None
    """The execution's user, who may not say yes to their own request."""
    ladder: tuple[Due, ...] = ()
    """Reminders and further groups, in order of time, done or to come."""
    votes: tuple[Vote, ...] = ()
    """Who said what so far; the newest of each person."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that may answer now, those it was escalated to included; empty: everybody."""
        if self.reviewers is None:
            return ()
        return (self.reviewers, *(due.to for due in self.ladder if due.done and due.to))


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedApprovals:
    """Which approvals; every part narrows the rest."""

    agents: tuple[str, ...] = ()
    """Any of these; empty: all."""
    tool: str | None = None
    group: str | None = None
    """Asked first, before anybody it was escalated to."""
    user: str | None = None
    """Of whose executions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApproval:
    """A question to open. Its row and the execution's parking are one commit."""

    id: str
    kind: ApprovalKind
    question: str
    reason: str
    gate: str
    expires_at: datetime
    call_id: str | None = None
    tool_name: str | None = None
    arguments: Json = None
    digest: str = ""
    schema_hash: str = ""
    risk: float = 0.0
    reviewers: str | None = None
    quorum: int = 1
    requested_by: str | None = None
    ladder: tuple[Due, ...] = ()
    """In order of time, all before `expires_at`."""
    routing: Routing | None = None
    """What the rule declared, for asking again; reviewers, quorum and ladder are made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalUse:
    """An approval to consume in this append.

    Refused (`ApprovalUnusable`) unless it is decided, unused and, for an approved call or result, its digest (of the
    edit, if edited) and schema hash are these. Refused (`ApprovalWithdrawn`) when somebody said no after the yes.
    """

    approval_id: str
    digest: str = ""
    schema_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A person's answer to an approval."""

    approval_id: str
    answer: Answer
    by: str
    note: str | None = None
    edit: Json = None
    edit_digest: str | None = None
    """Digest of the edit, when `edit` replaces a call's arguments or a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of one answer among several that were given together."""

    approval_id: str
    approval: Approval | None
    """As it stands now; `None`: the answer was refused."""
    refused: str | None = None
    """Why, in words."""
