"""Rows as the writer holds them while it plans a transaction."""

from dataclasses import dataclass, fields
from typing import Final

from holdfast.trail.requests import Row
from holdfast.types import Status


@dataclass(slots=True)
class Head:
    """The part of an execution's row that changes: a working copy for one transaction.

    Field order is the column order of the statement that reads it.
    """

    id: str
    agent_type: str
    user_id: str | None
    status: Status
    status_reason: str | None
    fence: int
    last_seq: int
    last_hash: str
    lease_owner: str | None
    claimed_at: str | None
    wake_at: str | None
    deadline: str | None
    due_by: str | None
    """By when it must have ended."""
    cancel_requested_at: str | None
    step_count: int
    token_count: int
    cost_usd: str
    reserved_tokens: int
    reserved_usd: str
    unknown_tokens: int
    unknown_usd: str
    state: str | None
    result: str | None
    error: str | None
    updated_at: str
    completed_at: str | None
    parent_id: str | None
    parent_call: str | None
    """The parent's call that waits for this execution's end; `None`: nobody waits."""
    waits_for: int
    """Children whose end this execution waits for."""
    descendants: int
    """Those that have ended."""
    family_tokens: int
    """What they had, beside `token_count`."""
    family_usd: str
    pruned_at: str | None
    """Since when there is nothing to go on from."""

    def advanced(self) -> Row:
        """What changes while it runs: no column of an index."""
        return (
            self.id,
            self.last_seq,
            self.last_hash,
            self.updated_at,
            self.step_count,
            self.token_count,
            self.cost_usd,
            self.reserved_tokens,
            self.reserved_usd,
            self.unknown_tokens,
            self.unknown_usd,
            self.state,
            self.result,
            self.error,
            self.deadline,
        )

    def moved(self) -> Row:
        """As `advanced`, with what changes when it starts, parks, wakes or ends."""
        return (
            *self.advanced(),
            self.status,
            self.status_reason,
            self.fence,
            self.lease_owner,
            self.claimed_at,
            self.wake_at,
            self.cancel_requested_at,
            self.completed_at,
            self.due_by,
            self.parent_call,
            self.waits_for,
            self.descendants,
            self.family_tokens,
            self.family_usd,
        )


@dataclass(slots=True)
class Question:
    """The part of an approval's row that decisions need: a working copy for one transaction."""

    id: str
    execution_id: str
    call_id: str | None
    kind: str
    status: str
    tool_name: str | None
    digest: str
    schema_hash: str
    expires_at: str
    reviewers: str | None
    quorum: int
    ladder: str | None
    votes: str | None
    attend_at: str | None
    decided_at: str | None
    decided_by: str | None
    note: str | None
    edit: str | None
    edit_digest: str | None
    answer: str | None
    consumed_at: str | None

    def changed(self) -> Row:
        """What a decision, a use or time changes."""
        return (
            self.id,
            self.status,
            self.decided_at,
            self.decided_by,
            self.note,
            self.edit,
            self.edit_digest,
            self.answer,
            self.consumed_at,
            self.ladder,
            self.votes,
            self.attend_at,
        )


@dataclass(frozen=True, slots=True)
class Started:
    """An execution that exists already, as a start sees it."""

    id: str
    agent_type: str
    idempotency_key: str | None
    input_text: str
    pruned: bool = False
    """Nobody knows its input any more: its key alone says what it was."""


HEAD_COLUMNS: Final = tuple(f.name for f in fields(Head))
ADVANCED_COLUMNS: Final = (
    "id", "last_seq", "last_hash", "updated_at", "step_count", "token_count", "cost_usd", "reserved_tokens",
    "reserved_usd", "unknown_tokens", "unknown_usd", "state", "result", "error", "deadline",
)  # fmt: skip
MOVED_COLUMNS: Final = (
    *ADVANCED_COLUMNS, "status", "status_reason", "fence", "lease_owner", "claimed_at", "wake_at",
    "cancel_requested_at", "completed_at", "due_by", "parent_call", "waits_for", "descendants", "family_tokens",
    "family_usd",
)  # fmt: skip
QUESTION_COLUMNS: Final = tuple(f.name for f in fields(Question))
CHANGED_COLUMNS: Final = (
    "id", "status", "decided_at", "decided_by", "note", "edit", "edit_digest", "answer", "consumed_at", "ladder",
    "votes", "attend_at",
)  # fmt: skip
EVENT_COLUMNS: Final = ("execution_id", "seq", "kind", "version", "data", "at", "hash")
CALL_COLUMNS: Final = (
    "execution_id", "id", "step_number", "tool_name", "tool_input", "tool_output", "status", "effect",
    "idempotency_key", "attempt", "latency_ms", "error", "called_at", "finished_at",
)  # fmt: skip
NEW_QUESTION_COLUMNS: Final = (
    "id", "execution_id", "call_id", "kind", "status", "tool_name", "arguments", "digest", "schema_hash",
    "question", "reason", "gate", "risk", "asked_at", "expires_at", "attend_at", "reviewers", "quorum",
    "requested_by", "ladder", "agent_type",
)  # fmt: skip
FEEDBACK_COLUMNS: Final = (
    "id", "execution_id", "agent_type", "step_number", "kind", "tool_name", "should_be", "given_by", "why",
    "created_at",
)  # fmt: skip
"""Of a row without what was asked and what it was: these are copied from where they stand."""
OUTBOX_COLUMNS: Final = (
    "id", "channel", "kind", "subject", "data", "status", "attempts", "due_at", "created_at",
)  # fmt: skip
NEW_EXECUTION_COLUMNS: Final = (
    "id", "parent_id", "thread_id", "user_id", "agent_type", "agent_version", "status", "priority", "input_data",
    "step_count", "token_count", "cost_usd", "reserved_tokens", "reserved_usd", "fence", "idempotency_key",
    "last_seq", "last_hash", "created_at", "updated_at", "status_reason", "wake_at", "parent_call", "due_by",
    "pinned_to",
)  # fmt: skip
