"""Alerts: the rules, what is looked at, and what was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from holdfast.types.control import Account, Breaker
from holdfast.types.delivery import Severity
from holdfast.types.fleet import Unserved

AlertKind = Literal[
    "budget", "cost", "breaker", "provider_key", "approval_age", "stuck", "failing", "dead_letter", "sensor",
    "unserved",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """What people want to hear of. Each kind reads its own parameters."""

    name: str
    kind: AlertKind
    channels: tuple[str, ...] | None = None
    """`None`: all there are."""
    severity: Severity | None = None
    """`None`: by kind, and of a budget by how much is spent."""
    agent: str | None = None
    """Only this one; `None`: each."""
    at: tuple[int, ...] = (50, 80, 100)
    """Of a budget: percent spent."""
    threshold: float = 6.0
    """Of a cost: how many robust deviations above the median."""
    samples: int = 20
    """Of a cost: so many ended executions it takes to know what is usual."""
    older_s: float = 14_400
    """Of an approval: how long it waits."""
    for_s: float = 900
    """Of what is stuck: how long nothing happens that should."""
    rate: float = 0.5
    """Of what fails: the share that failed."""
    least: int = 5
    """Of what fails: so many ended executions make a share."""
    window_s: float = 3_600
    """Of costs and failures: of executions in so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that people should hear of, and that is not over."""

    key: str
    """One thing has one key: while it lasts there is one alert about it."""
    rule: str
    kind: AlertKind
    severity: Severity
    title: str
    body: str
    since: datetime
    level: int = 0
    """Grows when it gets worse, which is told again."""
    channels: tuple[str, ...] | None = None
    """Where it was told; `None`: everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """What a look at everything makes of one alert."""

    what: Literal["fired", "worse", "eased", "resolved"]
    """`eased` is not told."""
    alert: Alert


# --- what is looked at -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A question, or an execution, that has waited for long."""

    id: str
    agent: str
    what: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTrouble:
    """A model's provider does not take our key, or says that it is used up."""

    model: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How executions of one agent ended."""

    completed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an ended execution cost."""

    execution_id: str
    cost_usd: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Deliveries of one channel that were given up since it last delivered one."""

    count: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """How everything stands that rules ask about, at one moment. By rule where rules set what is looked for."""

    at: datetime
    accounts: tuple[Account, ...] = ()
    """Those that may have changed since the last look."""
    short_of_budget: int = 0
    """Executions that wait for room in a budget."""
    breakers: tuple[Breaker, ...] = ()
    keys: tuple[KeyTrouble, ...] = ()
    approvals: Mapping[str, tuple[Waiting, ...]] = field(default_factory=dict[str, tuple[Waiting, ...]])
    stuck: Mapping[str, tuple[Waiting, ...]] = field(default_factory=dict[str, tuple[Waiting, ...]])
    ended: Mapping[str, Mapping[str, Ended]] = field(default_factory=dict[str, Mapping[str, Ended]])
    """By rule and agent."""
    costs: Mapping[str, tuple[Spent, ...]] = field(default_factory=dict[str, tuple[Spent, ...]])
    """Of the last 200 that ended, by agent."""
    dead: Mapping[str, GivenUp] = field(default_factory=dict[str, GivenUp])
    """By channel."""
    unserved: tuple[Unserved, ...] = ()
    """What waits for a worker that is not there."""
    sensors: Mapping[str, GivenUp] = field(default_factory=dict[str, GivenUp])
    """Those that failed several times in a row, by name."""
