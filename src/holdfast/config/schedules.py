"""The tables of `holdfast.toml` that say when work starts: schedules."""

from datetime import datetime
from typing import Any

from pydantic import Field

from holdfast.config.sections import Section
from holdfast.types import Missed, Overlap, Schedule


class ScheduleSettings(Section):
    """`[schedules.NAME]`: a request that is made when its time comes. One of `cron`, `every_s` and `at`."""

    agent: str
    input: Any = None
    """Text or a table: what is asked."""
    cron: str | None = None
    """Minute, hour, day of month, month, day of week."""
    every_s: float | None = Field(default=None, ge=1)
    at: datetime | None = None
    """Once, with a zone."""
    timezone: str = "UTC"
    """Of `cron`: an IANA name, as `Europe/Berlin`."""
    user: str | None = None
    priority: int = 0
    missed: Missed = "skip"
    """Of times that came while no worker looked: `skip` all, make up for the `latest`, or for `all` (up to 100)."""
    overlap: Overlap = "skip"
    """While the execution before goes on: `skip`, `queue`, or `cancel_previous`."""

    def named(self, name: str) -> Schedule:
        """The schedule."""
        return Schedule(name, source="config", **self.model_dump())
