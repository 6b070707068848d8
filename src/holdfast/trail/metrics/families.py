"""What the database tells, as families of Prometheus metrics."""

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from holdfast.trail.metrics.totals import BUCKETS_S, Ends, Spent, Sums, Totals
from holdfast.types import Health, Live, Stand
from holdfast.version import __version__

_STATES: Final = {"closed": 0, "half_open": 1, "open": 2}
_TOKENS: Final = ("input", "output", "cache_read", "cache_write")


def of_process(health: Health) -> Iterator[Metric]:
    """Whether this process can write, and what waits for it."""
    yield _gauge("info", "1; the label says which version this is.", {(__version__,): 1}, "version")
    yield _gauge("database_up", "1 while the database takes writes, else 0.", {(): int(health.ok)})
    yield _gauge("writer_queue", "Requests that wait for the writer now.", {(): health.queued})


def of_stand(now: Stand) -> Iterator[Metric]:
    """How everything stands."""
    yield from _executions(now.live)
    yield from _people(now)
    yield from _controls(now)
    yield _gauge("workers", "Workers with a live lease.", {(): now.leases.workers})
    yield _gauge("workers_draining", "Of them, those that take nothing new.", {(): now.leases.draining})
    yield _gauge("worker_capacity", "Executions that the others may have at once.", {(): now.leases.capacity})
    served = {key: float(count) for key, count in now.leases.serving.items()}
    yield _gauge("workers_serving", "Of the others, those that serve an agent.", {**served}, "agent", "version")
    yield _gauge("leases_held", "Executions that a live worker holds.", {(): now.leases.held})
    yield _gauge("leases_lost", "Executions that run under a lease which ran out.", {(): now.leases.abandoned})


def of_totals(totals: Totals) -> Iterator[Metric]:
    """What everything came to so far."""
    yield _ended(totals.ends)
    yield _durations(totals.ends)
    yield from _spent(totals.spent)


def _gauge(name: str, about: str, values: dict[tuple[str, ...], float], *labels: str) -> Metric:
    made = GaugeMetricFamily(f"holdfast_{name}", about, labels=labels)
    for names, value in values.items():
        made.add_metric(names, value)
    return made


def _executions(live: Sequence[Live]) -> Iterator[Metric]:
    counts = {(one.agent, one.status): one.count for one in live}
    yield _gauge("executions", "Executions that have not ended.", {**counts}, "agent", "status")
    pending = [one for one in live if one.status == "pending"]
    due = {(one.agent,): one.due for one in pending}
    yield _gauge("queue_depth", "Pending executions that a worker could take up now.", {**due}, "agent")
    oldest = {(one.agent,): one.oldest_s for one in pending}
    yield _gauge("queue_oldest_seconds", "How long the first of them has been due.", oldest, "agent")


def _people(now: Stand) -> Iterator[Metric]:
    counts = {(one.agent, one.kind): one.count for one in now.open}
    yield _gauge("approvals_open", "Questions that wait for a person.", {**counts}, "agent", "kind")
    oldest = {(one.agent, one.kind): one.oldest_s for one in now.open}
    yield _gauge("approvals_oldest_seconds", "How long the first of them has waited.", oldest, "agent", "kind")
    yield _gauge("alerts", "Alerts that are not over.", {(key,): n for key, n in now.alerts.items()}, "severity")
    outbox = {**now.outbox}
    yield _gauge("outbox", "Deliveries that wait (queued) or were given up (dead).", {**outbox}, "channel", "status")


def _controls(now: Stand) -> Iterator[Metric]:
    states = {(one.kind, one.name): _STATES[one.status] for one in now.breakers}
    about = "0 closed, 1 half-open, 2 open; one that has seen no failure is not listed."
    yield _gauge("breaker_state", about, {**states}, "kind", "name")
    yield _gauge("switches_on", "Agents, tools and models that an operator stopped.", {(): now.switches})
    shares = {
        (account.budget.name, account.subject): float((account.spent + account.reserved) / account.amount)
        for account in now.accounts
        if account.amount
    }
    about = "Share of a budget that is spent or held; budgets for each user are not listed."
    yield _gauge("budget_used_ratio", about, shares, "budget", "subject")


def _ended(ends: Ends) -> Metric:
    labels = ["agent", "status", "reason"]
    made = CounterMetricFamily(
        "holdfast_executions_ended", "Executions that ended; of failed ones with the reason.", labels=labels
    )
    for names, sums in ends.items():
        made.add_metric(names, sums[0])
    return made


def _durations(ends: Ends) -> Metric:
    labels = ["agent", "status"]
    about = "From the request to the end of an execution, waits for people included."
    made = HistogramMetricFamily("holdfast_execution_seconds", about, labels=labels)
    by_status: dict[tuple[str, str], Sums] = {}
    for (agent, status, _), sums in ends.items():
        known = by_status.get((agent, status), (0.0,) * len(sums))
        by_status[agent, status] = tuple(a + b for a, b in zip(known, sums, strict=True))
    for names, (count, total_s, *within) in by_status.items():
        bounds = [(str(float(bound)), some) for bound, some in zip(BUCKETS_S, within, strict=True)]
        made.add_metric(names, [*bounds, ("+Inf", count)], total_s)
    return made


def _spent(spent: Spent) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "holdfast_model_calls", "Model calls of executions that parked or ended.", labels=["agent", "model", "outcome"]
    )
    tokens = CounterMetricFamily("holdfast_tokens", "Tokens of those calls.", labels=["agent", "model", "kind"])
    cost = CounterMetricFamily("holdfast_cost_usd", "US dollars for those calls.", labels=["agent", "model"])
    for (agent, model), (answered, failed, *used, usd) in spent.items():
        calls.add_metric([agent, model, "answered"], answered)
        calls.add_metric([agent, model, "failed"], failed)
        for kind, amount in zip(_TOKENS, used, strict=True):
            tokens.add_metric([agent, model, kind], amount)
        cost.add_metric([agent, model], usd)
    yield from (calls, tokens, cost)
