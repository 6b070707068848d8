"""What every worker on a database obeys: budgets, rates, breakers, switches, grants; and asking leave of them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from holdfast.types.value import Json

BudgetScope = Literal["user", "agent", "global"]
RateScope = Literal["user", "agent", "model", "global"]
ShareScope = Literal["user", "agent", "global"]
RateUnit = Literal["requests", "model_calls", "tokens"]
OnExhausted = Literal["summarise", "park", "fail"]
"""What an execution does that a budget has no room for: one closing summary if even that fits, then failed; wait
until the window turns or somebody tops up; failed at once."""
OverRate = Literal["park", "refuse"]
SwitchKind = Literal["agent", "tool", "model", "all"]
BreakerKind = Literal["model", "provider", "tool"]
BreakerStatus = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A ceiling for tokens or money over a scope and a window, shared by every worker on the database."""

    name: str
    scope: BudgetScope
    subject: str | None = None
    """Which user or agent; `None`: each one has a budget of its own. Of a global budget always `None`."""
    tokens: int | None = None
    usd: Decimal | None = None
    """One of the two."""
    window: str = "day"
    """`hour`, `day` or `month` by the calendar (UTC), or rolling: `6h`, `7d`, `90m`."""
    on_exhausted: OnExhausted = "park"
    source: Literal["config", "operator"] = "operator"
    """A budget from configuration is replaced by configuration alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How one budget stands for one subject."""

    budget: Budget
    subject: str
    """The user or agent; empty for a global budget."""
    amount: Decimal
    """The ceiling with what was topped up, in tokens or US dollars."""
    spent: Decimal
    reserved: Decimal
    """Held for model calls under way."""
    left: Decimal
    resets_at: datetime
    """When the calendar window turns; of a rolling one, when the oldest spending falls out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests, model calls or tokens in so many seconds, evenly, with a burst; shared as budgets are."""

    name: str
    scope: RateScope
    subject: str | None = None
    """Which user, agent or model; `None`: each one has a rate of its own."""
    unit: RateUnit
    limit: int
    per_s: float
    burst: int | None = None
    """So many at once after a rest. Default: `limit`."""
    over: OverRate = "park"
    source: Literal["config", "operator"] = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of the workers an agent or a user gets: a weight among those who wait, and so many at once at most."""

    name: str
    scope: ShareScope
    subject: str | None = None
    """Which user or agent; `None`: each one. Of a global share always `None`."""
    weight: int | None = None
    """Executions that a turn of theirs lasts, or what an agent gets beside others. Default: 1."""
    limit: int | None = None
    """Executions running at once, in the whole fleet. Default: any number."""
    source: Literal["config", "operator"] = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A kill switch that is on: nothing of that name begins."""

    kind: SwitchKind
    name: str
    """Of the agent, tool or model; `*` with `all`."""
    why: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A circuit breaker as it stands. One that is not listed is closed and has seen no failure."""

    kind: BreakerKind
    name: str
    status: BreakerStatus
    reason: str
    since: datetime
    until: datetime | None
    """While open: when one probe may go; while half-open: when another may."""
    ok: int
    failed: int
    """In the window."""
    forced_by: str | None = None
    """The operator who opened it: it does not close by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A standing yes for calls of one tool within bounds, so that people are not asked about each."""

    id: str
    tool: str
    agent: str | None
    """`None`: any agent."""
    bounds: Json
    """By argument: `{"max": 100}`, `{"min": 1}`, `{"in": ["EUR"]}`, `{"equals": "x"}`; all must hold."""
    until: datetime
    uses: int
    used: int
    by: str
    why: str
    at: datetime
    revoked_by: str | None = None


# --- asking leave, and telling how it went -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rung of a chain that may be asked."""

    rung: int
    model: str
    """As the author wrote it: `provider:model`; `rules:NAME` for a rule, which needs no leave but of its switch."""
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What an append needs leave for. Without it the whole append is refused, and nothing of it is stored.

    Switches, breakers, rates and budgets are looked at in the append's own transaction. What the append adds to
    `reserved_tokens` and `reserved_usd` is what budgets and token rates must have room for.
    """

    candidates: tuple[Candidate, ...] = ()
    """Rungs in order; the first that may be asked is the one, and counts as one model call."""
    wait_at_gate: bool = False
    """True: a candidate whose provider asked to be left alone is waited for (`Unavailable`), not passed over."""
    tools: tuple[str, ...] = ()
    """Tools of calls that begin with this append."""
    grants: tuple[str, ...] = ()
    """Grants that are used once each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How calls of a model, provider or tool went, for its breaker."""

    kind: BreakerKind
    name: str
    ok: int = 0
    failed: int = 0
    reason: str = ""
    """Of the failure."""
    retry_after_s: float | None = None
    """The provider asked to be left alone so long: its breaker opens at once. 0: it did not say how long."""
    probe: bool = False
    """This was the one probe of a half-open breaker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """What one execution has had from one model so far: a row of `agent_model_usage`."""

    model: str
    provider: str
    calls: int = 0
    failed_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    latency_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Everything that is in force, at one moment."""

    budgets: tuple[Budget, ...] = ()
    rates: tuple[Rate, ...] = ()
    switches: tuple[Switch, ...] = ()
    breakers: tuple[Breaker, ...] = ()
    """Those that are not closed, or have seen failures."""
    grants: tuple[Grant, ...] = ()
    """Neither run out, used up nor revoked."""
    channels: tuple[str, ...] = field(default=())
    """Where people are told."""
    shares: tuple[Share, ...] = ()


# --- for those who look ------------------------------------------------------------------------------------

CostBy = Literal["model", "agent", "user", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What was had from models, in one group."""

    name: str
    """The model, agent, user or day (UTC, of the execution's start)."""
    executions: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCost:
    """What was had from one model on one day (UTC, of the execution's start)."""

    day: str
    model: str
    executions: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry of the operators' record: hash-chained, as executions' events are."""

    seq: int
    kind: str
    data: Json
    at: datetime
