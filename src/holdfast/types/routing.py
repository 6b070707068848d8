"""Who is asked, and what happens while nobody answers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Whom a review rule asks. What it leaves open is as the settings say."""

    reviewers: str | None = None
    """The group that may answer; `None`: everybody."""
    quorum: int = 1
    """So many different people must say yes; one no is enough."""
    expires_s: float | None = None
    """Seconds until silence counts as no; `None`: the setting `approval_expiry_s`."""
    remind_s: float | None = None
    """Seconds after which those who are asked are reminded, once."""
    ladder: tuple[tuple[str, float], ...] = ()
    """Groups that are asked too, each after so many seconds from the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something that happens at a moment, if the question is still open then."""

    at: datetime
    to: str | None = None
    """The group that is asked from then on; `None`: those who are asked already are reminded."""
    done: bool = False
    """Set by the sweep that did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's yes or no."""

    by: str
    answer: str
    at: datetime
    digest: str
    """Of what was agreed to: the arguments as they were asked about, or as this person edited them."""
    note: str | None = None
