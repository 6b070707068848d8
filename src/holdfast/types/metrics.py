"""How well agents do, added up over the executions that ended; and how everything stands now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from holdfast.types.control import Account, Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentHealth:
    """One agent's executions that ended in a time: a row of `agent_health_metrics`. `None`: nothing to divide by."""

    agent: str
    executions: int
    """Those that ended: completed, failed or cancelled."""
    completed: int
    failed: int
    cancelled: int
    completion_rate: float | None
    """Completed, of those that completed or failed; a cancelled one was a person's decision."""
    average_steps: float
    step_efficiency: float | None
    """Useful steps of all steps. A step is useful when a tool call of it completed that no earlier step of the
    execution had completed with the same arguments, or when it gave the result."""
    tool_success_rate: float | None
    """Tool calls that completed, of those that completed, failed or are in doubt; denied ones never ran."""
    human_review_rate: float
    """Executions about which a person was asked at least once, of all that ended."""
    tokens: int
    """Of all that ended, as `cost_usd`."""
    cost_usd: Decimal
    """Rounded to nine places."""
    tokens_per_completion: float | None
    """Tokens of all that ended, over those that completed: what failed is paid for, too."""
    cost_per_completion_usd: Decimal | None
    """As `tokens_per_completion`; rounded to nine places."""
    p50_duration_s: float | None
    """Of those that completed, from the request to the end, without the time in which people were asked."""
    p95_duration_s: float | None
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many failed for which reason, as `MAX_STEPS_EXCEEDED`."""


# --- now ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Executions of one agent that have one status and have not ended."""

    agent: str
    status: str
    count: int
    due: int
    """Those that a worker could take up now."""
    oldest_s: float
    """How long the first of these has been due; 0: none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Questions of one kind that nobody has answered."""

    agent: str
    kind: str
    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """Who works, and who does no more."""

    workers: int
    """With a live lease."""
    held: int
    """Executions that a live worker holds."""
    abandoned: int
    """Executions that run under a lease which ran out."""
    draining: int = 0
    """Of the workers: those that take nothing new."""
    capacity: int = 0
    """Executions that the others may have at once."""
    serving: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """Of the others, by agent and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Everything at one moment."""

    live: Sequence[Live]
    open: Sequence[Open]
    leases: Leases
    breakers: Sequence[Breaker]
    switches: int
    accounts: Sequence[Account]
    """Of budgets for everybody or for agents; users are too many to show."""
    alerts: Mapping[str, int]
    """By severity."""
    outbox: Mapping[tuple[str, str], int]
    """Deliveries that wait or were given up, by channel and status."""
