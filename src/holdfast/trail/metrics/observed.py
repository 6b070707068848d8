"""What this process saw happen: latencies of commits, steps, models and tools, counted as they are committed."""

from collections.abc import Callable, Collection
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from holdfast.errors import NotAdmitted, RateLimited
from holdfast.trail import events
from holdfast.trail.committed import Committed
from holdfast.trail.requests import AppendStep
from holdfast.types import Append, CallChange, NewEvent, Swept

_COMMIT_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CALL_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_BATCH: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000)
_WAIT_S: Final = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600)
_OVER: Final = frozenset({"completed", "failed", "denied", "in_doubt"})
_MOST_STEPS: Final = 10_000
"""Under way at once. A step that another worker took over is forgotten in the end."""
UNKNOWN_TOOL: Final = "(unknown)"
"""Stands for whatever a model called that no agent has: its own words are never labels."""


class Tally:
    """Counts what commits tell; an observer of `trail.committed`.

    Args:
        registry: Where its metrics are registered.
        tools: Names of tools that may be labels.
        monotonic: The clock, in seconds.
    """

    def __init__(self, registry: CollectorRegistry, *, tools: Collection[str], monotonic: Callable[[], float]) -> None:
        self._tools, self._monotonic = frozenset(tools), monotonic
        self._steps: dict[str, tuple[object, float]] = {}
        """Number of the step under way of each execution, and when it began."""
        self._commit_s = Histogram(
            "holdfast_commit_seconds", "A transaction of the journal, from its beginning until it is durable.",
            buckets=_COMMIT_S, registry=registry,
        )  # fmt: skip
        self._batch = Histogram(
            "holdfast_commit_requests", "Requests that one transaction of the journal made durable.",
            buckets=_BATCH, registry=registry,
        )  # fmt: skip
        self._step_s = Histogram(
            "holdfast_step_seconds", "A step: from its model call to that of the next one, or until it parks or ends.",
            ["agent"], buckets=_CALL_S, registry=registry,
        )  # fmt: skip
        self._model_s = Histogram(
            "holdfast_model_call_seconds", "One attempt of a model call.",
            ["model", "outcome"], buckets=_CALL_S, registry=registry,
        )  # fmt: skip
        self._model_failures = Counter(
            "holdfast_model_call_failures", "Attempts of model calls that failed, by class of failure.",
            ["model", "failure"], registry=registry,
        )  # fmt: skip
        self._tool_s = Histogram(
            "holdfast_tool_call_seconds", "A tool call that ran: its last attempt.",
            ["tool"], buckets=_CALL_S, registry=registry,
        )  # fmt: skip
        self._tool_calls = Counter(
            "holdfast_tool_calls", "Tool calls that came to an end, by outcome.",
            ["tool", "outcome"], registry=registry,
        )  # fmt: skip
        self._refusals = Counter(
            "holdfast_refusals", "Steps that controls did not let begin, by the error's code.",
            ["reason"], registry=registry,
        )  # fmt: skip
        self._rate_wait_s = Histogram(
            "holdfast_rate_wait_seconds", "How long a rate limit lets a step wait.",
            buckets=_WAIT_S, registry=registry,
        )  # fmt: skip
        self._taken_over = Counter(
            "holdfast_taken_over", "Executions of dead workers that this process made claimable.", registry=registry
        )

    def __call__(self, committed: Committed) -> None:
        """Count one transaction."""
        self._commit_s.observe(committed.took_s)
        self._batch.observe(len(committed.requests))
        for request, outcome in zip(committed.requests, committed.outcomes, strict=True):
            if isinstance(outcome, NotAdmitted):
                self._refused(outcome)
            elif isinstance(request, AppendStep) and not isinstance(outcome, Exception):
                self._step(request.append, _agent(committed, request.append.execution_id))
            elif isinstance(outcome, Swept) and outcome.taken_over:
                self._taken_over.inc(outcome.taken_over)

    def _refused(self, refusal: NotAdmitted) -> None:
        self._refusals.labels(refusal.code).inc()
        if isinstance(refusal, RateLimited) and refusal.over == "park":
            self._rate_wait_s.observe(refusal.retry_after_s)

    def _step(self, append: Append, agent: str) -> None:
        for event in append.events:
            self._event(event, append.execution_id, agent)
        for change in append.calls:
            if change.status in _OVER:
                self._call(change)
        if append.status is not None:
            self._end_step(append.execution_id, agent)

    def _event(self, event: NewEvent, execution_id: str, agent: str) -> None:
        data = event.data
        if event.kind == events.MODEL_REQUESTED:
            self._begin_step(execution_id, agent, data.get("step"))
        elif event.kind == events.MODEL_RESPONDED:
            self._model_s.labels(_name(data.get("gen_ai.request.model")), "answered").observe(
                _s(data.get("latency_ms"))
            )
        elif event.kind == events.MODEL_ATTEMPT_FAILED:
            model = _name(data.get("gen_ai.request.model"))
            self._model_s.labels(model, "failed").observe(_s(data.get("latency_ms")))
            self._model_failures.labels(model, _name(data.get("failure"))).inc()

    def _begin_step(self, execution_id: str, agent: str, number: object) -> None:
        if (under_way := self._steps.get(execution_id)) and under_way[0] == number:
            return  # another attempt of the same model call
        self._end_step(execution_id, agent)
        if len(self._steps) >= _MOST_STEPS:
            del self._steps[next(iter(self._steps))]
        self._steps[execution_id] = number, self._monotonic()

    def _end_step(self, execution_id: str, agent: str) -> None:
        if (step := self._steps.pop(execution_id, None)) is not None:
            self._step_s.labels(agent).observe(self._monotonic() - step[1])

    def _call(self, change: CallChange) -> None:
        tool = change.tool_name if change.tool_name in self._tools else UNKNOWN_TOOL
        self._tool_calls.labels(tool, change.status).inc()
        if change.latency_ms:
            self._tool_s.labels(tool).observe(_s(change.latency_ms))


def _agent(committed: Committed, execution_id: str) -> str:
    head = next((led.heads[execution_id] for led in committed.ledgers if execution_id in led.heads), None)
    return head.agent_type if head else ""


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""


def _s(milliseconds: object) -> float:
    return milliseconds / 1_000 if isinstance(milliseconds, int | float) else 0.0
