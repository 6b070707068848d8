"""The table of `holdfast.toml` that says how long the record stays."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from holdfast.config.sections import Section


class RetentionSettings(Section):
    """`[retention]`: after how many days what goes, counted from the end of an execution and all that it started."""

    payloads_days: float | None = Field(default=None, gt=0, le=36_500)
    """What it read, said and did; who decided what stays. Left out: never."""
    everything_days: float | None = Field(default=None, gt=0, le=36_500)
    """All of it. Left out: never."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.payloads_days and self.everything_days and self.payloads_days >= self.everything_days:
            raise ValueError("payloads_days says nothing where everything_days is no longer: leave it out")
        return self

    @property
    def payloads(self) -> timedelta | None:
        """For how long the first stays."""
        return None if self.payloads_days is None else timedelta(days=self.payloads_days)

    @property
    def everything(self) -> timedelta | None:
        """For how long anything does."""
        return None if self.everything_days is None else timedelta(days=self.everything_days)
