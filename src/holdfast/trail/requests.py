"""What callers ask of the writer, encoded and dated before it waits in line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from holdfast.trail.codec import NewBlob
from holdfast.trail.worker_requests import Lease, Steer
from holdfast.types import AlertChange, Answer, Append, ApprovalUse, Forgetting, NewExecution, Pruning

Value: TypeAlias = str | int | float | None
"""What a column is given, on both databases: JSON, times and money as text."""
Row: TypeAlias = tuple[Value, ...]
EventText: TypeAlias = tuple[str, int, str]
"""Kind, version and canonical data of one event."""


@dataclass(slots=True)
class AppendStep:
    """One atomic step of one execution."""

    append: Append
    events: Sequence[EventText]
    state: str | None
    result: str | None
    error: str | None
    wake_at: str | None
    deadline: str | None
    calls: Sequence[Row]
    questions: Sequence[Row]
    """New approvals, without the agent's type, which the execution's row knows."""
    uses: Sequence[ApprovalUse]
    blobs: Sequence[NewBlob]
    at: str
    children: "Sequence[Start]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Store a new execution, or find the one that its idempotency key stands for."""

    new: NewExecution
    input_text: str
    started: EventText
    blobs: Sequence[NewBlob]
    at: str
    start_at: str | None = None
    due_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """A person's answer."""

    approval_id: str
    answer: Answer
    by: str
    note: str | None
    edit: str | None
    edit_digest: str | None
    blobs: Sequence[NewBlob]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    execution_id: str
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Something is sent to an execution, once for each id."""

    execution_id: str
    id: str
    event: EventText
    """The `signal.received` event."""
    blobs: Sequence[NewBlob]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    execution_id: str
    event: EventText
    """The `execution.retried` event."""
    blobs: Sequence[NewBlob]
    last_seq: int | None
    """The newest event that the retry was worked out from; `None`: from none."""
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Give back claimed executions that this worker will not run after all."""

    held: Sequence[tuple[str, int]]
    """Ids with the fence they were claimed under."""
    reason: str
    wake_at: str | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepBlob:
    blob: NewBlob
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepResult:
    """A tool's good result, in the place of an older one."""

    row: Row
    """As `agent_tool_cache` has it."""
    stale_before: str
    """Results of this tool from before then may go."""

    @property
    def may_sweep(self) -> bool:
        """Whether this one takes the stale ones with it: looking for them is worth it once in 256 times."""
        return str(self.row[1]).startswith("00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    worker_id: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    worker_id: str
    agents: Sequence[str]
    limit: int
    only: str | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    dead: Sequence[str]
    limit: int
    at: str
    forget_before: str | None = None
    """Deliveries that were done with before then may go. `None`: none are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manage:
    """An operator, or configuration, changes what every worker obeys."""

    action: str
    """As it stands on the operators' record: `budget.set`, `switch.on`, `breaker.opened`, ..."""
    kind: str
    key: str
    """The row of `agent_controls`."""
    data: dict[str, Any] | None
    """What it becomes; `None`: it goes."""
    by: str
    why: str
    at: str
    merges: bool = False
    """True: `data` changes some fields of the row only."""
    must_exist: bool = False
    must_be_new: bool = False
    touches: Sequence[tuple[str, str]] = ()
    """Further rows to be locked."""
    wakes: Sequence[str] = ()
    """Reasons for which executions are parked that may go on now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """Raise the ceiling of one budget account until its window is over."""

    budget: str
    subject: str
    amount: Decimal
    """Of the budget's unit: tokens, or US dollars."""
    by: str
    why: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something for the operators' record that changes nothing."""

    kind: str
    data: dict[str, Any]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAnswer:
    """An answer from outside was accepted: never again."""

    key: str
    until: str
    """From then on it would be refused for its age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldWatch:
    """A worker wants to be the one that looks after something, until then."""

    worker_id: str
    until: str
    at: str
    what: str = "alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleAlerts:
    """What the worker that looks after alerts found."""

    worker_id: str
    changes: Sequence[AlertChange]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A courier takes deliveries that are due."""

    worker_id: str
    channel: str
    limit: int
    until: str
    """When others may take them."""
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A delivery arrived."""

    id: str
    worker_id: str
    ref: str | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A delivery did not arrive."""

    id: str
    worker_id: str
    error: str
    next_at: str | None
    """When it is due again; `None`: it is given up."""
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """An operator lets a delivery that was given up be tried again."""

    id: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A key, a login link or a session is made."""

    row: Row
    """As `credentials_sql.COLUMNS` names it."""
    uses: str | None
    """The one-time link that is used up by it; where it was used or is over, nothing is made."""
    entry: tuple[str, dict[str, Any]]
    """Kind and data for the operators' record."""
    forget_before: str
    """Sessions and links that were over before then may go."""
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """A credential is good for nothing from now on."""

    id: str
    entry: tuple[str, dict[str, Any]]
    """Kind and data for the operators' record."""
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A credential was used."""

    id: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """A client wants to be told of an execution."""

    execution_id: str
    id: str
    data: str
    told_seq: int
    forget_before: str
    """Subscriptions to executions that were over before then may go."""
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """It does not any more."""

    execution_id: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceed:
    """Somebody begins to tell a client, or is done with it; refused where another one was faster."""

    execution_id: str
    id: str
    was_seq: int
    was_due: str
    """As the row was read: it changes with everything that is done to it."""
    data: str
    told_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """The time of a schedule has come, or a sensor has seen something."""

    kind: str
    key: str
    """The row of `agent_controls`."""
    was: Mapping[str, Any]
    """What of the row must not have changed meanwhile."""
    changes: Mapping[str, Any]
    starts: Sequence[Start]
    cancels: Sequence[Cancel]
    at: str


Aside: TypeAlias = Note | UseAnswer | HoldWatch | SettleAlerts
"""What belongs to no execution and changes no control."""
Write: TypeAlias = (
    AppendStep
    | Start
    | Fire
    | Decide
    | Cancel
    | Send
    | Retry
    | Release
    | KeepBlob
    | KeepResult
    | Manage
    | TopUp
    | Aside
)
"""Names the rows it touches."""
Follow: TypeAlias = Subscribe | Unsubscribe | Proceed
"""What is done to subscriptions."""
Outbound: TypeAlias = Take | Delivered | Undelivered | Resend
"""What couriers do to rows of the outbox."""
Mail: TypeAlias = Outbound | Follow
Badge: TypeAlias = Issue | Withdraw | Touch
"""What is done to credentials."""
Prune: TypeAlias = Pruning | Forgetting
"""Takes away what is old."""
Search: TypeAlias = Claim | Sweep | Retire | Prune
"""Finds the rows it touches; runs after the batch's other requests, in the same transaction."""
Request: TypeAlias = Write | Lease | Steer | Mail | Badge | Search
