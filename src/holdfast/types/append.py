"""One atomic step of one execution, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from holdfast.types.approval import ApprovalUse, NewApproval
from holdfast.types.call import CallChange
from holdfast.types.control import Admission, ModelUsage, Report
from holdfast.types.event import NewEvent
from holdfast.types.execution import NewExecution, Status
from holdfast.types.frozen import frozen
from holdfast.types.value import Json


@frozen
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
    unknown_tokens: int | None = None
    """Of what is reserved, for calls whose bill nobody knows."""
    unknown_usd: Decimal | None = None
    state: Json = None
    result: Json = None
    error: str | None = None
    wake_at: datetime | None = None
    """Only with status `pending`: not to be claimed before."""
    deadline: datetime | None = None
    calls: tuple[CallChange, ...] = ()
    approvals: tuple[NewApproval, ...] = ()
    children: tuple[NewExecution, ...] = ()
    """Executions that begin with this append; their calls wait for their ends."""
    parent_id: str | None = None
    """With an end: the parent, that is told and perhaps wakes."""
    abandons: bool = False
    """With an end: there may be children that have not ended, and are to be cancelled."""
    uses: tuple[ApprovalUse, ...] = ()
    refuse_if_cancelled: bool = False
    """True where the append would start something new: it is refused when a cancel was requested."""
    admission: Admission | None = None
    """What it needs leave for; `None`: nothing."""
    reports: tuple[Report, ...] = ()
    """How calls went, for the breakers."""
    known_seq: int | None = None
    """With a parking: the last event that its worker knows. Where there are later ones it is claimable at once."""
    settles: str | None = None
    """The model whose reservation this settles, so that what was not used goes back to its rate of tokens."""
    usage: tuple[ModelUsage, ...] = ()
    """What the execution has had from each model so far, where that is to be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """An append was made durable."""

    seq: int
    """Sequence number of its last event."""
    cancel_requested: bool
    at: str = ""
    """When, as its events say it."""
    rung: int | None = None
    """The candidate that may be asked, where there were any."""
    probe: bool = False
    """Whether that is the one probe of a half-open breaker."""
    probing_tools: tuple[str, ...] = ()
    """Tools whose call is the one probe of a half-open breaker."""
