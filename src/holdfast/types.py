"""The data that passes between the parts: frozen, and free of behaviour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Generic, Literal, TypeAlias

from typing_extensions import TypeVar

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

Status = Literal["pending", "running", "awaiting_review", "completed", "failed", "cancelled"]
CallStatus = Literal["pending", "awaiting_review", "running", "completed", "failed", "denied", "in_doubt"]
Effect = Literal["read", "idempotent", "irreversible"]
Verdict = Literal["allow", "review", "deny", "rewrite"]
OnChange = Literal["continue", "review", "fail"]
OnFailure = Literal["fail", "review"]
Answer = Literal["approve", "reject", "answer", "happened", "run", "skip"]

ApprovalKind = Literal["call", "question", "doubt", "change", "escalation"]
"""What is asked: may this call run; a question of the agent; did an unknown effect happen;
is a changed tool acceptable; what to do with an execution that cannot go on alone."""

ApprovalStatus = Literal["open", "approved", "rejected", "answered", "expired", "withdrawn"]

ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    "pending": frozenset({"running", "failed", "cancelled"}),
    "running": frozenset({"pending", "awaiting_review", "completed", "failed", "cancelled"}),
    "awaiting_review": frozenset({"pending", "failed", "cancelled"}),
    "completed": frozenset(),
    "failed": frozenset({"pending"}),
    "cancelled": frozenset(),
}
"""Which status may follow which. `running` to `running` (a take-over) goes through a claim alone.
`failed` to `pending` is a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hard bounds on one execution.

    Args:
        steps: Model responses at most. Default: 25.
        tokens: Input plus output tokens at most, over all model calls. Default: 50,000.
        cost_usd: US dollars at most; needs a known price for every model. Default: no bound.
        tool_calls: Tool calls at most. Default: no bound.
        step_timeout_s: Seconds for one model call, and for each attempt of a tool that declares no
            `timeout_s` of its own. Default: 30.
        total_timeout_s: Seconds of activity at most. Time parked (for a person, for a later retry, with
            no worker alive) does not count. Default: 300.
        repeats: The same call, or the same cycle of calls, with unchanged results this many times is a
            loop. Default: 3.
    """

    steps: int = 25
    tokens: int = 50_000
    cost_usd: Decimal | float | None = None
    tool_calls: int | None = None
    step_timeout_s: float = 30
    total_timeout_s: float = 300
    repeats: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens of a model that the price list does not know."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one model call as the provider reported them; cached ones are part of `input_tokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


# --- decisions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a gate answered, and why. Always journaled."""

    verdict: Verdict
    gate: str
    """Which gate decided, e.g. `review_rule`."""
    reason: str = ""
    risk: float = 0.0
    """0 (harmless) to 1."""
    rewritten: Mapping[str, Json] | None = None
    """The arguments to use instead; only with `rewrite`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One tool call as it would run: what gates and people judge."""

    call_id: str
    execution_id: str
    step: int
    tool: str
    effect: Effect
    arguments: Mapping[str, Json]
    """Validated, defaults filled in, as JSON. What a person is shown and what runs."""
    args: object
    """The same as Python values, by attribute: what a review rule reads."""
    digest: str
    """SHA-256 of tool name and canonical arguments: what an approval is bound to."""
    schema_hash: str
    agent: str
    user: str | None


# --- what models and rules say ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Plain text. For an agent without an output type it is the final answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, with its arguments."""

    tool: str
    args: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Calls:
    """Several tool calls in one message."""

    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Final:
    """The result: a value of the agent's output type, or its JSON form."""

    value: object


Reply: TypeAlias = Say | Call | Calls | Final | str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A finished (or refused) call as a rule sees it."""

    tool: str
    arguments: Mapping[str, Json]
    status: CallStatus
    result: Json
    """The tool's result, or what the model was told instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a rule-based model decides from.

    A rule is called once a turn with the conversation so far. It keeps no state of its own: everything it
    needs is here, so it may be resumed on another machine.
    """

    input: Json
    """What this execution was asked."""
    calls: tuple[CallRecord, ...]
    """Every call of this execution so far, in order."""
    notes: tuple[str, ...]
    """Words from people and from Holdfast since the input, in order: guidance, corrections, thread history."""
    tools: tuple[str, ...]
    user: str | None
    closing: bool
    """True when limits ran out and only a short closing summary is wanted."""


# --- the record ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """One event about to be appended; the journal gives it its place and its hash."""

    kind: str
    data: Mapping[str, Json]
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the journal."""

    execution_id: str
    seq: int
    """From 1, without gaps, per execution."""
    kind: str
    version: int
    data: Mapping[str, Json]
    """Large values are read back in full; on disk they are references to blobs."""
    at: datetime
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One row of `agent_tool_calls`: a request by a model to run a tool, and what came of it."""

    id: str
    """`{execution_id}:{step}:{index}`"""
    execution_id: str
    step_number: int
    tool_name: str
    tool_input: Json
    tool_output: Json
    status: CallStatus
    effect: Effect
    idempotency_key: str
    """The same for every attempt of this call, for ever."""
    attempt: int
    """Attempts made so far, this one included."""
    latency_ms: float | None
    error: str | None
    called_at: datetime | None
    finished_at: datetime | None


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
    """Edited arguments (`call`), the effect's result (`doubt`, happened) or the result (`escalation`)."""
    answer: Answer | None
    consumed_at: datetime | None
    """When the answer was used; it is used once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One attempt to take an input to a result: a row of `agent_executions`."""

    id: str
    parent_id: str | None
    thread_id: str | None
    user_id: str | None
    agent_type: str
    agent_version: str
    status: Status
    status_reason: str | None
    """Why it has this status, as a stable name: `MAX_STEPS_EXCEEDED`, `APPROVAL`, `RETRY_LATER`, ..."""
    priority: int
    """Higher is claimed earlier."""
    input_data: Json
    state: Json
    """What it waits for and how far it is, for people; never needed to resume."""
    result: Json
    """The answer; of a failed execution the partial result."""
    error: str | None
    step_count: int
    token_count: int
    cost_usd: Decimal
    reserved_tokens: int
    """Held for a model call that is under way, or that a crash left with an unknown bill."""
    reserved_usd: Decimal
    lease_owner: str | None
    fence: int
    """Grows with every claim; a write with an older one is refused."""
    wake_at: datetime | None
    """While pending: not to be claimed before."""
    deadline: datetime | None
    """While running: when `total_timeout_s` is used up."""
    cancel_requested_at: datetime | None
    idempotency_key: str | None
    last_seq: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen (short of a retry)."""
        return self.status in ENDED


# --- writes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """A request to start; stored as `pending` with its first event in one commit."""

    id: str
    agent_type: str
    agent_version: str
    input_data: Json
    started: NewEvent
    """The `execution.started` event."""
    parent_id: str | None = None
    thread_id: str | None = None
    user_id: str | None = None
    priority: int = 0
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChange:
    """A tool call's row, new or changed. Fields left `None` keep what the row has."""

    id: str
    status: CallStatus
    step_number: int
    tool_name: str
    effect: Effect
    idempotency_key: str
    tool_input: Json = None
    tool_output: Json = None
    attempt: int = 0
    latency_ms: float | None = None
    error: str | None = None
    called_at: datetime | None = None
    finished_at: datetime | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalUse:
    """An approval to consume in this append.

    Refused (`ApprovalUnusable`) unless it is decided, unused and, for an approved call, its digest (of the edited
    arguments, if edited) and schema hash are these.
    """

    approval_id: str
    digest: str = ""
    schema_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One atomic step of one execution, written by the worker that holds its fence.

    Everything in it is stored in one transaction or not at all. Numbers are the new values, not
    differences: the fence makes its holder the only writer.
    """

    execution_id: str
    fence: int
    events: tuple[NewEvent, ...]
    status: Status | None = None
    """The new status; `None` keeps `running`. Leaving `running` gives up the lease."""
    status_reason: str | None = None
    step_count: int | None = None
    token_count: int | None = None
    cost_usd: Decimal | None = None
    reserved_tokens: int | None = None
    reserved_usd: Decimal | None = None
    state: Json = None
    result: Json = None
    error: str | None = None
    wake_at: datetime | None = None
    """Only with status `pending`: not to be claimed before."""
    deadline: datetime | None = None
    calls: tuple[CallChange, ...] = ()
    approvals: tuple[NewApproval, ...] = ()
    uses: tuple[ApprovalUse, ...] = ()
    refuse_if_cancelled: bool = False
    """True where the append would start something new: it is refused when a cancel was requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """An append was made durable."""

    seq: int
    """Sequence number of its last event."""
    cancel_requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An execution that this worker holds now, with its whole journal."""

    execution: Execution
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A person's answer to an approval."""

    approval_id: str
    answer: Answer
    by: str
    note: str | None = None
    edit: Json = None
    edit_digest: str | None = None
    """Digest of the edited arguments, when `edit` replaces a call's arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep found: dead workers' executions made claimable, approvals that ran out."""

    taken_over: int
    expired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the store takes writes, and if not, why and since when."""

    ok: bool
    detail: str
    queued: int
    """Appends that wait for the writer now."""
    since: datetime | None = None


DepsT_co = TypeVar("DepsT_co", default=None, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[DepsT_co]):
    """What a tool may know about the call it serves. Ask for it with a first parameter of this type."""

    deps: DepsT_co
    """What `Agent(deps=...)` was given: connections, clients, settings."""
    execution: Execution
    """As it was when this activation began; `id`, `agent_type`, `thread_id` never change."""
    call_id: str
    step: int
    idempotency_key: str
    """Give it to the service you call: every attempt of this call has the same one."""
    attempt: int
    """1 for the first attempt of this call, also after a restart counted on."""
    user: str | None
