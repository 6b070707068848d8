"""How well agents do: the question `agent_health_metrics`, asked on both databases with the same answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, text

from holdfast.errors import MissingExtra
from holdfast.trail.codec import stamp
from holdfast.trail.metrics.stand import stand
from holdfast.trail.parts import Parts
from holdfast.types import AgentHealth, Stand

MetricsText: TypeAlias = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Makes the Prometheus exposition for an `Accept` header: its text and content type."""

_POSTGRES: Final = text(
    "SELECT * FROM agent_health_metrics(CAST(:agent AS text), CAST(:since AS timestamptz)) ORDER BY agent_type"
)
# The view `agent_health_metrics` of the file, which takes no arguments, asked with them.
_SQLITE: Final = text("""
WITH ended AS (
    SELECT * FROM agent_ended_executions WHERE completed_at >= :since AND (:agent IS NULL OR agent_type = :agent)
),
failures AS (
    SELECT agent_type, json_group_object(reason, how_many) AS by_reason FROM (
        SELECT agent_type, coalesce(status_reason, 'FAILED') AS reason, count(*) AS how_many
        FROM ended WHERE status = 'failed' GROUP BY 1, 2
    ) GROUP BY agent_type
),
ranked AS (
    SELECT agent_type, elapsed_s - waited_s AS duration_s, count(*) OVER (PARTITION BY agent_type) AS how_many,
        row_number() OVER (PARTITION BY agent_type ORDER BY elapsed_s - waited_s) AS place
    FROM ended WHERE status = 'completed'
),
durations AS (
    SELECT agent_type, min(CASE WHEN place >= 0.5 * how_many THEN duration_s END) AS p50,
        min(CASE WHEN place >= 0.95 * how_many THEN duration_s END) AS p95
    FROM ranked GROUP BY agent_type
),
sums AS (
    SELECT agent_type, count(*) AS executions, sum(status = 'completed') AS completed, sum(status = 'failed') AS failed,
        sum(status = 'cancelled') AS cancelled, sum(steps) AS steps, sum(useful_steps) AS useful_steps,
        sum(calls_completed) AS calls_completed, sum(calls_failed) AS calls_failed, sum(reviewed) AS reviewed,
        sum(tokens) AS tokens, sum(CAST(round(CAST(cost_usd AS REAL) * 1e12) AS INTEGER)) AS pico_usd
    FROM ended GROUP BY agent_type
)
SELECT s.agent_type, executions, completed, failed, cancelled,
    completed * 1.0 / nullif(completed + failed, 0) AS completion_rate,
    steps * 1.0 / executions AS average_steps,
    useful_steps * 1.0 / nullif(steps, 0) AS step_efficiency,
    calls_completed * 1.0 / nullif(calls_completed + calls_failed, 0) AS tool_success_rate,
    reviewed * 1.0 / executions AS human_review_rate,
    tokens, (pico_usd + 500) / 1000 / 1e9 AS cost_usd,
    tokens * 1.0 / nullif(completed, 0) AS tokens_per_completion,
    (2 * pico_usd + 1000 * completed) / nullif(2000 * completed, 0) / 1e9 AS cost_per_completion_usd,
    d.p50 AS p50_duration_s, d.p95 AS p95_duration_s, coalesce(f.by_reason, '{}') AS failures
FROM sums s LEFT JOIN durations d ON d.agent_type = s.agent_type LEFT JOIN failures f ON f.agent_type = s.agent_type
ORDER BY s.agent_type
""")
_EVER: Final = ""
"""Before any time, as SQLite compares them."""


class HealthSide:
    """The trail, asked how agents do."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def health_metrics(self, *, agent: str | None = None, since: datetime | None = None) -> list[AgentHealth]:
        """Each agent that had executions end at `since` or later, by name. Reads every one of them: 0.4 s of 25,000."""
        return await self._parts.reader.run(lambda c: agent_health(c, agent=agent, since=since))

    async def stand(self) -> Stand:
        """How everything stands now, from live rows alone."""
        return await self._parts.reader.run(lambda c: stand(c, self._parts.clock.now()))

    async def changes(self, *, most_every_s: float, least_every_s: float) -> AsyncIterator[None]:
        """Tick at once, then when something may have changed, but within these seconds of the last tick.

        Other processes' commits are heard of as far as the database tells: PostgreSQL of all that starts, parks or
        ends, SQLite of all.
        """
        bell = self._parts.bell
        while True:
            since = bell.works
            yield
            await asyncio.sleep(most_every_s)
            await bell.wait_for_work(since=since, timeout_s=least_every_s - most_every_s)

    def metrics_text(self, *, tools: Collection[str] = ()) -> MetricsText:
        """Count from now on what this process commits, and expose it with how everything stands.

        Args:
            tools: Names of tools that may be labels; any other is counted as unknown.

        Raises:
            MissingExtra: The library is not installed.
        """
        try:
            from holdfast.trail.metrics.exposition import Metrics  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise MissingExtra("server", needed_for="metrics for Prometheus") from error
        return Metrics(self._parts, tools=tools).text


def agent_health(connection: Connection, *, agent: str | None, since: datetime | None) -> list[AgentHealth]:
    """How agents did, from the executions that ended at `since` or later."""
    if connection.dialect.name == "postgresql":
        found = connection.execute(_POSTGRES, {"agent": agent, "since": since})
    else:
        found = connection.execute(_SQLITE, {"agent": agent, "since": _EVER if since is None else stamp(since)})
    return [_health(row) for row in found.mappings()]


def _health(row: Mapping[Any, Any]) -> AgentHealth:
    values: dict[str, Any] = dict(row)
    failures = values.pop("failures")
    return AgentHealth(
        agent=values.pop("agent_type"),
        cost_usd=_dollars(values.pop("cost_usd")) or Decimal(0),
        cost_per_completion_usd=_dollars(values.pop("cost_per_completion_usd")),
        failures=json.loads(failures) if isinstance(failures, str) else failures,
        **values,
    )


def _dollars(amount: Decimal | float | None) -> Decimal | None:
    """The amount without trailing zeros; SQLite has it as the nearest number."""
    if amount is None:
        return None
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    return Decimal(f"{exact.normalize():f}")
