"""Circuit breakers and provider gates: one machine, one row each, one probe in the whole fleet. Pure.

          failures over the window, or the provider asks to be left alone
    closed ------------------------------------------------------------> open
       ^                                                                  | `until` has come, somebody asks
       | the probe succeeded: the row is deleted                          v
       +------------------------------------------------------------- half-open
                    the probe failed: open again, for twice as long

A closed breaker that has seen no failure has no row. A probe that never reports (its worker died) is replaced when its
time is over. What else was under way while a breaker opened changes nothing when it ends.

Why a breaker at all, and its states: Michael Nygard, Release It!; https://martinfowler.com/bliki/CircuitBreaker.html
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from holdfast.trail.controls.cell import Data
from holdfast.types import Breaker, BreakerKind, Report

LONGEST_OPEN_S: Final = 300.0
GATE_S: Final = 1.0
"""First wait at the gate of a provider that does not say how long it wants to be left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """When breakers open and for how long."""

    window_s: float = 60
    """Failures are counted over up to so many seconds."""
    failures: int = 5
    """So many open it, if they are enough of all calls."""
    rate: float = 0.5
    """Share of failures among all calls that opens it."""
    open_s: float = 30
    """First wait until a probe; doubles with each failed one, up to five minutes."""
    probe_s: float = 60
    """A probe that has not reported by then counts as lost."""


def key_of(kind: BreakerKind, name: str) -> str:
    """The row's key."""
    return f"{kind}:{name}"


def asks(data: Data | None, now: datetime) -> bool:
    """Whether leave depends on who is first to probe: the row must be locked."""
    return (
        data is not None and data["status"] != "closed" and not data["forced_by"] and now.timestamp() >= data["until"]
    )


def shut(data: Data | None, now: datetime) -> bool:
    """Whether nobody may go now."""
    return (
        data is not None and data["status"] != "closed" and (bool(data["forced_by"]) or now.timestamp() < data["until"])
    )


def probe(data: Data, now: datetime, rules: BreakerRules) -> Data:
    """Somebody goes to test the water: nobody else may, for a while."""
    return {**data, "status": "half_open", "until": now.timestamp() + rules.probe_s}


def reported(data: Data | None, report: Report, now: datetime, rules: BreakerRules) -> Data | None:
    """The row after a report; `None`: closed, and nothing to remember."""
    at = now.timestamp()
    if data is not None and data["forced_by"]:
        return data
    if data is None or data["status"] == "closed":
        return _count(data, report, at, rules)
    if report.probe:
        return _again(data, report, at, rules) if report.failed else None
    if report.retry_after_s is not None and report.failed:
        return {**data, "until": max(data["until"], at + report.retry_after_s)}
    return data


def forced(data: Data | None, *, by: str, why: str, now: datetime) -> Data:
    """An operator opens it, until an operator closes it."""
    at = now.timestamp()
    blank: Data = {"opened": 0, "ring": []}
    return {**(data or blank), "status": "open", "reason": why, "since": at, "until": at, "forced_by": by}


def show(key: str, data: Data) -> Breaker:
    """A breaker as people see it."""
    kind, _, name = key.partition(":")
    return Breaker(
        kind=kind,  # pyright: ignore[reportArgumentType] - written by `key_of`
        name=name,
        status=data["status"],
        reason=data["reason"],
        since=datetime.fromtimestamp(data["since"], UTC),
        until=None if data["status"] == "closed" or data["forced_by"] else datetime.fromtimestamp(data["until"], UTC),
        ok=sum(ok for _, ok, _ in data["ring"]),
        failed=sum(failed for _, _, failed in data["ring"]),
        forced_by=data["forced_by"],
    )


def _count(data: Data | None, report: Report, at: float, rules: BreakerRules) -> Data | None:
    kept: list[list[float]] = data["ring"] if data else []
    ring = [entry for entry in kept if entry[0] + rules.window_s > at]
    second = float(int(at))
    if ring and ring[-1][0] == second:
        ring[-1] = [second, ring[-1][1] + report.ok, ring[-1][2] + report.failed]
    else:
        ring.append([second, report.ok, report.failed])
    if not any(entry[2] for entry in ring):
        return None
    reason = report.reason or (data["reason"] if data else "")
    new: Data = {
        "status": "closed", "reason": reason, "since": data["since"] if data else at, "until": 0.0, "opened": 0,
        "ring": ring, "forced_by": None,
    }  # fmt: skip
    if report.retry_after_s is not None and report.failed:
        return _open(new, at, max(report.retry_after_s, GATE_S))
    return _open(new, at, rules.open_s) if _too_many(ring, rules) else new


def _too_many(ring: list[list[float]], rules: BreakerRules) -> bool:
    """Whether the newest part of the window, however short, has enough failures.

    Over the whole window alone, a provider that worked well until a second ago would have to fail as often as it had
    answered in a minute before anybody noticed.
    """
    ok = failed = 0.0
    for _, answered, broken in reversed(ring):
        ok, failed = ok + answered, failed + broken
        if failed >= rules.failures and failed >= rules.rate * (ok + failed):
            return True
    return False


def _open(data: Data, at: float, wait_s: float) -> Data:
    return {**data, "status": "open", "since": at, "until": at + wait_s, "opened": data["opened"] + 1}


def _again(data: Data, report: Report, at: float, rules: BreakerRules) -> Data:
    first_s = GATE_S if report.kind == "provider" else rules.open_s
    wait_s = min(first_s * 2 ** min(data["opened"], 16), LONGEST_OPEN_S)
    if report.retry_after_s is not None:
        wait_s = max(report.retry_after_s, min(wait_s, 60.0))
    since = data["since"]
    return {**_open(data, at, wait_s), "since": since, "reason": report.reason or data["reason"]}
