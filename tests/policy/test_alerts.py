"""What people hear of, once, and when it is over: rules over what was observed, under a clock that is told."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from holdfast.policy.alerts import judge, robust_score, with_defaults
from holdfast.types import (
    Account,
    Alert,
    AlertRule,
    Breaker,
    Budget,
    Ended,
    GivenUp,
    KeyTrouble,
    Observed,
    Spent,
    Unserved,
    Waiting,
)

NOW = datetime(2026, 11, 21, 10, 0).astimezone()


class Watched:
    """What a worker that looks after alerts remembers from look to look."""

    def __init__(self, *rules: AlertRule) -> None:
        self.rules = with_defaults(rules)
        self.firing: dict[str, Alert] = {}
        self.last_seen: dict[str, datetime] = {}
        self.at = NOW

    def look(self, after_s: float = 5, **seen) -> list[tuple[str, str]]:
        """What a look changes: what, and the alert's key."""
        self.at += timedelta(seconds=after_s)
        changes, self.last_seen = judge(self.rules, Observed(at=self.at, **seen), self.firing, self.last_seen)
        for change in changes:
            if change.what == "resolved":
                del self.firing[change.alert.key]
            else:
                self.firing[change.alert.key] = change.alert
        return [(change.what, change.alert.key) for change in changes]


def account(spent: float, amount: int = 100, subject: str = "") -> Account:
    budget = Budget(name="daily", scope="user" if subject else "global", usd=Decimal(amount))
    left = Decimal(amount) - Decimal(spent)
    return Account(
        budget=budget, subject=subject, amount=Decimal(amount), spent=Decimal(spent), reserved=Decimal(0), left=left,
        resets_at=NOW + timedelta(days=1),
    )  # fmt: skip


def breaker(status: str = "open", name: str = "openai:gpt") -> Breaker:
    return Breaker(kind="model", name=name, status=status, reason="server: 500", since=NOW, until=None, ok=0, failed=5)


def spent(*costs: float, ago_s: float = 10) -> tuple[Spent, ...]:
    at = NOW - timedelta(seconds=ago_s)
    return tuple(Spent(execution_id=f"e{n}", cost_usd=Decimal(str(cost)), at=at) for n, cost in enumerate(costs))


def waiting(*agents: str) -> tuple[Waiting, ...]:
    return tuple(Waiting(id=f"w{n}", agent=agent, what="May it?", since=NOW) for n, agent in enumerate(agents))


def test_a_budget_is_told_at_each_mark_once():
    """50, 80 and 100 percent are one alert that gets worse, not three, and staying there is no news."""
    watched = Watched()
    told = [watched.look(accounts=(account(spent),)) for spent in (49, 51, 55, 83, 84, 100, 100)]
    key = "budget:daily:"
    assert told == [[], [("fired", key)], [], [("worse", key)], [], [("worse", key)], []]
    assert watched.firing[key].severity == "critical"


def test_a_budget_that_wavers_around_a_mark_is_told_once():
    """A rolling window lets a little go and takes a little: nobody wants to hear of each."""
    watched = Watched()
    watched.look(accounts=(account(81),))
    assert [watched.look(accounts=(account(spent),)) for spent in (79, 81, 78, 82)] == [[], [], [], []]


def test_a_budget_that_was_topped_up_may_be_told_again():
    """Well below the mark it eases in silence; reaching it again is news."""
    watched = Watched()
    watched.look(accounts=(account(81),))
    assert watched.look(accounts=(account(60),)) == [("eased", "budget:daily:")]
    assert watched.look(accounts=(account(80),)) == [("worse", "budget:daily:")]


def test_a_window_that_turns_resolves_it():
    """After a minute of calm, and once."""
    watched = Watched()
    watched.look(accounts=(account(100),))
    told = [watched.look(30, accounts=(account(0),)) for _ in range(4)]
    assert told == [[], [("resolved", "budget:daily:")], [], []]


def test_executions_that_wait_for_money_are_critical():
    """What is left may be too little for one more call long before all is spent."""
    watched = Watched()
    assert watched.look(short_of_budget=3) == [("fired", "budget.waiting")]
    assert "3 executions wait" in watched.firing["budget.waiting"].title


def test_a_breaker_is_told_when_it_opens_and_when_it_is_closed():
    """Half-open is not over."""
    watched = Watched()
    key = "breaker:model:openai:gpt"
    assert watched.look(breakers=(breaker(),)) == [("fired", key)]
    assert watched.look(breakers=(breaker("half_open"),)) == []
    assert watched.look(breakers=(breaker("closed"),)) == []
    assert watched.look(61) == [("resolved", key)]


def test_what_comes_and_goes_within_a_minute_is_one_alert():
    """A breaker that flaps does not fill a channel."""
    watched = Watched()
    watched.look(breakers=(breaker(),))
    told = [watched.look(20, breakers=(breaker(),) if n % 2 else ()) for n in range(20)]
    assert told == [[]] * 20


def test_a_refused_key_is_critical_at_once():
    """Somebody must set it right; the message says what."""
    watched = Watched()
    trouble = KeyTrouble(model="openai:gpt", reason="authentication: 401", at=NOW)
    assert watched.look(keys=(trouble,)) == [("fired", "provider_key:openai:gpt")]
    assert watched.firing["provider_key:openai:gpt"].severity == "critical"


def test_a_channel_that_takes_nothing_is_told_on_the_others():
    """With how many and the last reason."""
    watched = Watched()
    assert watched.look(dead={"slack": GivenUp(count=2, error="channel_not_found")}) == [("fired", "dead_letter:slack")]
    assert "channel_not_found" in watched.firing["dead_letter:slack"].body


def test_a_cost_far_above_the_usual_is_told():
    """By the median and its deviation: one dear execution before does not hide the next."""
    watched = Watched(AlertRule(name="dear", kind="cost"))
    usual = [0.10, 0.11, 0.09, 0.12, 0.10] * 5
    assert watched.look(costs={"support": spent(*usual, 0.13)}) == []
    assert watched.look(costs={"support": spent(*usual, 3.0, 2.5)}) == [("fired", "cost:support")]
    assert "cost $3.0000, usually $0.1000" in watched.firing["cost:support"].title


def test_few_executions_say_nothing_about_the_usual():
    """Nineteen are too few."""
    watched = Watched(AlertRule(name="dear", kind="cost"))
    assert watched.look(costs={"support": spent(*[0.1] * 18, 9.0)}) == []


def test_a_cost_of_yesterday_is_no_news():
    """Only what ended in the window is judged."""
    watched = Watched(AlertRule(name="dear", kind="cost"))
    assert watched.look(costs={"support": (*spent(*[0.1] * 30), *spent(9.0, ago_s=7_200))}) == []


def test_costs_that_never_differ_do_not_make_a_cent_an_alarm():
    """A deviation of nothing would make any difference infinite."""
    assert robust_score(0.102, [0.1] * 50) < 6 < robust_score(0.2, [0.1] * 50)


def test_an_agent_that_fails_too_often_is_told():
    """A share of enough executions; one that failed alone is none."""
    watched = Watched(AlertRule(name="broken", kind="failing", rate=0.5, least=4))
    few = {"support": Ended(completed=0, failed=3)}
    many = {"support": Ended(completed=2, failed=2), "other": Ended(completed=9, failed=1)}
    assert watched.look(ended={"broken": few}) == []
    assert watched.look(ended={"broken": many}) == [("fired", "failing:support")]


@pytest.mark.parametrize(("kind", "field"), [("approval_age", "approvals"), ("stuck", "stuck")])
def test_what_waits_too_long_is_one_alert_for_each_agent(kind: str, field: str):
    """Fifty questions over night are not fifty messages."""
    watched = Watched(AlertRule(name="slow", kind=kind))
    told = watched.look(**{field: {"slow": waiting("support", "support", "billing")}})
    assert sorted(told) == [("fired", f"{kind}:slow:billing"), ("fired", f"{kind}:slow:support")]
    assert "w0: May it?" in watched.firing[f"{kind}:slow:support"].body


def test_what_no_worker_serves_is_told_after_half_a_minute_and_resolves_itself():
    """With the command that lets it go on; a deploy that takes less is no news."""
    watched = Watched(AlertRule(name="unserved", kind="unserved"))
    left = Unserved(agent="support", pinned_to="3", count=12, since=NOW)
    assert watched.look(10, unserved=(left,)) == []
    assert watched.look(25, unserved=(left,)) == [("fired", "unserved:support:3")]
    alert = watched.firing["unserved:support:3"]
    assert (alert.severity, "12 executions wait" in alert.title) == ("critical", True)
    assert "holdfast unpin support --version 3" in alert.body
    nobody = Unserved(agent="billing", pinned_to=None, count=1, since=left.since)
    assert watched.look(1, unserved=(nobody,)) == [("fired", "unserved:billing")]
    assert watched.look(120) == [("resolved", "unserved:support:3"), ("resolved", "unserved:billing")]


def test_a_rule_about_one_agent_says_nothing_of_others():
    """`agent` narrows it."""
    watched = Watched(AlertRule(name="slow", kind="stuck", agent="billing"))
    assert watched.look(stuck={"slow": waiting("support", "billing")}) == [("fired", "stuck:slow:billing")]


def test_a_configured_rule_takes_the_place_of_the_default_of_its_kind():
    """The others hold without configuration."""
    rules = with_defaults([AlertRule(name="mine", kind="budget", at=(90,))])
    assert sorted((rule.name, rule.kind) for rule in rules) == [
        ("breaker", "breaker"),
        ("dead_letter", "dead_letter"),
        ("mine", "budget"),
        ("provider_key", "provider_key"),
        ("sensor", "sensor"),
        ("unserved", "unserved"),
    ]


def test_a_new_watch_does_not_end_what_it_has_not_looked_at():
    """After a change of hands the calm begins anew."""
    watched = Watched()
    watched.look(breakers=(breaker(),))
    watched.last_seen = {}
    assert watched.look(500) == []
    assert watched.look(61) == [("resolved", "breaker:model:openai:gpt")]
