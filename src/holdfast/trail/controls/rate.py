"""How fast something may go: the generic cell rate algorithm, on one number per rate and subject. Pure.

A flow is the theoretical arrival time: the moment at which everything admitted so far would have gone at an even pace.
ITU-T I.371 (https://www.itu.int/rec/T-REC-I.371) describes it for cells; requests, calls and tokens are cells here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from holdfast.errors import RateLimited
from holdfast.trail.controls.cell import Data
from holdfast.types import Rate


def take(rate: Rate, flow: Data | None, *, subject: str, amount: int, now: datetime) -> Data:
    """Let `amount` pass now.

    More at once than the burst passes when the flow has rested.

    Raises:
        RateLimited: Not yet.
    """
    wait_s = delay_s(rate, flow, amount=amount, now=now)
    if wait_s > 0:
        until = datetime.fromtimestamp(now.timestamp() + wait_s, UTC)
        whose = f" of {subject}" if subject else ""
        raise RateLimited(
            f"rate {rate.name!r}{whose}: {rate.limit:,} {rate.unit.replace('_', ' ')} in {rate.per_s:g} s are used up; "
            f"there is room in {wait_s:.1f} s",
            until=until,
            retry_after_s=wait_s,
            over=rate.over,
        )
    return book(rate, flow, amount=amount, now=now)


def delay_s(rate: Rate, flow: Data | None, *, amount: int, now: datetime) -> float:
    """Seconds until `amount` may pass; 0: now."""
    interval, at = rate.per_s / rate.limit, now.timestamp()
    arrival = max(flow["tat"], at) if flow else at
    burst = (rate.burst or rate.limit) * interval
    wait_s = max(arrival + amount * interval - burst - at, 0.0)
    # Rounding of floats near the present must not cost a wait of nanoseconds.
    return min(wait_s, arrival - at) if wait_s > 1e-6 else 0.0


def book(rate: Rate, flow: Data | None, *, amount: int, now: datetime) -> Data:
    """Count `amount`, also a negative one that was reserved and not used."""
    at = now.timestamp()
    arrival = max(flow["tat"], at) if flow else at
    return {"tat": max(arrival + amount * rate.per_s / rate.limit, at)}


def standing(rate: Rate, flow: Data, *, now: datetime) -> tuple[float, float]:
    """How much of the burst is used, 0 to 1 and beyond what was booked ahead, and seconds until one more may go."""
    interval = rate.per_s / rate.limit
    ahead_s = max(flow["tat"] - now.timestamp(), 0.0)
    return ahead_s / ((rate.burst or rate.limit) * interval), delay_s(rate, flow, amount=1, now=now)


def subject_of(rate: Rate, *, user: str | None, agent: str, models: Sequence[str]) -> str | None:
    """The subject of the flow that something counts in; `None`: this rate is none of its."""
    match rate.scope:
        case "global":
            return ""
        case "user":
            names: Sequence[str] = [user] if user is not None else []
        case "agent":
            names = [agent]
        case "model":
            names = models
    return next((name for name in names if rate.subject in {None, name}), None)


def as_data(rate: Rate) -> Data:
    """A definition as it is stored."""
    return {
        "scope": rate.scope,
        "subject": rate.subject,
        "unit": rate.unit,
        "limit": rate.limit,
        "per_s": rate.per_s,
        "burst": rate.burst,
        "over": rate.over,
        "source": rate.source,
    }


def from_data(name: str, data: Data) -> Rate:
    """A stored definition."""
    fields: Data = {**data, "name": name}
    return Rate(**fields)
