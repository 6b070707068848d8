"""What people should hear of: rules over what was observed, one alert for each thing, and its end. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Final, TypeVar, assert_never

from holdfast.types import (
    Account,
    Alert,
    AlertChange,
    AlertKind,
    AlertRule,
    Observed,
    Severity,
    Spent,
    Unserved,
    Waiting,
)

T = TypeVar("T")

DEFAULT: Final[tuple[AlertKind, ...]] = ("budget", "breaker", "provider_key", "dead_letter", "sensor", "unserved")
"""Kinds that hold without any configuration."""
CALM: Final = timedelta(seconds=60)
"""What was not seen for so long is over: something that comes and goes is one alert."""
UNSERVED_AFTER: Final = timedelta(seconds=30)
"""What waits for a worker for so long is told; a deploy takes less."""
EASES_BY: Final = 5
"""Percent that a budget has to fall below a mark before reaching it again is news."""
_LISTED: Final = 5
_SEVERITY: Final[Mapping[AlertKind, Severity]] = {
    "budget": "warning",
    "cost": "warning",
    "breaker": "warning",
    "provider_key": "critical",
    "approval_age": "warning",
    "stuck": "critical",
    "failing": "critical",
    "dead_letter": "critical",
    "sensor": "warning",
    "unserved": "critical",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Something that a rule is about, as it is now."""

    key: str
    title: str
    body: str
    level: int = 0
    severity: Severity | None = None


def with_defaults(configured: Iterable[AlertRule]) -> list[AlertRule]:
    """The rules in force: the configured ones, and one for each default kind that none of them is about."""
    rules = list(configured)
    known = {rule.kind for rule in rules}
    return [*rules, *(AlertRule(name=kind, kind=kind) for kind in DEFAULT if kind not in known)]


def judge(
    rules: Iterable[AlertRule], seen: Observed, firing: Mapping[str, Alert], last_seen: Mapping[str, datetime]
) -> tuple[list[AlertChange], dict[str, datetime]]:
    """What is new, worse or over.

    Args:
        rules: In force.
        seen: How everything stands.
        firing: Alerts that are not over, by key.
        last_seen: When each was last seen to hold; one that is not in it counts as seen now.

    Returns:
        The changes, and when each alert was last seen, for the next look.
    """
    changes: list[AlertChange] = []
    holding: dict[str, datetime] = {}
    for rule in rules:
        for sighting in sightings(rule, seen, firing):
            if sighting.key in holding:
                continue  # two rules about one thing: the first one tells
            holding[sighting.key] = seen.at
            if change := _change(rule, sighting, firing.get(sighting.key), seen.at):
                changes.append(change)
    for key, alert in firing.items():
        if key not in holding:
            since = last_seen.get(key, seen.at)
            if seen.at - since >= CALM:
                changes.append(AlertChange(what="resolved", alert=alert))
            else:
                holding[key] = since
    return changes, holding


def sightings(  # noqa: C901, PLR0911 - one case for each kind
    rule: AlertRule, seen: Observed, firing: Mapping[str, Alert]
) -> Sequence[Sighting]:
    """What a rule sees."""
    match rule.kind:
        case "budget":
            return [*_budgets(rule, seen, firing), *_short(seen)]
        case "cost":
            return [found for agent, costs in _of(rule, seen.costs) if (found := _dear(rule, agent, costs, seen.at))]
        case "breaker":
            return [
                Sighting(
                    key=f"breaker:{one.kind}:{one.name}",
                    title=f"{one.kind.capitalize()} {one.name} is unavailable: its circuit breaker is open",
                    body=one.reason,
                )
                for one in seen.breakers
                if one.status != "closed"
            ]
        case "provider_key":
            return [
                Sighting(
                    key=f"provider_key:{one.model}",
                    title=f"{one.model}: the provider refuses our key or quota",
                    body=f"{one.reason}\nSet a key that works, or raise the quota; until then other models are asked.",
                )
                for one in seen.keys
            ]
        case "approval_age":
            return _approvals(rule, seen.approvals.get(rule.name, ()), seen.at)
        case "stuck":
            return _stuck(rule, seen.stuck.get(rule.name, ()), seen.at)
        case "failing":
            return _failing(rule, seen)
        case "dead_letter":
            return [
                Sighting(
                    key=f"dead_letter:{channel}",
                    title=f"{channel} does not take messages: {found.count} given up",
                    body=f"{found.error}\nSet it right, then: holdfast outbox --dead, holdfast outbox retry ID.",
                )
                for channel, found in seen.dead.items()
            ]
        case "sensor":
            return [
                Sighting(
                    key=f"sensor:{name}",
                    title=f"Sensor {name} fails: {found.count} times in a row",
                    body=f"{found.error}\nNothing is lost: it goes on where it was once it works again.",
                )
                for name, found in seen.sensors.items()
            ]
        case "unserved":
            return [_unserved(one) for one in _left_alone(rule, seen)]
        case _:
            assert_never(rule.kind)


def _change(rule: AlertRule, sighting: Sighting, known: Alert | None, now: datetime) -> AlertChange | None:
    alert = Alert(
        key=sighting.key,
        rule=rule.name,
        kind=rule.kind,
        severity=rule.severity or sighting.severity or _SEVERITY[rule.kind],
        title=sighting.title,
        body=sighting.body,
        since=known.since if known else now,
        level=sighting.level,
        channels=rule.channels,
    )
    if known is None:
        return AlertChange(what="fired", alert=alert)
    if sighting.level == known.level:
        return None
    return AlertChange(what="worse" if sighting.level > known.level else "eased", alert=alert)


# --- budgets


def _budgets(rule: AlertRule, seen: Observed, firing: Mapping[str, Alert]) -> Iterable[Sighting]:
    for account in seen.accounts:
        if rule.agent is not None and (account.budget.scope, account.subject) != ("agent", rule.agent):
            continue
        key = f"budget:{account.budget.name}:{account.subject}"
        spent = percent(account)
        before = firing[key].level if key in firing else 0
        level = max((mark for mark in rule.at if spent >= mark - (EASES_BY if mark <= before else 0)), default=0)
        if level:
            yield Sighting(
                key=key,
                title=f"Budget {_whose(account)} is {spent} % spent",
                body=f"{_amount(account, account.spent)} of {_amount(account, account.amount)}; "
                f"{_amount(account, account.left)} left until {account.resets_at:%Y-%m-%d %H:%M} UTC.",
                level=level,
                severity="critical" if level >= 100 else "warning" if level >= 80 else "info",
            )


def _short(seen: Observed) -> Iterable[Sighting]:
    """What is left may be too little for one more call long before all is spent."""
    if seen.short_of_budget:
        yield Sighting(
            key="budget.waiting",
            title=f"{_many(seen.short_of_budget, 'execution waits', 'executions wait')} for room in a budget",
            body="holdfast budgets shows which; holdfast budget top-up makes room.",
            severity="critical",
        )


def percent(account: Account) -> int:
    """How much of an account is spent."""
    return int(account.spent * 100 / account.amount) if account.amount else 100


def _whose(account: Account) -> str:
    return f"{account.budget.name} of {account.subject}" if account.subject else account.budget.name


def _amount(account: Account, amount: Decimal) -> str:
    return f"${amount:,.2f}" if account.budget.usd is not None else f"{amount:,.0f} tokens"


# --- executions


def robust_score(value: float, usual: Sequence[float]) -> float:
    """How many robust deviations a value lies above the median: 0.6745 (x - median) / MAD.

    Values that hardly differ make any difference look huge: the deviation counts as a twentieth of the median at least.

    See Boris Iglewicz and David Hoaglin, How to Detect and Handle Outliers (1993).
    """
    middle = median(usual)
    spread = max(median([abs(one - middle) for one in usual]), middle / 20, 1e-6)
    return 0.6745 * (value - middle) / spread


def _dear(rule: AlertRule, agent: str, costs: Sequence[Spent], now: datetime) -> Sighting | None:
    if len(costs) < rule.samples:
        return None
    usual = [float(one.cost_usd) for one in costs]
    lately = [one for one in costs if now - one.at <= timedelta(seconds=rule.window_s)]
    dear = [one for one in lately if robust_score(float(one.cost_usd), usual) > rule.threshold]
    if not dear:
        return None
    most = max(dear, key=lambda one: one.cost_usd)
    more = f"\n{len(dear) - 1} more in the last {_span(rule.window_s)}." if len(dear) > 1 else ""
    return Sighting(
        key=f"cost:{agent}",
        title=f"An execution of {agent} cost ${most.cost_usd:,.4f}, usually ${median(usual):,.4f}",
        body=f"Execution {most.execution_id}.{more}",
    )


def _failing(rule: AlertRule, seen: Observed) -> Sequence[Sighting]:
    found: list[Sighting] = []
    for agent, ended in _of(rule, seen.ended.get(rule.name, {})):
        total = ended.completed + ended.failed
        if total >= rule.least and ended.failed >= rule.rate * total:
            title = f"{agent} fails: {ended.failed} of {total} in the last {_span(rule.window_s)}"
            body = f"holdfast executions --status failed --agent {agent}"
            found.append(Sighting(key=f"failing:{agent}", title=title, body=body))
    return found


def _approvals(rule: AlertRule, waiting: Sequence[Waiting], now: datetime) -> Sequence[Sighting]:
    return [
        Sighting(
            key=f"approval_age:{rule.name}:{agent}",
            title=f"{_many(len(of), 'question', 'questions')} of {agent} without an answer for {_span(rule.older_s)}",
            body="\n".join(
                f"{one.id}: {one.what} ({_span((now - one.since).total_seconds())})" for one in of[:_LISTED]
            ),
        )
        for agent, of in _by_agent(rule, waiting)
    ]


def _stuck(rule: AlertRule, waiting: Sequence[Waiting], now: datetime) -> Sequence[Sighting]:
    return [
        Sighting(
            key=f"stuck:{rule.name}:{agent}",
            title=f"{_many(len(of), 'execution', 'executions')} of {agent} stuck for {_span(rule.for_s)}",
            body="\n".join(
                f"{one.id}: {one.what} ({_span((now - one.since).total_seconds())})" for one in of[:_LISTED]
            ),
        )
        for agent, of in _by_agent(rule, waiting)
    ]


def _left_alone(rule: AlertRule, seen: Observed) -> Iterable[Unserved]:
    """What has waited longer than one set of workers takes to follow another."""
    waited = (one for one in seen.unserved if seen.at - one.since >= UNSERVED_AFTER)
    return (one for one in waited if rule.agent in {None, one.agent})


def _unserved(one: Unserved) -> Sighting:
    waiting = _many(one.count, "execution waits", "executions wait")
    if one.pinned_to is None:
        return Sighting(
            key=f"unserved:{one.agent}",
            title=f"{waiting} for {one.agent}: no live worker serves it",
            body="Start one: holdfast worker TARGET. holdfast workers lists those there are.",
        )
    return Sighting(
        key=f"unserved:{one.agent}:{one.pinned_to}",
        title=f"{waiting} for {one.agent} {one.pinned_to}: no live worker serves that version",
        body=f"Start one with the code of that version: holdfast worker TARGET --only-pinned. Or let another version "
        f"go on with them: holdfast unpin {one.agent} --version {one.pinned_to}",
    )


def _by_agent(rule: AlertRule, waiting: Sequence[Waiting]) -> Iterable[tuple[str, list[Waiting]]]:
    agents = dict.fromkeys(one.agent for one in waiting if rule.agent in {None, one.agent})
    return [(agent, [one for one in waiting if one.agent == agent]) for agent in agents]


def _of(rule: AlertRule, found: Mapping[str, T]) -> Iterable[tuple[str, T]]:
    return [(agent, one) for agent, one in found.items() if rule.agent in {None, agent}]


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
