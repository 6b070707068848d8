"""The table of `holdfast.toml` that says what people want to hear of."""

from typing import Annotated

from pydantic import Field

from holdfast.config.sections import Section, Words
from holdfast.types import AlertKind, AlertRule, Severity


class AlertSettings(Section):
    """`[alerts.NAME]`: one rule. Each kind reads its own keys."""

    kind: AlertKind
    enabled: bool = True
    """`false`: none of this kind, where it would be on by default."""
    channels: Words = ()
    """Names of channels; left out: all there are."""
    severity: Severity | None = None
    agent: str | None = None
    """Only this one; left out: each."""
    at: Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Field(min_length=1)] = (50, 80, 100)
    """budget: percent spent."""
    threshold: float = Field(default=6, gt=0)
    """cost: robust deviations above the median of the last 200."""
    samples: int = Field(default=20, ge=5, le=200)
    """cost: so many ended executions it takes to know what is usual."""
    older_s: float = Field(default=14_400, gt=0)
    """approval_age: how long a question waits."""
    for_s: float = Field(default=900, gt=0)
    """stuck: how long nothing happens that should."""
    rate: float = Field(default=0.5, gt=0, le=1)
    """failing: the share that failed."""
    least: int = Field(default=5, ge=1)
    """failing: so many ended executions make a share."""
    window_s: float = Field(default=3_600, gt=0)
    """cost, failing: of executions in so many seconds."""

    def named(self, name: str) -> AlertRule:
        """The rule."""
        given = self.model_dump(exclude={"enabled", "channels"})
        return AlertRule(name=name, channels=self.channels or None, **given)
