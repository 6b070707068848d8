"""The tables of `holdfast.toml` that every worker obeys: budgets, rates, shares, breakers."""

from decimal import Decimal

from pydantic import Field

from holdfast.config.sections import Section
from holdfast.types import Budget, BudgetScope, OnExhausted, OverRate, Rate, RateScope, RateUnit, Share, ShareScope


class BudgetSettings(Section):
    """`[budgets.NAME]`: a ceiling for tokens or US dollars."""

    scope: BudgetScope
    subject: str | None = None
    """Which user or agent; left out: each one has a budget of its own."""
    tokens: int | None = Field(default=None, gt=0)
    usd: Decimal | None = Field(default=None, gt=0)
    """One of the two."""
    window: str = "day"
    """`hour`, `day` or `month` by the calendar (UTC), or rolling: `90m`, `6h`, `7d`."""
    on_exhausted: OnExhausted = "park"

    def named(self, name: str) -> Budget:
        """The budget."""
        return Budget(name=name, source="config", **self.model_dump())


class RateSettings(Section):
    """`[rates.NAME]`: so many requests, model calls or tokens in so many seconds."""

    scope: RateScope
    subject: str | None = None
    """Which user, agent or model; left out: each one has a rate of its own."""
    unit: RateUnit
    limit: int = Field(gt=0)
    per_s: float = Field(default=60, gt=0)
    burst: int | None = Field(default=None, gt=0)
    """So many at once after a rest; left out: `limit`."""
    over: OverRate = "park"

    def named(self, name: str) -> Rate:
        """The rate."""
        return Rate(name=name, source="config", **self.model_dump())


class ShareSettings(Section):
    """`[shares.NAME]`: how much of the workers agents and users get."""

    scope: ShareScope
    subject: str | None = None
    """Which user or agent; left out: each one."""
    weight: int | None = Field(default=None, ge=1, le=1_000)
    """Executions that a turn lasts, where others wait too."""
    limit: int | None = Field(default=None, ge=1)
    """Executions running at once, in the whole fleet."""

    def named(self, name: str) -> Share:
        """The share."""
        return Share(name=name, source="config", **self.model_dump())


class BreakerSettings(Section):
    """`[breakers]`: when circuit breakers open, and for how long."""

    window_s: float = Field(default=60, gt=0, le=3_600)
    """Failures are counted over so many seconds."""
    failures: int = Field(default=5, ge=1)
    """So many open a breaker, if they are enough of all calls."""
    rate: float = Field(default=0.5, gt=0, le=1)
    """Share of failures among all calls that opens it."""
    open_s: float = Field(default=30, gt=0)
    """Seconds until one probe may go; doubles with each probe that fails, up to five minutes."""
    probe_s: float = Field(default=60, gt=0)
    """A probe that has not reported by then counts as lost."""
