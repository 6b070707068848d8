"""What the events of one execution add up to: the only state a worker has, and it can be rebuilt at any time."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from holdfast.loop.flow_history import FlowHistory
from holdfast.loop.transcript import Answered, Entry, Responded, Returned, Told
from holdfast.policy.chain import Tried
from holdfast.policy.loops import Seen
from holdfast.teams.ceiling import Ceiling
from holdfast.types import Answer, ApprovalKind, CallRecord, CallStatus, Effect, Json, Routing
from holdfast.types.frozen import frozen

CALL_OVER: frozenset[CallStatus] = frozenset({"completed", "failed", "denied"})
MALFORMED_GATES = frozenset({"known_tool", "arguments"})
"""Gates whose no means that the model's message was malformed, not that it was refused."""

REMEMBERED_CALLS = 64
"""Calls that loop detection can look back on; more than any cycle it searches for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a model asked for, of a call that a fallback serves now."""

    tool: str
    digest: str
    effect: Effect
    error: str
    """What failed so far, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A call of turns that were set aside. Asked for again, it is not made again."""

    call_id: str
    tool: str
    digests: frozenset[str]
    """Of the call as it was asked for and as it ran."""
    ended: Mapping[str, Any] | None
    """How it ended, where it certainly happened or nobody could say; `None`: it runs again, under its old key."""
    key: str


@frozen
class CallState:
    """One tool call of the present turn."""

    id: str
    provider_call_id: str
    step: int
    index: int
    tool: str
    arguments: Mapping[str, Json]
    effect: Effect
    status: CallStatus
    digest: str
    schema_hash: str
    fresh: bool = True
    """False when its intent was made by an earlier activation: it may have run."""
    attempts: int = 0
    waits: int = 0
    """How often it asked to be tried later."""
    key: str = ""
    """What the service is given to know the call again."""
    origin: Origin | None = None
    """Set while a fallback serves it; `tool` and what depends on it are then the fallback's."""

    @property
    def asked(self) -> str:
        """The tool that the model asked for."""
        return self.origin.tool if self.origin else self.tool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalState:
    """One approval of this execution; it leaves the history when it is used."""

    id: str
    kind: ApprovalKind
    call_id: str | None
    reason: str
    gate: str
    digest: str
    schema_hash: str
    answer: Answer | None = None
    over: bool = False
    """Decided, expired or withdrawn."""
    by: str = ""
    note: str | None = None
    edit: Json = None
    arguments: Json = None
    """What people are asked about, where that is not what the call says."""
    routing: Routing | None = None
    """Whom its rule asks."""
    groups: tuple[str, ...] = ()
    """Who may answer, groups it was escalated to included; empty: everybody."""
    voters: tuple[str, ...] = ()
    """Everybody whose yes the answer rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A final result that people are asked about."""

    result: Json
    digest: str
    provider_call_id: str | None
    """Of the model's call that handed it in; `None`: it came as text."""
    tool: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """An execution that serves one of this turn's calls."""

    id: str
    agent: str
    ceiling: Ceiling
    end: Mapping[str, Any] | None = None
    """Its `child.ended` event; `None`: it is at work."""
    call: str
    """The call that it serves."""
    panel: str | None = None
    """The panel that it is a member of."""
    takes_over: bool = False
    """Whether it has the whole conversation."""


@dataclass(slots=True, kw_only=True)
class Used:
    """What one model was asked and cost so far."""

    provider: str
    calls: int = 0
    failed_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    latency_ms: float = 0.0


@dataclass(slots=True, kw_only=True)
class History:
    """The present state of one execution. Changes only through `apply`."""

    input: Json = None
    user: str | None = None
    entries: list[Entry] = field(default_factory=list[Entry])
    entry_steps: list[int] = field(default_factory=list[int])
    """For each entry the step it belongs to; 0 for what came before the first."""
    context_bytes: int = 0
    """Size of the entries' texts."""
    rebuilt: int = 0
    """Grows when entries are replaced rather than appended to (compaction, thread): caches start anew."""
    pins: dict[str, str] = field(default_factory=dict[str, str])
    """Schema hash of each tool as this execution knows it."""

    shortlist: list[str] | None = None
    """Of many tools, those that the model is shown, in order; `None`: nothing was chosen."""
    routed: int = 0
    """The step for which that was looked at last."""

    step: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    held_tokens: int = 0
    """Reserved, and not settled: the call under way, or ones that a crash left with an unknown bill."""
    held_usd: Decimal = Decimal(0)
    reserved: tuple[int, Decimal] | None = None
    """The reservation of the model call under way."""
    last_usage: tuple[int, int] | None = None
    """Input and output tokens of the newest response, while the context since has only grown."""
    entries_at_last_usage: int = 0
    tool_calls: int = 0
    since: tuple[int, int, Decimal, int] = (0, 0, Decimal(0), 0)
    """Steps, tokens, dollars and calls at the last retry: limits count from here."""
    corrections: int = 0
    """Malformed model messages in a row."""
    malformed: bool = False
    """Whether the present turn's message was."""
    closing: str | None = None
    """Why a closing summary was begun."""
    rung: int = 0
    """Which rung of the chain gave the newest response."""
    model: str | None = None
    """The same by name, as the author wrote it; `None`: none answered yet."""
    tried: list[Tried] = field(default_factory=list[Tried])
    """Attempts at the next response that failed."""
    used: dict[str, Used] = field(default_factory=dict[str, Used])
    """What each model was asked and cost so far."""

    calls: dict[str, CallState] = field(default_factory=dict[str, CallState])
    """Calls of the present turn, in order."""
    failures: list[str] = field(default_factory=list[str])
    """Calls that failed for good since the start, the last retry or a person's guidance, each in one line."""
    happened: list[Happened] = field(default_factory=list[Happened])
    """Calls of turns that were set aside, each until it is asked for again."""
    provider_ids: set[str] = field(default_factory=set[str])
    """How models named their calls so far: each name is given once in a conversation."""
    children: dict[str, Child] = field(default_factory=dict[str, Child])
    """By the name of the call, or of the member's part in it, until what they came to is told."""
    descendants: int = 0
    """Executions below this one that have ended."""
    family_tokens: int = 0
    """What those had."""
    family_usd: Decimal = Decimal(0)
    ceiling: Ceiling | None = None
    """Of a child: what its parent held for it."""
    contents: dict[str, str] = field(default_factory=dict[str, str])
    """What their results say, until all of them are there."""
    held_back: list[str] = field(default_factory=list[str])
    """Words that come after those results."""
    records: list[CallRecord] = field(default_factory=list[CallRecord])
    notes: list[str] = field(default_factory=list[str])
    seen: deque[Seen] = field(default_factory=lambda: deque[Seen](maxlen=REMEMBERED_CALLS))
    proposed: Proposed | None = None
    """The final result that waits for a person."""
    taught: tuple[str, ...] | None = None
    """People's corrections of earlier work that the model was told of; `None`: none."""
    approvals: dict[str, ApprovalState] = field(default_factory=dict[str, ApprovalState])
    flow: FlowHistory = field(default_factory=FlowHistory)
    """Of a workflow: its steps."""
    recalled: tuple[str, ...] | None = None
    """Earlier executions of the thread that this one continues; `None`: none."""

    active_s: float = 0.0
    """Seconds of activity in earlier activations."""
    claimed_at: datetime | None = None
    last_at: datetime | None = None
    fruitless: int = 0
    """Activations in a row that left nothing in the journal: their workers died."""

    def children_of(self, call_id: str) -> list[Child]:
        """Those that serve a call, in the order in which they were started."""
        return [child for child in self.children.values() if child.call == call_id] if self.children else []

    @property
    def at_work(self) -> list[Child]:
        """Children that have not ended."""
        return [child for child in self.children.values() if child.end is None] if self.children else []

    @property
    def all_tokens(self) -> int:
        """Tokens used and held, those of children included."""
        own = self.tokens + self.held_tokens + self.family_tokens
        return own + sum(it.ceiling.tokens for it in self.at_work) if self.children else own

    @property
    def all_usd(self) -> Decimal:
        """Dollars spent and held, those of children included."""
        own = self.cost_usd + self.held_usd + self.family_usd
        return sum((it.ceiling.cost_usd or Decimal(0) for it in self.at_work), own) if self.children else own

    def open_calls(self) -> list[CallState]:
        """Calls of this turn that are not over, in the order given."""
        return [call for call in self.calls.values() if call.status not in CALL_OVER]

    def has_open_calls(self) -> bool:
        """Whether the present turn still has work to do."""
        return any(call.status not in CALL_OVER for call in self.calls.values())

    def approval_for(self, call_id: str) -> ApprovalState | None:
        """The newest unused approval about a call."""
        about = [approval for approval in self.approvals.values() if approval.call_id == call_id]
        return about[-1] if about else None

    def tell(self, text: str) -> None:
        """Add words in the user's place; not between calls and their results, which providers want together."""
        self.notes.append(text)
        if self.has_open_calls():
            self.held_back.append(text)
        else:
            self.add(Told(text))

    def add(self, entry: Entry) -> None:
        """Append to the context."""
        self.entries.append(entry)
        self.entry_steps.append(self.step)
        self.context_bytes += size_of(entry)

    def use_approvals(self, call_id: str) -> None:
        """Forget the approvals about a call: they are used."""
        self.approvals = {key: item for key, item in self.approvals.items() if item.call_id != call_id}

    def forget_approvals(self, kind: ApprovalKind) -> None:
        """Forget the approvals of one kind: they are used."""
        self.approvals = {key: item for key, item in self.approvals.items() if item.kind != kind}

    @property
    def unknown(self) -> tuple[int, Decimal]:
        """Tokens and dollars held for calls whose bill nobody knows."""
        if self.reserved is None:
            return self.held_tokens, self.held_usd
        tokens, usd = self.reserved
        return self.held_tokens - tokens, self.held_usd - usd

    def settle(self, *, keep: bool) -> None:
        """The model call under way is over: give its reservation back, unless its bill is unknown."""
        if self.reserved and not keep:
            self.held_tokens -= self.reserved[0]
            self.held_usd -= self.reserved[1]
        self.reserved = None


def size_of(entry: Entry) -> int:
    """Bytes of the words in an entry, roughly: enough to know when the context grows too large."""
    match entry:
        case Told(text) | Answered(text):
            return len(text)
        case Returned():
            return len(entry.content)
        case Responded(response):
            return len(str(response.get("parts", "")))


def result_of(data: dict[str, Any]) -> Json:
    """A call's result as a rule reads it: the value itself where the model was told its JSON."""
    try:
        return json.loads(body_of(data)) if data.get("json") else data["content"]
    except ValueError:  # Python reads no integer of more than 4,300 digits
        return data["content"]


def body_of(data: Mapping[str, Any]) -> str:
    """What a call came to, without the first line that says from where the result is."""
    content: str = data["content"]
    return content.partition("\n")[2] if data.get("fallback") or data.get("reused_from") else content
